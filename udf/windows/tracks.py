"""Which pane a row or a piece of time belongs to, and when windows close."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Any, Protocol

import numpy as np

from udf.windows.limits import MAX_WINDOWS_IN_GAP, WindowError
from udf.windows.pieces import Ints, Placed, split
from udf.windows.rows import Rows, no_rows
from udf.windows.shapes import Sliding, Tumbling, grid_of


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Windows that closed, oldest first: start and end in ns, and their panes [first, stop)."""

    starts: Ints
    ends: Ints
    first: Ints
    stop: Ints
    keep_from: int
    """Panes before this one are of no use any more."""


class Track(Protocol):
    """Places rows; results depend on the rows and never on where a batch ends."""

    def place(self, rows: Rows) -> Placed:
        """Rows that come after all earlier ones."""

    def closed(self, panes: Ints, now_ns: int) -> Spans:
        """Windows that close when the newest row is of `now_ns`; `panes` are those with data."""

    def snapshot(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


class Grid:
    """Tumbling and sliding windows. Raises WindowError.

    A window of which nothing is known is given only right after one with data, so that a day
    without data is one row and not thousands.
    """

    def __init__(self, shape: Tumbling | Sliding, gap_ns: int, width: int) -> None:
        self._size_ns, self._step_ns, self._offset_ns = grid_of(shape)
        self._pane_ns = gcd(self._size_ns, self._step_ns)
        self._panes = self._size_ns // self._pane_ns
        self._stride = self._step_ns // self._pane_ns
        self._gap_ns = gap_ns
        if gap_ns // self._pane_ns > MAX_WINDOWS_IN_GAP:
            raise WindowError(
                f"A value may hold for {gap_ns / 1e9:g} s, which is more than {MAX_WINDOWS_IN_GAP} "
                f"windows of {self._pane_ns / 1e9:g} s.",
                hint="Choose a shorter longest gap or larger windows.",
            )
        self._carry = no_rows(width)
        self._next: int | None = None

    def place(self, rows: Rows) -> Placed:
        line = self._carry.then(rows)
        times = line.times
        fresh = np.arange(len(self._carry), len(line))
        if self._next is None:
            past = int(times[0]) - self._offset_ns - self._size_ns
            self._next = past // self._step_ns + 1
        covered = np.diff(times) <= self._gap_ns
        after, begin, end = split(times, covered, self._pane_ns, self._offset_ns)
        self._carry = line.pick(slice(-1, None))
        return Placed(line, fresh, self._pane(rows.times), after, begin, end, self._pane(begin))

    def _pane(self, times: Ints) -> Ints:
        found: Ints = (times - self._offset_ns) // self._pane_ns
        return found

    def closed(self, panes: Ints, now_ns: int) -> Spans:
        assert self._next is not None
        done = (now_ns - self._offset_ns - self._size_ns) // self._step_ns
        if done < self._next:
            none = np.empty(0, np.int64)
            return Spans(none, none, none, none, self._next * self._stride)
        # windows that a pane with data is part of
        first = -((self._panes - 1 - panes) // self._stride)
        count = panes // self._stride - first + 1
        number = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        full = np.unique(np.repeat(first, count) + number)
        full = full[(full >= self._next) & (full <= done)]
        # the row that closed an earlier window is in the one after it, so that one has data
        following = full + 1
        windows = np.union1d(full, following[following <= done])
        self._next = done + 1
        starts = windows * self._step_ns + self._offset_ns
        begins = windows * self._stride
        return Spans(
            starts,
            starts + self._size_ns,
            begins,
            begins + self._panes,
            self._next * self._stride,
        )

    def snapshot(self) -> dict[str, Any]:
        return {"carry": self._carry.snapshot(), "next": self._next}

    def restore(self, state: dict[str, Any]) -> None:
        self._carry = Rows(*state["carry"])
        self._next = state["next"]
