"""The rows of open windows, for aggregates that need them all."""

from __future__ import annotations

from typing import Any

import numpy as np

from udf.windows.limits import MAX_KEPT, WindowError
from udf.windows.order_statistics import Percentile
from udf.windows.pieces import Floats, Ints


class Kept:
    """panes [K] ascending and values [K, N], NaN where not usable."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._panes = np.empty(0, np.int64)
        self._values = np.empty((0, width))

    def add(self, panes: Ints, values: Floats) -> None:
        self._panes = np.concatenate((self._panes, panes))
        self._values = np.concatenate((self._values, values))

    def results(self, percentile: Percentile, first: Ints, stop: Ints) -> Floats:
        """[T, N] of the windows with the panes [first, stop). Raises WindowError."""
        low, high = np.searchsorted(self._panes, first), np.searchsorted(self._panes, stop)
        found = np.full((len(first), self._width), np.nan)
        for number, (start, end) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
            _check((end - start) * self._width)
            if end > start:
                found[number] = percentile.of(self._values[start:end])
        return found

    def drop(self, keep_from: int) -> None:
        """Rows of panes before this one. Raises WindowError where too many are left."""
        low = int(np.searchsorted(self._panes, keep_from))
        self._panes, self._values = self._panes[low:].copy(), self._values[low:].copy()
        _check(self._values.size)

    def snapshot(self) -> list[Any]:
        return [self._panes, self._values]

    def restore(self, state: list[Any]) -> None:
        self._panes, self._values = state


def _check(values: int) -> None:
    if values > MAX_KEPT:
        raise WindowError(
            f"A percentile needs {values} values of one window, more than {MAX_KEPT}.",
            hint="Choose a smaller window, fewer tags, or another aggregate.",
        )
