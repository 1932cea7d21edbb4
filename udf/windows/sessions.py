"""Session windows: rows with short pauses between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from udf.windows.limits import SECOND_NS
from udf.windows.pieces import Bools, Ints, Placed
from udf.windows.rows import Rows, no_rows
from udf.windows.shapes import Session
from udf.windows.tracks import Spans


class Sessions:
    """Every session is a pane of its own, numbered from 0.

    Rows without any usable value are no part of a session; the time around them is not known.
    """

    def __init__(self, shape: Session, gap_ns: int, width: int) -> None:
        self._pause_ns = round(shape.pause_s * SECOND_NS)
        self._longest_ns = round(shape.longest_s * SECOND_NS)
        self._gap_ns = gap_ns
        self._carry = no_rows(width)
        self._broken = False
        self._numbers: list[int] = []
        """Sessions that have not been given out: number, start and end of each."""
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._next = 0

    def place(self, rows: Rows) -> Placed:
        active = np.flatnonzero(rows.usable.any(axis=1))
        known = len(self._carry)
        broken = np.diff(active, prepend=-1) > 1
        if len(active):
            broken[0] |= self._broken
            self._broken = int(active[-1]) < len(rows) - 1
        else:
            self._broken = self._broken or len(rows) > 0
        line = self._carry.then(rows.pick(active))
        numbers, same = self._number(line.times, known)
        if not known:
            broken = broken[1:]
        pieces = (np.diff(line.times) <= self._gap_ns) & ~broken & same
        after = np.flatnonzero(pieces)
        self._carry = line.pick(slice(-1, None))
        times = line.times
        fresh = np.arange(known, len(line))
        return Placed(
            line, fresh, numbers[known:], after, times[after], times[after + 1], numbers[after]
        )

    def _number(self, times: Ints, known: int) -> tuple[Ints, Bools]:
        """The session of each row, and [S - 1] whether the time after it belongs to it too."""
        numbers = np.empty(len(times), np.int64)
        pauses = np.diff(times) >= self._pause_ns
        run_ends = np.append(np.flatnonzero(pauses) + 1, len(times))
        numbers[:known] = self._next - 1
        at = known
        if known and at < len(times) and not pauses[0]:
            at = self._extend(times, numbers, at, int(run_ends[0]))
        while at < len(times):
            self._numbers.append(self._next)
            self._starts.append(int(times[at]))
            self._ends.append(int(times[at]))
            self._next += 1
            run_end = run_ends[np.searchsorted(run_ends, at, side="right")]
            at = self._extend(times, numbers, at, int(run_end))
        return numbers, ~pauses

    def _extend(self, times: Ints, numbers: Ints, at: int, end: int) -> int:
        """Rows `at` to `end`, without a pause, into the newest session; where it becomes too long
        it ends at the row that the next one begins with. Returns the first row that is left."""
        too_long = self._starts[-1] + self._longest_ns
        stop = min(end, int(np.searchsorted(times, too_long, side="left")))
        numbers[at:stop] = self._numbers[-1]
        self._ends[-1] = int(times[stop if stop < end else end - 1])
        return stop

    def closed(self, panes: Ints, now_ns: int) -> Spans:
        done = len(self._numbers)
        if done and len(self._carry) and now_ns - int(self._carry.times[-1]) < self._pause_ns:
            done -= 1
        first = np.array(self._numbers[:done], np.int64)
        starts = np.array(self._starts[:done], np.int64)
        ends = np.array(self._ends[:done], np.int64)
        del self._numbers[:done], self._starts[:done], self._ends[:done]
        keep_from = self._numbers[0] if self._numbers else self._next
        return Spans(starts, ends, first, first + 1, keep_from)

    def snapshot(self) -> dict[str, Any]:
        return {
            "carry": self._carry.snapshot(),
            "broken": self._broken,
            "numbers": self._numbers,
            "starts": self._starts,
            "ends": self._ends,
            "next": self._next,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._carry = Rows(*state["carry"])
        self._broken, self._next = state["broken"], state["next"]
        self._numbers, self._starts = list(state["numbers"]), list(state["starts"])
        self._ends = list(state["ends"])
