"""Running sums and extremes of the panes that are still open, as columns.

Sums are taken one value after the other (never in pairs), so that the last bit of a result is the
same wherever batches are cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from udf.windows.pieces import Bools, Floats, Ints, PieceGroup, RowGroup

Fields = dict[str, Any]
"""Arrays [P, N] by the name of the field."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a pane: what stands there at first, and how panes become one."""

    joins: str = "add"
    """add, min, max, first or last; of the last two NaN is nothing."""
    blank: float = 0.0
    whole: bool = False
    """True: int64, for nanoseconds and counts."""


class Store:
    """Panes [P] with data, ascending, and the fields of each [P, N]."""

    def __init__(self, fields: Mapping[str, Field], width: int) -> None:
        self._fields = fields
        self._width = width
        self.panes = np.empty(0, np.int64)
        self.values: Fields = {name: self._blank(field, 0) for name, field in fields.items()}

    def spots(self, panes: Ints) -> Ints:
        return np.searchsorted(self.panes, panes)

    def grow(self, *panes: Ints) -> None:
        """Make room for panes, none of which is before the last one."""
        new = np.unique(np.concatenate(panes))
        if len(self.panes):
            new = new[new > self.panes[-1]]
        if not len(new):
            return
        self.panes = np.concatenate((self.panes, new))
        for name, field in self._fields.items():
            blank = self._blank(field, len(new))
            self.values[name] = np.concatenate((self.values[name], blank))

    def joined(self, first: Ints, stop: Ints) -> list[tuple[int, int]]:
        """Places [low, high) in the store of the panes of each window."""
        low, high = np.searchsorted(self.panes, first), np.searchsorted(self.panes, stop)
        return list(zip(low.tolist(), high.tolist(), strict=True))

    def drop(self, keep_from: int) -> None:
        """Panes before this number are gone."""
        low = int(np.searchsorted(self.panes, keep_from))
        if low:
            self.panes = self.panes[low:].copy()
            self.values = {name: values[low:].copy() for name, values in self.values.items()}

    def snapshot(self) -> dict[str, Any]:
        return {"panes": self.panes, "values": dict(self.values)}

    def restore(self, state: dict[str, Any]) -> None:
        self.panes, self.values = state["panes"], dict(state["values"])

    def _blank(self, field: Field, panes: int) -> Any:
        dtype = np.int64 if field.whole else np.float64
        return np.full((panes, self._width), field.blank, dtype)


# --- into panes ---------------------------------------------------------------------------------
def add(total: Floats, spots: Ints, parts: Floats) -> None:
    """Add parts [K, N] to total [P, N], one after the other, at ascending spots [K]."""
    if not len(spots):
        return
    low, width = int(spots[0]), total.shape[1]
    part = total[low : int(spots[-1]) + 1]
    columns = np.arange(width)
    places = ((spots - low)[:, np.newaxis] * width + columns).ravel()
    places = np.concatenate((np.arange(part.size), places))
    weights = np.concatenate((part.ravel(), parts.ravel()))
    part[:] = np.bincount(places, weights, part.size).reshape(part.shape)


def add_whole(total: Ints, group: RowGroup | PieceGroup, parts: Any) -> None:
    """The same for integers, which have no last bit to lose."""
    if len(group.spots):
        total[group.spots[group.runs]] += np.add.reduceat(
            parts.astype(np.int64, copy=False), group.runs, axis=0
        )


def extreme(total: Floats, group: RowGroup, which: np.ufunc, nothing: float) -> None:
    """np.minimum or np.maximum of the usable values."""
    if len(group.spots):
        values = np.where(group.usable, group.values, nothing)
        at = group.spots[group.runs]
        total[at] = which(total[at], which.reduceat(values, group.runs, axis=0))


def first(total: Any, group: RowGroup | PieceGroup, values: Floats) -> None:
    """The first usable one of values [K, N], where the pane has none yet."""
    if len(group.spots):
        at = group.spots[group.runs]
        places = np.where(group.usable, np.arange(len(values))[:, np.newaxis], len(values))
        found = _picked(values, np.minimum.reduceat(places, group.runs, axis=0))
        total[at] = np.where(np.isnan(total[at]), found, total[at])


def last(total: Any, group: RowGroup | PieceGroup, values: Floats) -> None:
    """The last usable one of values [K, N], where there is one."""
    if len(group.spots):
        at = group.spots[group.runs]
        places = np.where(group.usable, np.arange(len(values))[:, np.newaxis], -1)
        found = _picked(values, np.maximum.reduceat(places, group.runs, axis=0))
        total[at] = np.where(np.isnan(found), total[at], found)


def _picked(values: Floats, places: Any) -> Floats:
    """values[places[u, n], n]; NaN where the place is outside."""
    padded = np.concatenate((values, np.full((1, values.shape[1]), np.nan)))
    found: Floats = np.take_along_axis(padded, places, axis=0)
    return found


# --- panes into a window ------------------------------------------------------------------------
def join(field: Field, panes: Any) -> Any:
    """The panes [m, N] of a window as one [N]; m is at least 1."""
    if field.joins == "add":
        return panes.sum(axis=0)
    if field.joins == "min":
        return panes.min(axis=0)
    if field.joins == "max":
        return panes.max(axis=0)
    known: Bools = ~np.isnan(panes)
    if field.joins == "first":
        return panes[np.argmax(known, axis=0), np.arange(panes.shape[1])]
    at = len(panes) - 1 - np.argmax(known[::-1], axis=0)
    return panes[at, np.arange(panes.shape[1])]
