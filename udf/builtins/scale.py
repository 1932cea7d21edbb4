"""Raw numbers to engineering units: by a line, or by a line from point to point."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from udf.base import Parameters
from udf.builtins.table import places
from udf.builtins.tagwise import Reading, Tagwise, Times, value_out
from udf.context import Context


class ScaleParameters(Parameters):
    scale: Annotated[float, Field(title="Scale")] = 1.0
    """The value is raw * scale + offset."""
    offset: Annotated[float, Field(title="Offset")] = 0.0
    """Added after scaling, in the unit of the result."""
    raw_low: Annotated[float | None, Field(title="Raw low")] = None
    """Linear range in place of scale and offset: the raw number that means `low`."""
    raw_high: Annotated[float | None, Field(title="Raw high")] = None
    """The raw number that means `high`."""
    low: Annotated[float | None, Field(title="Low")] = None
    """The value at raw low."""
    high: Annotated[float | None, Field(title="High")] = None
    """The value at raw high."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        ends = (self.raw_low, self.raw_high, self.low, self.high)
        given = sum(end is not None for end in ends)
        if given not in (0, 4):
            raise ValueError("a linear range needs raw low, raw high, low and high, all four")
        if given and (self.scale != 1.0 or self.offset != 0.0):
            raise ValueError("give either scale and offset or a linear range, not both")
        if given and self.raw_low == self.raw_high:
            raise ValueError("raw low and raw high are equal, so there is no line through them")
        if self.scale == 0.0:
            raise ValueError("a scale of 0 would make every value the offset")
        return self

    @property
    def line(self) -> tuple[float, float]:
        """(scale, offset)."""
        if self.raw_low is None or self.raw_high is None or self.low is None or self.high is None:
            return self.scale, self.offset
        scale = (self.high - self.low) / (self.raw_high - self.raw_low)
        return scale, self.low - self.raw_low * scale


class Scale(Tagwise[ScaleParameters]):
    """Raw * scale + offset, or a linear range from raw low..raw high to low..high.

    Values outside the range are on the same line; put a clamp behind it to hold them. Source: the
    line through two points, as `NORM_X` and `SCALE_X` in Siemens S7 PLCs.
    """

    name, version, title = "scale", "1.0.0", "Scale"
    Params = ScaleParameters
    outputs = value_out("The scaled value.")

    def prepare(self, ctx: Context) -> None:
        self._scale, self._offset = ctx.params.line

    def apply(self, reading: Reading, times: Times) -> Reading:
        values = np.multiply(reading.values, self._scale)
        if self._offset:
            np.add(values, self._offset, out=values)
        return Reading(values, reading.absent, reading.quality)


class LineariseParameters(Parameters):
    points: Annotated[
        tuple[tuple[float, float], ...], Field(title="Points", min_length=2, max_length=1000)
    ]
    """Pairs of (raw, value), with raw ascending; between two of them the line is straight."""
    ends: Annotated[Literal["clamp", "extrapolate"], Field(title="Beyond the ends")] = "clamp"
    """clamp: the value of the first or last point. extrapolate: along the first or last line."""

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        for (before, _), (after, _) in zip(self.points, self.points[1:], strict=False):
            if after <= before:
                raise ValueError(
                    f"the points must ascend: {after:g} stands behind {before:g}; sort them by "
                    "their first number and leave doubles out"
                )
        return self


class Linearise(Tagwise[LineariseParameters]):
    """Values by a table of points with straight lines between them: tanks, thermocouples, valves.

    At a point the result is exactly the point's value. Source: piecewise linear interpolation, as
    in `numpy.interp`.
    """

    name, version, title = "linearise", "1.0.0", "Linearise"
    Params = LineariseParameters
    outputs = value_out("The value on the line.")

    def prepare(self, ctx: Context) -> None:
        x, y = np.array(ctx.params.points, dtype=np.float64).T
        slopes = np.diff(y) / np.diff(x)
        clamped = ctx.params.ends == "clamp"
        first, last = (0.0, 0.0) if clamped else (slopes[0], slopes[-1])
        # segment k begins at point k - 1; segment 0 lies before the first point
        self._x, self._from_x, self._from_y = x, np.append(x[:1], x), np.append(y[:1], y)
        self._slope = np.concatenate(([first], slopes, [last]))

    def apply(self, reading: Reading, times: Times) -> Reading:
        at = places(self._x, reading.values)
        values = np.subtract(reading.values, self._from_x.take(at))
        np.multiply(values, self._slope.take(at), out=values)
        np.add(values, self._from_y.take(at), out=values)
        return Reading(values, reading.absent, reading.quality)
