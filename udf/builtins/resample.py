"""Values at regular times."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from schemas.functions import Input, Output
from schemas.quality import Quality
from udf.base import Batch, Column, Function, Parameters, Returned
from udf.builtins.windowed import DAY_S, GapS, OffsetS
from udf.context import Context
from udf.windows.pieces import Ints
from udf.windows.rows import Rows, no_rows, rows_of

MAX_POINTS_IN_GAP = 20_000


class ResampleParameters(Parameters):
    period_s: Annotated[float, Field(title="Period (s)", ge=0.001, le=DAY_S)] = 1.0
    """The time from one row to the next."""
    offset_s: OffsetS = 0.0
    """The grid is at whole periods after this time."""
    method: Annotated[Literal["hold", "linear"], Field(title="Between values")] = "hold"
    """hold: the last value stands. linear: on the straight line to the next one."""
    gap_s: GapS = 600.0
    """Where values are further apart, one bad row says so, and no more come until the next value.
    """

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.gap_s / self.period_s > MAX_POINTS_IN_GAP:
            raise ValueError(
                f"a gap of {self.gap_s:g} s would be filled with more than {MAX_POINTS_IN_GAP} "
                f"rows: choose a longer period or a shorter gap"
            )
        return self


class Resample(Function[ResampleParameters]):
    """Each tag on a regular grid of times, whatever times its values have.

    Rows come as soon as the next value is there. With `linear`, a value before a bad one holds and
    is uncertain.
    """

    name, version, title = "resample", "1.0.0", "Resample"
    Params = ResampleParameters
    inputs = (Input("values", many=True, description="The tags, each on its own."),)
    outputs = (Output("value", per="values", description="The values on the grid."),)

    def setup(self, ctx: Context) -> None:
        self._period_ns = round(ctx.params.period_s * 1e9)
        self._offset_ns = round(ctx.params.offset_s * 1e9)
        self._gap_ns = round(ctx.params.gap_s * 1e9)
        self._tags = [tag.id for tag in ctx.tags.get("values", ())]
        self._carry = no_rows(len(self._tags))

    def process(self, batch: Batch, ctx: Context) -> Returned:
        known = len(self._carry)
        line = self._carry.then(rows_of(batch.times, batch["values"], len(self._tags)))
        self._carry = line.pick(slice(-1, None))
        after, points = self._between(line.times)
        values, quality = self._at(line, after, points, ctx.params.method == "linear")
        on_grid = np.flatnonzero((line.times - self._offset_ns) % self._period_ns == 0)
        on_grid = on_grid[on_grid >= known]
        times = np.concatenate((points, line.times[on_grid]))
        if not len(times):
            return None
        order = np.argsort(times)
        own = np.where(line.usable[on_grid], line.values[on_grid], np.nan)
        values = np.concatenate((values, own))[order]
        quality = np.concatenate((quality, _qualities(line)[on_grid]))[order]
        return {"value": Column(values, quality, times[order])}

    def _between(self, times: Ints) -> tuple[Ints, Ints]:
        """The row before each point of the grid that is between rows, and the point's time."""
        begin, end = times[:-1] - self._offset_ns, times[1:] - self._offset_ns
        first = begin // self._period_ns + 1
        count = np.maximum((end - 1) // self._period_ns - first + 1, 0)
        count = np.where(end - begin <= self._gap_ns, count, np.minimum(count, 1))
        number = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        points = (np.repeat(first, count) + number) * self._period_ns + self._offset_ns
        return np.repeat(np.arange(len(count)), count), points

    def _at(self, line: Rows, after: Ints, points: Ints, linear: bool) -> tuple[Any, Any]:
        values, quality = line.values[after], _qualities(line)[after]
        if linear:
            span = (line.times[after + 1] - line.times[after])[:, np.newaxis]
            part = (points - line.times[after])[:, np.newaxis] / span
            both = line.usable[after + 1]
            with np.errstate(over="ignore", invalid="ignore"):
                on_line = values + (line.values[after + 1] - values) * part
            values = np.where(both, on_line, values)
            following = np.where(both, _qualities(line)[after + 1], np.uint8(Quality.UNCERTAIN))
            quality = np.minimum(quality, following)
        known = (line.times[after + 1] - line.times[after] <= self._gap_ns)[:, np.newaxis]
        quality = np.where(known, quality, np.minimum(quality, np.uint8(Quality.BAD_STALE)))
        return np.where(known & line.usable[after], values, np.nan), quality

    def snapshot(self) -> dict[str, Any]:
        return {"tags": self._tags, "carry": self._carry.snapshot()}

    def restore(self, state: dict[str, Any]) -> None:
        if state["tags"] == self._tags:
            self._carry = Rows(*state["carry"])


def _qualities(rows: Rows) -> Any:
    """Their quality; what says to be usable and is no number is bad."""
    strange = ~rows.usable & (rows.quality >= Quality.UNCERTAIN)
    return np.where(strange, np.uint8(Quality.BAD_OUT_OF_RANGE), rows.quality)
