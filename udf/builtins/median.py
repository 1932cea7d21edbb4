"""Medians over a moving window."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from schemas.kinds import Array
from schemas.quality import Quality
from udf.base import Parameters
from udf.builtins.tagwise import Floats, Mask, Reading, Tagwise, Times, value_out
from udf.context import Context

_SHORT = 15
"""Up to so many rows comparing whole rows beats numpy's sort of each window."""


class MovingMedianParameters(Parameters):
    rows: Annotated[int, Field(title="Rows", ge=2, le=1000)] = 5
    """Median of so many rows (scans); an odd number gives a value that really occurred."""


class MovingMedian(Tagwise[MovingMedianParameters]):
    """Median of the last rows: takes single spikes out and keeps steps sharp.

    It begins with what is there. Bad values are left out; one uncertain value in the window makes
    the result uncertain. Of an even number it is the mean of the middle two. Source: J. W. Tukey,
    *Exploratory Data Analysis* (1977), chapter 7, running medians; short windows are sorted by
    Batcher's odd-even merge network (AFIPS Spring Joint Computing Conference 1968).
    """

    name, version, title = "moving_median", "1.0.0", "Moving median"
    Params = MovingMedianParameters
    outputs = value_out("The median over the window.")

    def prepare(self, ctx: Context) -> None:
        self._rows = ctx.params.rows

    def fresh(self, count: int, ctx: Context) -> dict[str, Array]:
        return {
            "values": np.full((self._rows - 1, count), np.nan),  # oldest first; NaN is none
            "quality": np.full((self._rows - 1, count), Quality.GOOD, dtype=np.uint8),
        }

    def apply(self, reading: Reading, times: Times) -> Reading:
        values, quality = reading.values, reading.quality
        if reading.absent is not None:
            values = np.where(reading.absent, np.nan, values)
        history, past = self.state["values"], self.state["quality"]
        rows = np.concatenate((history, values))
        history[:] = rows[len(values) :]
        result = _medians(rows, self._rows)
        if quality is None and past.min(initial=Quality.GOOD) >= Quality.GOOD:
            return Reading(result)
        counted = reading.qualities()
        if reading.absent is not None:
            counted[reading.absent] = Quality.GOOD
        qualities = np.concatenate((past, counted))
        past[:] = qualities[len(values) :]
        worst = np.lib.stride_tricks.sliding_window_view(qualities, self._rows, axis=0).min(axis=-1)
        return Reading(result, reading.absent, np.minimum(worst, reading.qualities()))

    def restore(self, state: dict[str, Any]) -> None:
        """With other tags or another number of rows it begins anew."""
        same = np.array_equal(state["tags"], self.state["tags"])
        if same and state["values"].shape == self.state["values"].shape:
            self.state = state


def _medians(rows: Floats, width: int) -> Floats:
    """Of each `width` rows below each other: [S + width - 1, N] to [S, N]."""
    incomplete: Mask = np.isnan(rows)
    if width > _SHORT or bool(incomplete.all(axis=1).any()):
        return _sorted(rows, width)
    result = _compared(rows, width)
    columns = np.flatnonzero(incomplete.any(axis=0))
    if len(columns):
        result[:, columns] = _sorted(rows[:, columns], width)
    return result


def _sorted(rows: Floats, width: int) -> Floats:
    """Also where some are NaN, which are left out; of none it is NaN."""
    windows = np.sort(np.lib.stride_tricks.sliding_window_view(rows, width, axis=0), axis=-1)
    count = width - np.isnan(windows).sum(axis=-1)
    low = np.maximum(count - 1, 0) // 2
    pair = [
        np.take_along_axis(windows, at[..., np.newaxis], axis=-1)[..., 0]
        for at in (low, np.minimum(count // 2, width - 1))
    ]
    return _mean(*pair)


def _compared(rows: Floats, width: int) -> Floats:
    count = len(rows) - width + 1
    wires = [rows[start : start + count] for start in range(width)]
    for low, high, both in _network(width):
        least = np.minimum(wires[low], wires[high]) if both & 1 else wires[low]
        most = np.maximum(wires[low], wires[high]) if both & 2 else wires[high]
        wires[low], wires[high] = least, most
    if width % 2:
        return wires[width // 2]
    return _mean(wires[width // 2 - 1], wires[width // 2])


def _mean(low: Floats, high: Floats) -> Floats:
    found: NDArray[np.float64] = low / 2 + high / 2  # the sum could be infinite
    return np.where(low == high, low, found)


@cache
def _network(width: int) -> list[tuple[int, int, int]]:
    """Comparators (low, high, 1 minimum | 2 maximum needed) that put the median in the middle."""
    size = 1 << (width - 1).bit_length()
    pairs = []
    step = 1
    while step < size:
        gap = step
        while gap >= 1:
            for start in range(gap % step, size - gap, 2 * gap):
                pairs += [
                    (low, low + gap)
                    for low in range(start, min(start + gap, size - gap))
                    if low // (2 * step) == (low + gap) // (2 * step)
                ]
            gap //= 2
        step *= 2
    needed = {width // 2} if width % 2 else {width // 2 - 1, width // 2}
    network = []
    for low, high in reversed([pair for pair in pairs if pair[1] < width]):
        both = (low in needed) + 2 * (high in needed)
        if both:
            needed |= {low, high}
            network.append((low, high, both))
    return network[::-1]
