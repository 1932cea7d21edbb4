"""Values of a trial as curves that a browser can draw: thinned, with every extreme kept."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hub.function_records import Curve
from schemas.kinds import Array
from schemas.quality import Quality

MAX_POINTS = 2_000
"""Of one curve."""
MAX_ALL_POINTS = 200_000
"""Of all curves of a side together."""
_FEWEST = 60
_PER_BUCKET = 3
"""The least, the largest, and a bad one."""


@dataclass(slots=True)
class _Line:
    times: list[NDArray[np.int64]] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)
    quality: list[NDArray[np.uint8]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Place:
    """What a curve is drawn of."""

    port: str
    name: str
    unit: str = ""


class Curves:
    """Collects columns by place, and thins them at the end."""

    def __init__(self) -> None:
        self._lines: dict[Place, _Line] = defaultdict(_Line)
        self.values = 0

    def add(
        self,
        place: Place,
        times: NDArray[np.int64],
        values: Array,
        quality: NDArray[np.uint8] | None,
    ) -> None:
        """times [T] ns UTC, values [T], quality [T] or None when all are good."""
        line = self._lines[place]
        line.times.append(times)
        line.values.append(values)
        good = np.full(len(times), Quality.GOOD, dtype=np.uint8)
        line.quality.append(good if quality is None else quality)
        self.values += len(times)

    def thinned(self) -> tuple[Curve, ...]:
        """In the order in which the places came."""
        most = max(_FEWEST, min(MAX_POINTS, MAX_ALL_POINTS // max(1, len(self._lines))))
        return tuple(_curve(place, line, most) for place, line in self._lines.items())


def thin(values: Array, quality: NDArray[np.uint8], most: int) -> NDArray[np.intp]:
    """Places of at most `most` values to draw, ascending.

    Of numbers the least and the largest of each stretch stay, and of texts and bools the changes,
    as long as there is room; a stretch with a bad value keeps one.
    """
    if len(values) <= most:
        return np.arange(len(values))
    bad = quality < Quality.UNCERTAIN
    steps = values.dtype == object or values.dtype == np.bool_
    if steps:
        changes = _changes(values, bad)
        if len(changes) <= most:
            return changes
        values = np.arange(len(values))  # so many changes that any are as good
    return _extremes(values.astype(np.float64), bad, most)


def _changes(values: Array, bad: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Where a value differs from the one before, with that one, and both ends."""
    differs = np.asarray(values[1:] != values[:-1], dtype=np.bool_) | (bad[1:] != bad[:-1])
    keep = np.zeros(len(values), dtype=np.bool_)
    keep[[0, -1]] = True
    keep[1:] |= differs
    keep[:-1] |= differs
    return np.flatnonzero(keep)


def _extremes(values: NDArray[np.float64], bad: NDArray[np.bool_], most: int) -> NDArray[np.intp]:
    bounds = np.linspace(0, len(values), most // _PER_BUCKET + 1).astype(np.intp)
    low, high = np.where(bad, np.inf, values), np.where(bad, -np.inf, values)
    found: set[int] = set()
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        gone = bad[start:end]
        if gone.any():
            found.add(start + int(np.argmax(gone)))
        if not gone.all():
            found.add(start + int(np.argmin(low[start:end])))
            found.add(start + int(np.argmax(high[start:end])))
    return np.array(sorted(found), dtype=np.intp)


def _curve(place: Place, line: _Line, most: int) -> Curve:
    times, quality = np.concatenate(line.times), np.concatenate(line.quality)
    values = np.concatenate(line.values)
    order = np.argsort(times, kind="stable")
    times, values, quality = times[order], values[order], quality[order]
    keep = thin(values, quality, most)
    shown = _plain(values[keep])
    bad = (quality[keep] < Quality.UNCERTAIN).tolist()
    return Curve(
        place.port,
        place.name,
        place.unit,
        times[keep].tolist(),
        [None if is_bad else value for value, is_bad in zip(shown, bad, strict=True)],
        quality[keep].tolist(),
    )


def _plain(values: Array) -> list[float | int | bool | str | None]:
    """Numbers that JSON does not have are nothing to draw."""
    if values.dtype.kind == "f":
        typed = values.astype(object)
        typed[~np.isfinite(values.astype(np.float64))] = None
        return list(typed.tolist())
    return list(values.tolist())
