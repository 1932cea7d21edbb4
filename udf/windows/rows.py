"""Rows of values in event time, and putting late ones in their place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.quality import Quality
from udf.base import Column
from udf.windows.limits import MAX_WAITING, WindowError

NEVER = -(2**62)


@dataclass(frozen=True, eq=False)
class Rows:
    """times int64 [S] ns UTC, values float64 [S, N], quality uint8 [S, N]."""

    times: NDArray[np.int64]
    values: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """Where there is a finite value, good or uncertain."""
        found: NDArray[np.bool_] = np.isfinite(self.values) & (self.quality >= Quality.UNCERTAIN)
        return found

    @cached_property
    def good(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self.usable & (self.quality >= Quality.GOOD)
        return found

    def pick(self, which: slice | NDArray[Any]) -> Rows:
        return Rows(self.times[which], self.values[which], self.quality[which])

    def then(self, later: Rows) -> Rows:
        """These rows and the later ones after them."""
        if not len(self):
            return later
        if not len(later):
            return self
        return Rows(
            np.concatenate((self.times, later.times)),
            np.concatenate((self.values, later.values)),
            np.concatenate((self.quality, later.quality)),
        )

    def snapshot(self) -> list[Any]:
        return [self.times, self.values, self.quality]


def no_rows(width: int) -> Rows:
    return Rows(np.empty(0, np.int64), np.empty((0, width)), np.empty((0, width), np.uint8))


def rows_of(times: NDArray[np.int64], column: Column, width: int) -> Rows:
    """A column [S] or [S, width] as rows. Raises WindowError for another shape."""
    values = np.asarray(column.values)
    shape = (len(times), width)
    if values.size != shape[0] * width or values.dtype.kind not in "biuf":
        raise WindowError(
            f"a column of {values.dtype} {values.shape} came, and numbers {shape} belong there",
            hint="Windows take number columns with a row per time; give `width` for many tags.",
        )
    return Rows(
        np.asarray(times, np.int64),
        values.reshape(shape).astype(np.float64),
        column.qualities().reshape(shape),
    )


class Order:
    """Gives rows out in the order of their times, `lateness_ns` of event time later.

    A row that is that much older than the newest one before it, or more, is left out and counted.
    So it does not matter where a batch ends.
    """

    def __init__(self, width: int, lateness_ns: int) -> None:
        self._lateness_ns = lateness_ns
        self._waiting = no_rows(width)
        self._newest = NEVER
        self.late = 0

    def take(self, rows: Rows) -> Rows:
        if not len(rows):
            return rows
        newest = np.maximum.accumulate(np.concatenate(([self._newest], rows.times)))
        in_time = rows.times > newest[:-1] - self._lateness_ns
        self._newest = int(newest[-1])
        if not in_time.all():
            self.late += int(np.count_nonzero(~in_time))
            rows = rows.pick(in_time)
        if not self._lateness_ns:
            return rows
        waiting = self._waiting.then(rows)
        waiting = waiting.pick(np.argsort(waiting.times, kind="stable"))
        settled = self._newest - self._lateness_ns
        ready = int(np.searchsorted(waiting.times, settled, side="right"))
        self._waiting = waiting.pick(slice(ready, None))
        if self._waiting.values.size > MAX_WAITING:
            raise WindowError(
                f"{self._waiting.values.size} values wait for late ones, more than {MAX_WAITING}."
            )
        return waiting.pick(slice(0, ready))

    def snapshot(self) -> dict[str, Any]:
        return {"waiting": self._waiting.snapshot(), "newest": self._newest, "late": self.late}

    def restore(self, state: dict[str, Any]) -> None:
        self._waiting = Rows(*state["waiting"])
        self._newest, self.late = state["newest"], state["late"]
