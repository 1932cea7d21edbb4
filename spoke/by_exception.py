"""Report by exception: of a column with deadbands only what changed is stored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.frames import Frame
from schemas.kinds import Array, blank
from schemas.quality import Quality
from spoke.drivers.base import Column

AT_LEAST_EVERY_NS = 600 * 10**9
"""A value that does not change is stored again after ten minutes, so that its silence says that it
did not change, and not that nothing is known."""

_NEVER = -(2**62)


class Reporter:
    """Remembers the last stored value, quality and time of each of N tags."""

    def __init__(self, column: Column) -> None:
        count = len(column.tags)
        wire = "<f8" if column.tags[0].scaled else column.wire
        self._band = np.array([tag.deadband_in_unit or 0.0 for tag in column.tags])
        self._banded = bool(self._band.any())
        self._value: Array = blank(wire, (count,))
        self._quality: NDArray[np.uint8] = np.zeros(count, dtype=np.uint8)
        self._time: NDArray[np.int64] = np.full(count, _NEVER, dtype=np.int64)

    def changes(self, frame: Frame, places: slice | NDArray[np.intp]) -> Frame | None:
        """The part of a frame of one scan (values [1, N]) that is worth storing, with
        `source_times`; None when nothing is."""
        values, time = frame.values[0], int(frame.times[0])
        quality = np.full(values.shape, Quality.GOOD, dtype=np.uint8)
        if frame.quality is not None:
            quality = frame.quality[0]
        where = np.arange(len(self._band))[places]
        changed = np.zeros(values.shape, dtype=np.bool_)
        for turn in _turns(where):
            changed[turn] = self._take(values[turn], quality[turn], time, where[turn])
        if not changed.any():
            return None
        sources = frame.source_times
        return Frame(
            frame.tag_ids[changed],
            frame.times,
            frame.values[:, changed],
            None if frame.quality is None else frame.quality[:, changed],
            np.full((1, int(changed.sum())), time) if sources is None else sources[:, changed],
        )

    def _take(
        self, values: Array, quality: NDArray[np.uint8], time: int, where: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """Which of these values of different tags are to be stored; they are remembered."""
        changed = self._moved(values, where) & (quality >= Quality.UNCERTAIN)
        changed |= quality != self._quality[where]
        # both ways: a clock that is set back must not silence a tag until it has caught up
        changed |= np.abs(time - self._time[where]) >= AT_LEAST_EVERY_NS
        kept = where[changed]
        self._value[kept], self._quality[kept] = values[changed], quality[changed]
        self._time[kept] = time
        return changed

    def _moved(self, values: Array, where: NDArray[np.intp]) -> NDArray[np.bool_]:
        last = self._value[where]
        moved: NDArray[np.bool_] = (values != last).astype(np.bool_)
        if self._banded:  # a deadband of 0 is exact, also for 64-bit counters
            band = self._band[where]
            with np.errstate(invalid="ignore"):
                distance = np.abs(values.astype(np.float64) - last.astype(np.float64))
                near = (band > 0) & (distance <= band)
            moved &= ~near
        return moved


def _turns(where: NDArray[np.intp]) -> list[slice | NDArray[np.intp]]:
    """A list of events may name a tag more than once: then the first ones, the second ones, ..."""
    order = np.argsort(where, kind="stable")
    first = np.ones(len(where), dtype=np.bool_)
    first[1:] = where[order][1:] != where[order][:-1]
    if first.all():
        return [slice(None)]
    start = np.maximum.accumulate(np.where(first, np.arange(len(where)), 0))
    rank = np.arange(len(where)) - start
    return [np.sort(order[rank == turn]) for turn in range(int(rank.max()) + 1)]
