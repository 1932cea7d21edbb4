"""Sums over a moving window that do not drift and cost the same for every width.

Keys (row numbers or times) are cut into blocks as wide as the window. A window then reaches from
somewhere in the block before into the present one, so its sum is a *suffix sum* of the block
before, made once when that block is full, plus the *running sum* of the present one. Nothing is
ever subtracted: a spike that has left the window leaves no rounding behind, however many days
pass, and where batches are cut changes no bit of the result.

Source: M. van Herk, "A fast algorithm for local minimum and maximum filters on rectangular and
octagonal kernels", Pattern Recognition Letters 13 (1992) 517-521; J. Gil and M. Werman, "Computing
2-D min, median, and max filters", IEEE PAMI 15 (1993) 504-507; here with sums in place of minima.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_NARROW = 16
"""Up to so many tags numpy's own accumulate is faster than a loop over rows."""
MAX_VALUES = 4_000_000
"""Values that a window may hold; they are in its saved state."""

Rows = NDArray[Any]


def accumulate(ufunc: np.ufunc, rows: Rows, out: Rows, before: Rows) -> None:
    """`out[i] = ufunc(out[i - 1], rows[i])` over the first axis, one after the other, with
    `before` [N] in front of the first."""
    if rows.shape[1] <= _NARROW:
        out[:] = ufunc.accumulate(np.concatenate((before[np.newaxis], rows)), axis=0)[1:]
        return
    for row, found in zip(rows, out, strict=True):
        before = ufunc(before, row, out=found)


class Lane:
    """One quantity over the window: `ufunc` joins it, `none` is what a row without it adds.

    suffix [P + 1, N]: of the block before, from each of its rows to its end; its last row is none.
    running [N] and rows [Q, N]: of the present block.
    """

    def __init__(self, ufunc: np.ufunc, none: Any, count: int, dtype: Any) -> None:
        self._ufunc, self._none = ufunc, np.asarray(none, dtype=dtype)
        self.suffix = np.full((1, count), self._none)
        self.running = np.full(count, self._none)
        self._rows = np.empty((0, count), dtype=dtype)
        self._used = 0

    @property
    def rows(self) -> Rows:
        return self._rows[: self._used]

    def begin(self, suffix: Rows, rows: Rows) -> None:
        """As if these rows had been pushed."""
        self.suffix, self._rows, self._used = suffix, rows, len(rows)
        self.running = np.full(suffix.shape[1], self._none)
        for row in rows:
            self.running = self._ufunc(self.running, row)

    def push(self, rows: Rows, starts: NDArray[np.intp], out: Rows) -> None:
        """Rows of the present block; `starts` is where their windows begin in the one before."""
        self._keep(rows)
        accumulate(self._ufunc, rows, out, self.running)
        self.running[:] = out[-1]
        if len(self.suffix) > 1:
            self._ufunc(out, self.suffix[starts], out=out)

    def turn(self) -> None:
        """The present block is the one before now."""
        self.suffix = np.empty((self._used + 1, len(self.running)), dtype=self._none.dtype)
        self.suffix[-1] = self._none
        accumulate(self._ufunc, self.rows[::-1], self.suffix[:-1][::-1], self.suffix[-1])
        self.clear()

    def forget(self) -> None:
        self.suffix = self.suffix[-1:]

    def clear(self) -> None:
        self.running[:] = self._none
        self._used = 0

    def _keep(self, rows: Rows) -> None:
        needed = self._used + len(rows)
        if needed > len(self._rows):
            if needed * rows.shape[1] > MAX_VALUES:
                raise ValueError(
                    f"the window would hold more than {MAX_VALUES:,} values: "
                    "make it shorter, or bind fewer tags"
                )
            grown = np.empty((max(16, 2 * needed), rows.shape[1]), dtype=self._none.dtype)
            grown[: self._used] = self.rows
            self._rows = grown
        self._rows[self._used : needed] = rows
        self._used = needed
