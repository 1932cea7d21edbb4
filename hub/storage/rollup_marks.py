"""Marks: which minutes and hours of which blocks and tags must be rolled up (again).

The store writes them with the values; the roll-up deletes them with its result.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hub.storage.database import Connection

MINUTE_S, HOUR_S = 60, 3600
SECOND_NS = 1_000_000_000
Span = tuple[int, int]
"""Start and end in ns UTC; the end is not in it."""

_INSERT = """
INSERT INTO rollup_mark (level, points, ids, first, last) VALUES ($1, $2, $3::int[], $4, $5)
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """A range of whole minutes or hours (`level_s`) of blocks, or of tags with points."""

    level_s: int
    points: bool
    ids: tuple[int, ...]
    span: Span


@dataclass(slots=True)
class Marks:
    """Collects marks; equal ranges share one row."""

    level_s: int = MINUTE_S
    _ids: dict[tuple[bool, Span], set[int]] = field(default_factory=lambda: defaultdict(set))

    def add_times(self, points: bool, ids: NDArray[np.int32], times_ns: NDArray[np.int64]) -> None:
        """These blocks or tags have new values at these times."""
        if times_ns.size:
            known = ids.tolist()
            for span in spans_of(times_ns, self.level_s):
                self._ids[points, span].update(known)

    def add(self, points: bool, ids: Iterable[int], span: Span) -> None:
        """A range, widened to whole minutes or hours."""
        self._ids[points, widened(span, self.level_s)].update(ids)

    def extend(self, other: Marks) -> None:
        for key, ids in other._ids.items():
            self._ids[key].update(ids)

    def __bool__(self) -> bool:
        return bool(self._ids)

    async def write(self, conn: Connection) -> None:
        """Raises what asyncpg raises."""
        width = self.level_s * SECOND_NS
        rows = [
            (self.level_s, points, sorted(ids), first, end - width)
            for (points, (first, end)), ids in self._ids.items()
        ]
        if rows:
            await conn.executemany(_INSERT, rows)


def widened(span: Span, level_s: int) -> Span:
    """The whole minutes or hours that touch a range."""
    width = level_s * SECOND_NS
    return span[0] // width * width, -(-span[1] // width) * width


def spans_of(times_ns: NDArray[np.int64], level_s: int) -> list[Span]:
    """The runs of whole minutes or hours that these times touch. Times far from each other (a wrong
    clock) are runs of their own, so that nothing between them is rolled up for nothing."""
    width = level_s * SECOND_NS
    first, last = int(times_ns.min()) // width, int(times_ns.max()) // width
    if last - first <= 1:
        return [(first * width, (last + 1) * width)]
    numbers = np.unique(times_ns // width)
    breaks = np.flatnonzero(np.diff(numbers) > 1)
    starts = numbers[np.concatenate(([0], breaks + 1))].tolist()
    ends = numbers[np.concatenate((breaks, [len(numbers) - 1]))].tolist()
    return [(start * width, (end + 1) * width) for start, end in zip(starts, ends, strict=True)]


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time without overlaps, in order; ranges that touch become one."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def without(span: Span, holes: Sequence[Span]) -> list[Span]:
    """What is left of a range outside of `holes` (merged and in order)."""
    left: list[Span] = []
    start, end = span
    for hole_start, hole_end in holes:
        if hole_end <= start or hole_start >= end:
            continue
        if hole_start > start:
            left.append((start, hole_start))
        start = max(start, hole_end)
    if start < end:
        left.append((start, end))
    return left


def work_of(marks: Iterable[Mark]) -> dict[tuple[bool, Span], list[int]]:
    """Each range once, with the sorted ids of the blocks or tags that need it."""
    unique = {(mark.points, mark.ids, mark.span) for mark in marks}
    spans: dict[tuple[bool, int], list[Span]] = defaultdict(list)
    for points, ids, span in unique:
        for number in ids:
            spans[points, number].append(span)
    work: dict[tuple[bool, Span], list[int]] = defaultdict(list)
    for (points, number), mine in sorted(spans.items()):
        for span in merged(mine):
            work[points, span].append(number)
    return work
