"""Short holes between good values, filled."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from schemas.functions import Input, Output
from schemas.quality import Quality
from udf.base import Batch, Column, Function, Parameters, Returned
from udf.context import Context
from udf.windows.limits import MAX_WAITING, WindowError
from udf.windows.rows import NEVER, Rows, no_rows, rows_of


class InterpolateParameters(Parameters):
    limit_s: Annotated[float, Field(title="Longest hole (s)", gt=0, le=3600)] = 10.0
    """From the good value before to the good one after it; a longer hole stays bad."""


class Interpolate(Function[InterpolateParameters]):
    """Fills bad values between two good ones on the straight line between them, as uncertain.

    Rows wait until it is known whether a hole closes, so they come later by up to the longest hole.
    Values that are good or uncertain pass as they are.
    """

    name, version, title = "interpolate", "1.0.0", "Interpolate"
    Params = InterpolateParameters
    inputs = (Input("values", many=True, description="The tags, each on its own."),)
    outputs = (Output("value", per="values", description="The values, short holes filled."),)

    def setup(self, ctx: Context) -> None:
        self._tags = [tag.id for tag in ctx.tags.get("values", ())]
        width = len(self._tags)
        self._limit_ns = round(ctx.params.limit_s * 1e9)
        self._waiting = no_rows(width)
        self._last_times = np.full(width, NEVER, np.int64)
        self._last_values = np.full(width, np.nan)

    def process(self, batch: Batch, ctx: Context) -> Returned:
        line = self._waiting.then(rows_of(batch.times, batch["values"], len(self._tags)))
        if line.usable.all():
            ready, values, quality = len(line), line.values, line.quality
        else:
            ready, values, quality = self._filled(line)
        if ready:
            self._remember(line, ready)
        self._waiting = line.pick(slice(ready, None))
        if self._waiting.values.size > MAX_WAITING:
            raise WindowError(
                f"{self._waiting.values.size} values wait for a hole to close.",
                hint="Choose a shorter longest hole, or fewer tags.",
            )
        if not ready:
            return None
        return {"value": Column(values[:ready], quality[:ready], line.times[:ready])}

    def _filled(self, line: Rows) -> tuple[int, Any, Any]:
        """Rows that are settled, and all values and qualities [S, N]."""
        count, times = len(line), line.times
        places = np.arange(count)[:, np.newaxis]
        before = np.maximum.accumulate(np.where(line.good, places, -1), axis=0)
        after = np.minimum.accumulate(np.where(line.good, places, count)[::-1], axis=0)[::-1]
        from_ns = np.where(before < 0, self._last_times, times[before])
        closed, begun = after < count, from_ns > NEVER
        until = times[np.minimum(after, count - 1)]
        hole = ~line.usable
        fill = hole & begun & closed & (until - from_ns <= self._limit_ns)
        open_ = hole & begun & ~closed & (times[-1] - from_ns < self._limit_ns)
        values = np.where(hole, np.nan, line.values)
        strange = hole & (line.quality >= Quality.UNCERTAIN)
        quality = np.where(strange, np.uint8(Quality.BAD_OUT_OF_RANGE), line.quality)
        row, tag = np.nonzero(fill)
        low = np.where(
            before[row, tag] < 0, self._last_values[tag], line.values[before[row, tag], tag]
        )
        high = line.values[after[row, tag], tag]
        part = (times[row] - from_ns[row, tag]) / (until[row, tag] - from_ns[row, tag])
        values[row, tag] = low * (1 - part) + high * part
        quality[row, tag] = Quality.UNCERTAIN
        waits = np.flatnonzero(open_.any(axis=1))
        return int(waits[0]) if len(waits) else count, values, quality

    def _remember(self, line: Rows, ready: int) -> None:
        """The last good value of each tag before the rows that wait."""
        good: NDArray[np.bool_] = line.good[:ready]
        tags = np.flatnonzero(good.any(axis=0))
        at = ready - 1 - np.argmax(good[::-1][:, tags], axis=0)
        self._last_times[tags] = line.times[at]
        self._last_values[tags] = line.values[at, tags]

    def snapshot(self) -> dict[str, Any]:
        return {
            "tags": self._tags,
            "waiting": self._waiting.snapshot(),
            "times": self._last_times,
            "values": self._last_values,
        }

    def restore(self, state: dict[str, Any]) -> None:
        if state["tags"] == self._tags:
            self._waiting = Rows(*state["waiting"])
            self._last_times, self._last_values = state["times"], state["values"]
