"""What windows add up: rows, and the pieces of time that their values hold.

A **pane** is what windows are put together from: a window itself, or for sliding windows the part
between two borders. A **piece** is the time from a row to the next one, split at the borders.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from udf.windows.limits import SECOND_NS
from udf.windows.rows import Rows

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Placed:
    """A line of rows with their panes, as a track gives them.

    `line` has the rows [S]; the first one may be the last of the batch before, known already.
    `fresh` [F] are the places of the new ones and `panes` [F] their panes, ascending. Each piece is
    given by the place of the row that it follows, its begin and end in ns, and its pane.
    """

    line: Rows
    fresh: Ints
    panes: Ints
    after: Ints
    begin: Ints
    end: Ints
    piece_panes: Ints


@dataclass(frozen=True, eq=False)
class RowGroup:
    """New rows [K, N] with their places in the store [K], ascending."""

    values: Floats
    usable: Bools
    good: Bools
    spots: Ints

    @cached_property
    def runs(self) -> Ints:
        """Where the rows of each pane begin."""
        return np.flatnonzero(np.diff(self.spots, prepend=-1))


@dataclass(frozen=True, eq=False)
class PieceGroup:
    """New pieces [K] of N tags with their places in the store [K], ascending."""

    placed: Placed
    spots: Ints

    @cached_property
    def runs(self) -> Ints:
        return np.flatnonzero(np.diff(self.spots, prepend=-1))

    @cached_property
    def length_ns(self) -> Ints:
        """[K, 1]."""
        return (self.placed.end - self.placed.begin)[:, np.newaxis]

    @cached_property
    def length_s(self) -> Floats:
        return self.length_ns / SECOND_NS

    @cached_property
    def values(self) -> Floats:
        """The value that holds in each piece [K, N]; look at `usable` before."""
        return self.placed.line.values[self.placed.after]

    @cached_property
    def usable(self) -> Bools:
        return self.placed.line.usable[self.placed.after]

    @cached_property
    def good(self) -> Bools:
        return self.placed.line.good[self.placed.after]

    @cached_property
    def straight(self) -> tuple[Floats, Floats]:
        """Values at begin and end of each piece [K, N], on the straight line between its rows;
        where the next row is not usable the value holds."""
        line, after = self.placed.line, self.placed.after
        times = line.times
        span = (times[after + 1] - times[after])[:, np.newaxis]
        rise = np.where(line.usable[after + 1], line.values[after + 1] - self.values, 0.0)
        passed = [(at - times[after])[:, np.newaxis] for at in (self.placed.begin, self.placed.end)]
        return self.values + rise * (passed[0] / span), self.values + rise * (passed[1] / span)


def split(times: Ints, covered: Bools, pane_ns: int, offset_ns: int) -> tuple[Ints, Ints, Ints]:
    """The pieces between rows at `times` [S] where `covered` [S - 1], split at the panes' borders.

    Returns (after, begin, end), [K] each, in order.
    """
    after = np.flatnonzero(covered)
    begin, end = times[after], times[after + 1]
    first = (begin - offset_ns) // pane_ns
    count = (end - 1 - offset_ns) // pane_ns - first + 1
    number = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    after, first = np.repeat(after, count), np.repeat(first, count)
    border = offset_ns + (first + number) * pane_ns
    begin = np.maximum(np.repeat(begin, count), border)
    return after, begin, np.minimum(np.repeat(end, count), border + pane_ns)
