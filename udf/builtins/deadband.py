"""Values that stand still while they move only a little."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from schemas.kinds import Array
from udf.base import Parameters
from udf.builtins.tagwise import Reading, Tagwise, Times, value_out
from udf.context import Context


class DeadbandParameters(Parameters):
    band: Annotated[float | None, Field(title="Deadband", ge=0)] = None
    """How far the value must move, in its own unit, to be reported again; 0 for every change."""
    percent: Annotated[float | None, Field(title="Percent of range", ge=0, le=100)] = None
    """The same as a share of the range from low to high."""
    low: Annotated[float | None, Field(title="Range low")] = None
    """The low end of the range that the percentage is of."""
    high: Annotated[float | None, Field(title="Range high")] = None
    """The high end of it."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.band is None) == (self.percent is None):
            raise ValueError("give either a deadband or a percentage of the range")
        if self.percent is None:
            return self
        if self.low is None or self.high is None:
            raise ValueError("a percentage needs the low and the high end of the range")
        if self.low >= self.high:
            raise ValueError(f"low ({self.low:g}) must be below high ({self.high:g})")
        return self

    @property
    def width(self) -> float:
        if self.percent is None or self.low is None or self.high is None:
            return self.band or 0.0
        return self.percent / 100 * (self.high - self.low)


class Deadband(Tagwise[DeadbandParameters]):
    """The last reported value stands until the value has moved away from it by more than the band.

    The first value is reported. It has no memory of time: a gap changes nothing. Source: OPC UA
    Part 4, DataChangeFilter (absolute deadband), and Part 8, PercentDeadband.
    """

    name, version, title = "deadband", "1.0.0", "Deadband"
    Params = DeadbandParameters
    outputs = value_out("The last reported value.")

    def prepare(self, ctx: Context) -> None:
        self._band = ctx.params.width

    def fresh(self, count: int, ctx: Context) -> dict[str, Array]:
        return {"held": np.full(count, np.inf)}  # every value is far from it

    def apply(self, reading: Reading, times: Times) -> Reading:
        values, held = reading.values, self.state["held"]
        result = np.empty_like(values)
        away, moved = np.empty_like(held), np.empty(held.shape, dtype=np.bool_)
        for number, row in enumerate(values):
            np.subtract(row, held, out=away)
            np.abs(away, out=away)
            np.greater(away, self._band, out=moved)
            if reading.absent is not None:
                moved &= ~reading.absent[number]
            np.putmask(held, moved, row)
            result[number] = held
        return Reading(result, reading.absent, reading.quality)
