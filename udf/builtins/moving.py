"""Averages over a moving window."""

from __future__ import annotations

from bisect import bisect_right
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from schemas.quality import Quality
from udf.base import Parameters
from udf.builtins.blocks import MAX_VALUES, Lane, accumulate
from udf.builtins.tagwise import SECOND_NS, Floats, Mask, Reading, Tagwise, Times, value_out
from udf.context import Context

_GOOD = np.uint8(Quality.GOOD)


class MovingAverageParameters(Parameters):
    rows: Annotated[int | None, Field(title="Rows", ge=1, le=100_000)] = None
    """Average over so many rows (scans)."""
    window_s: Annotated[float | None, Field(title="Window (s)", gt=0, le=31_536_000)] = None
    """Average over the values of so many seconds, in event time."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.rows is None) == (self.window_s is None):
            raise ValueError("give either a number of rows or a window in seconds")
        return self


class MovingAverage(Tagwise[MovingAverageParameters]):
    """Mean of the last rows, or of the values of the last seconds: (t - window, t].

    It begins with what is there: the first value is its own average. Bad values are left out and
    count in no average; one uncertain value in the window makes the result uncertain. Each value
    has the same weight, however long it stood. After a gap a window in seconds has forgotten what
    is older. Source: block sums of `udf.builtins.blocks` (van Herk 1992; Gil and Werman 1993).
    """

    name, version, title = "moving_average", "1.0.0", "Moving average"
    Params = MovingAverageParameters
    outputs = value_out("The mean over the window.")

    def prepare(self, ctx: Context) -> None:
        params = ctx.params
        self._by_rows = params.rows is not None
        self._width = params.rows if self._by_rows else max(1, round(params.window_s * SECOND_NS))

    def setup(self, ctx: Context) -> None:
        super().setup(ctx)
        count = len(self.state["tags"])
        if self._by_rows and self._width * count > MAX_VALUES:
            raise ValueError(
                f"{self._width} rows of {count} tags are more than {MAX_VALUES:,} values: "
                "take fewer rows, or bind fewer tags"
            )
        self._begin(count)

    def _begin(self, count: int) -> None:
        self._block: int | None = None
        self._row = 0
        self._before = np.empty(0, dtype=np.int64)
        self._keys = np.empty(0, dtype=np.int64)
        self._sums = Lane(np.add, 0.0, count, np.float64)
        # made when the first value is absent or uncertain, dropped when none is in reach
        self._counts: Lane | None = None
        self._worst: Lane | None = None
        self._gaps = [False, False]
        """Whether a value of the block before, or of the present one, is absent."""
        self._doubts = [False, False]
        """Whether one is uncertain."""

    def apply(self, reading: Reading, times: Times) -> Reading:
        keys = times
        if self._by_rows:
            keys = np.arange(self._row, self._row + len(times), dtype=np.int64)
            self._row += len(times)
        values, absent = reading.values, reading.absent
        quality = None
        if reading.quality is not None or self._worst is not None:
            quality = reading.qualities()
        if absent is not None and quality is not None:
            values = np.where(absent, 0.0, values)
            quality[absent] = _GOOD
        result = np.empty_like(values)
        # a block ends where the quotient changes
        blocks = (keys // self._width).tolist()
        start = 0
        while start < len(blocks):
            end = bisect_right(blocks, blocks[start], lo=start)
            self._turn_to(blocks[start])
            rows = slice(start, end)
            starts = np.searchsorted(self._before, keys[rows] - self._width, side="right")
            self._average(
                values[rows], None if absent is None else absent[rows], starts, result[rows]
            )
            if quality is not None:
                self._judge(quality[rows], starts)
            self._keys = np.append(self._keys, keys[rows])
            start = end
        if quality is not None and reading.quality is not None:
            np.minimum(quality, reading.quality, out=quality)
        return Reading(result, absent, quality)

    def _turn_to(self, block: int) -> None:
        if block == self._block:
            return
        lanes = [lane for lane in (self._sums, self._counts, self._worst) if lane is not None]
        follows = self._block is not None and block == self._block + 1
        for lane in lanes:
            lane.turn()
            if not follows:
                lane.forget()
        self._before = self._keys if follows else self._keys[:0]
        self._keys = self._keys[:0]
        self._gaps = [follows and self._gaps[1], False]
        self._doubts = [follows and self._doubts[1], False]
        self._counts = self._counts if self._gaps[0] else None
        self._worst = self._worst if self._doubts[0] else None
        self._block = block

    def _average(
        self, values: Floats, absent: Mask | None, starts: NDArray[np.intp], result: Floats
    ) -> None:
        self._sums.push(values, starts, result)
        if self._counts is None and absent is not None and absent.any():
            self._counts = self._lane(np.add, 0, 1, np.int64)
        if self._counts is None:  # then every row counts
            first = len(self._keys) + len(self._before) + 1
            rows = np.arange(first, first + len(values)) - starts
            np.divide(result, rows[:, np.newaxis], out=result)
            return
        here = np.ones(values.shape, dtype=np.int64)
        if absent is not None:
            here -= absent
            self._gaps[1] = True
        counts = np.empty_like(here)
        self._counts.push(here, starts, counts)
        np.divide(result, np.maximum(counts, 1), out=result)

    def _judge(self, quality: NDArray[np.uint8], starts: NDArray[np.intp]) -> None:
        """Makes each quality the worst one in its window."""
        uncertain = quality.min() < _GOOD
        if self._worst is None:
            if not uncertain:
                return
            self._worst = self._lane(np.minimum, _GOOD, _GOOD, np.uint8)
        self._doubts[1] |= bool(uncertain)
        worst = np.empty_like(quality)
        self._worst.push(quality, starts, worst)
        quality[:] = worst

    def _lane(self, ufunc: np.ufunc, none: Any, usual: Any, dtype: Any) -> Lane:
        """A lane for which every row so far was as `usual`."""
        shape = len(self._keys), len(self._sums.running)
        made = Lane(ufunc, none, shape[1], dtype)
        suffix = np.full((len(self._before) + 1, shape[1]), none, dtype=dtype)
        before = np.full(suffix[1:].shape, usual, dtype=dtype)
        accumulate(ufunc, before, suffix[:-1][::-1], suffix[-1])
        made.begin(suffix, np.full(shape, usual, dtype=dtype))
        return made

    # --- state ----------------------------------------------------------------------------------
    def snapshot(self) -> dict[str, Any]:
        lanes = {"sums": self._sums, "counts": self._counts, "worst": self._worst}
        return {
            "tags": self.state["tags"],
            "width": [self._by_rows, self._width],
            "block": self._block,
            "row": self._row,
            "before": self._before,
            "keys": self._keys,
            "gaps": self._gaps,
            "doubts": self._doubts,
            "lanes": {
                name: [lane.suffix, lane.rows] for name, lane in lanes.items() if lane is not None
            },
        }

    def restore(self, state: dict[str, Any]) -> None:
        """With other tags or another window it begins anew."""
        same = np.array_equal(state["tags"], self.state["tags"])
        if not same or list(state["width"]) != [self._by_rows, self._width]:
            return
        self._block, self._row = state["block"], state["row"]
        self._before, self._keys = state["before"], state["keys"]
        lanes = state["lanes"]
        self._sums.begin(*lanes["sums"])
        if "counts" in lanes:
            self._counts = self._lane(np.add, 0, 1, np.int64)
            self._counts.begin(*lanes["counts"])
        if "worst" in lanes:
            self._worst = self._lane(np.minimum, _GOOD, _GOOD, np.uint8)
            self._worst.begin(*lanes["worst"])
        self._gaps, self._doubts = list(state["gaps"]), list(state["doubts"])
