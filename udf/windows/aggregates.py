"""What a window tells of its rows and of the time that their values hold.

Row aggregates use the rows inside [start, end). Time aggregates use every moment of it: a value
holds until the next row, and is split exactly at the window's borders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from udf.windows.limits import SECOND_NS
from udf.windows.pieces import Floats, PieceGroup, RowGroup
from udf.windows.store import Field, Fields, add, add_whole, first, join, last

_FAR = 2.0**62


class Aggregate:
    """Base of an aggregate. Its fields are its own; NaN as the result is "not known"."""

    fields: ClassVar[dict[str, Field]] = {}
    keeps_rows: ClassVar[bool] = False

    def gather(self, fields: Fields, rows: RowGroup, pieces: PieceGroup) -> None:
        """Add rows and pieces to the fields [P, N]."""

    def join(self, fields: Fields) -> Fields:
        """The fields [m, N] of one window's panes as one pane [1, N]; m is at least 1."""
        return {name: join(field, fields[name])[np.newaxis] for name, field in self.fields.items()}

    def finish(self, fields: Fields, cover: Fields, length_s: Floats) -> Any:
        """The result [T, N] of windows from their fields; `cover` has what Cover counts, and
        `length_s` [T, 1] is from start to end."""
        raise NotImplementedError


class Cover(Aggregate):
    """How much of a window is known. Every window has it."""

    fields: ClassVar[dict[str, Field]] = {
        name: Field(whole=True) for name in ("good_ns", "good_rows", "usable_ns", "usable_rows")
    }

    def gather(self, fields: Fields, rows: RowGroup, pieces: PieceGroup) -> None:
        add_whole(fields["good_rows"], rows, rows.good)
        add_whole(fields["usable_rows"], rows, rows.usable)
        add_whole(fields["good_ns"], pieces, pieces.good * pieces.length_ns)
        add_whole(fields["usable_ns"], pieces, pieces.usable * pieces.length_ns)

    @staticmethod
    def known(cover: Fields) -> Any:
        """[T, N]: where there is any value at all."""
        return (cover["usable_ns"] > 0) | (cover["usable_rows"] > 0)


@dataclass(frozen=True)
class Count(Aggregate):
    """Usable rows; 0 where a value holds and no row came."""

    def finish(self, fields: Fields, cover: Fields, length_s: Floats) -> Any:
        return np.where(Cover.known(cover), cover["usable_rows"], np.nan)


@dataclass(frozen=True)
class Sum(Aggregate):
    """Sum of the usable rows; 0 where a value holds and no row came."""

    fields: ClassVar[dict[str, Field]] = {"sum": Field()}

    def gather(self, fields: Fields, rows: RowGroup, pieces: PieceGroup) -> None:
        add(fields["sum"], rows.spots, np.where(rows.usable, rows.values, 0.0))

    def finish(self, fields: Fields, cover: Fields, length_s: Floats) -> Any:
        return np.where(Cover.known(cover), fields["sum"], np.nan)


@dataclass(frozen=True)
class Integral(Aggregate):
    """Value times seconds. `linear`: trapezoids between the rows, else each value holds."""

    linear: bool = False
    fields: ClassVar[dict[str, Field]] = {"area": Field()}

    def gather(self, fields: Fields, rows: RowGroup, pieces: PieceGroup) -> None:
        if self.linear:
            begin, end = pieces.straight
            heights = (begin + end) / 2
        else:
            heights = pieces.values
        areas = np.where(pieces.usable, heights * pieces.length_s, 0.0)
        add(fields["area"], pieces.spots, areas)

    def finish(self, fields: Fields, cover: Fields, length_s: Floats) -> Any:
        return np.where(cover["usable_ns"] > 0, fields["area"], np.nan)


@dataclass(frozen=True)
class Average(Integral):
    """Mean. `by_time`: each value by the time that it holds, else every row alike.

    With `by_time` and `linear` between the rows the straight line counts. A window of one moment
    (a session of one row) has the mean of its rows.
    """

    by_time: bool = True
    fields: ClassVar[dict[str, Field]] = {"area": Field(), "sum": Field()}

    def gather(self, fields: Fields, rows: RowGroup, pieces: PieceGroup) -> None:
        if self.by_time:
            super().gather(fields, rows, pieces)
        add(fields["sum"], rows.spots, np.where(rows.usable, rows.values, 0.0))

    def finish(self, fields: Fields, cover: Fields, length_s: Floats) -> Any:
        mean = fields["sum"] / cover["usable_rows"]
        if not self.by_time:
            return mean
        held = fields["area"] / (cover["usable_ns"] / SECOND_NS)
        return np.where(cover["usable_ns"] > 0, held, np.where(length_s == 0, mean, np.nan))


@dataclass(frozen=True)
class Rate(Aggregate):
    """Change per second, from the value at the window's start to that at its end.

    At the borders the value is the one on the straight line between the rows on both sides, so the
    changes of neighbouring windows add up. Before the first and after the last usable moment of the
    window nothing counts.
    """

    fields: ClassVar[dict[str, Field]] = {
        "begin": Field("first", np.nan),
        "finish": Field("last", np.nan),
        "from_ns": Field("min", _FAR, whole=True),
        "to_ns": Field("max", -_FAR, whole=True),
    }

    def gather(self, fields: Fields, rows: RowGroup, pieces: PieceGroup) -> None:
        if not len(pieces.spots):
            return
        begin, finish = pieces.straight
        first(fields["begin"], pieces, begin)
        last(fields["finish"], pieces, finish)
        at = pieces.spots[pieces.runs]
        placed, far = pieces.placed, int(_FAR)
        begun = np.where(pieces.usable, placed.begin[:, np.newaxis], far)
        ended = np.where(pieces.usable, placed.end[:, np.newaxis], -far)
        low = np.minimum.reduceat(begun, pieces.runs, axis=0)
        high = np.maximum.reduceat(ended, pieces.runs, axis=0)
        fields["from_ns"][at] = np.minimum(fields["from_ns"][at], low)
        fields["to_ns"][at] = np.maximum(fields["to_ns"][at], high)

    def finish(self, fields: Fields, cover: Fields, length_s: Floats) -> Any:
        known = cover["usable_ns"] > 0
        span = np.where(known, fields["to_ns"] - fields["from_ns"], 0)
        return (fields["finish"] - fields["begin"]) / (span / SECOND_NS)


@dataclass(frozen=True)
class Duration(Aggregate):
    """Seconds in which the value is exactly `state`."""

    state: float = 1.0
    fields: ClassVar[dict[str, Field]] = {"ns": Field(whole=True)}

    def gather(self, fields: Fields, rows: RowGroup, pieces: PieceGroup) -> None:
        inside = pieces.usable & (pieces.values == self.state)
        add_whole(fields["ns"], pieces, inside * pieces.length_ns)

    def finish(self, fields: Fields, cover: Fields, length_s: Floats) -> Any:
        return np.where(Cover.known(cover), fields["ns"] / SECOND_NS, np.nan)


@dataclass(frozen=True)
class GoodShare(Aggregate):
    """Percent of the window's time with a good value; 0 where nothing is known."""

    def finish(self, fields: Fields, cover: Fields, length_s: Floats) -> Any:
        whole = (cover["good_rows"] > 0) & (cover["good_rows"] == cover["usable_rows"])
        share = 100.0 * (cover["good_ns"] / SECOND_NS) / length_s
        return np.where(length_s > 0, share, np.where(whole, 100.0, 0.0))
