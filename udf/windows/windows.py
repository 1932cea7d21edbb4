"""Windows: rows in, closed windows out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.quality import Quality
from udf.base import Column
from udf.windows.aggregates import Aggregate, Cover
from udf.windows.kept import Kept
from udf.windows.limits import MAX_SIZE_S, SECOND_NS, WindowError, nanoseconds
from udf.windows.order_statistics import Percentile
from udf.windows.pieces import Ints, PieceGroup, Placed, RowGroup
from udf.windows.rows import Order, Rows, rows_of
from udf.windows.sessions import Sessions
from udf.windows.shapes import Session, Shape
from udf.windows.store import Fields, Store
from udf.windows.tracks import Grid, Spans, Track


@dataclass(frozen=True, slots=True, eq=False)
class Closed:
    """T windows that closed, oldest first; starts and ends [T] in ns UTC.

    `columns` by the aggregate's name: values [T] ([T, width] when a width was given), with their
    quality, at the windows' ends.
    """

    starts: Ints
    ends: Ints
    columns: dict[str, Column]

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]


class Windows:
    """Windows(Tumbling(60), {"mean": Average(), "most": Maximum()}). Raises WindowError.

    `width`: how many tags a column has; None for one, with columns [S]. `gap_s`: where the next row
    is further away, the time between is not known. `lateness_s`: so long rows wait for late ones.
    `good_percent`: a result is good when this share of its window's time is good; with less, but
    some value, it is uncertain, and without any it is bad.
    """

    def __init__(
        self,
        shape: Shape,
        aggregates: Mapping[str, Aggregate],
        *,
        width: int | None = None,
        gap_s: float = 600.0,
        lateness_s: float = 0.0,
        good_percent: float = 90.0,
    ) -> None:
        gap_ns = nanoseconds(gap_s, "The longest gap")
        if not 0 <= good_percent <= 100:
            raise WindowError(f"There is no good share of {good_percent:g} %.")
        if not 0 <= lateness_s <= MAX_SIZE_S:
            raise WindowError(f"Rows cannot wait {lateness_s:g} s for late ones.")
        self._columns = width
        self._width = 1 if width is None else width
        self._good_percent = good_percent
        self._aggregates = dict(aggregates)
        self._meaning = f"{shape} {self._aggregates} {width} {gap_ns} {lateness_s}"
        self._parts: list[tuple[str, Aggregate]] = [("", Cover()), *self._aggregates.items()]
        fields = {
            f"{name}/{key}": field
            for name, part in self._parts
            for key, field in part.fields.items()
        }
        self._store = Store(fields, self._width)
        self._order = Order(self._width, round(lateness_s * SECOND_NS))
        self._track: Track
        if isinstance(shape, Session):
            self._track = Sessions(shape, gap_ns, self._width)
        else:
            self._track = Grid(shape, gap_ns, self._width)
        keeps = any(part.keeps_rows for part in self._aggregates.values())
        self._kept = Kept(self._width) if keeps else None
        nothing = np.empty(0, np.int64)
        self._none = self._closed(Spans(nothing, nothing, nothing, nothing, 0))

    @property
    def late(self) -> int:
        """Rows that came too late and were left out."""
        return self._order.late

    def take(self, times: NDArray[np.int64], column: Column) -> Closed:
        """Rows at times [S]; gives the windows that they close, maybe none."""
        with np.errstate(all="ignore"):
            rows = self._order.take(rows_of(times, column, self._width))
            if not len(rows):
                return self._none
            placed = self._track.place(rows)
            self._gather(placed)
            spans = self._track.closed(self._store.panes, int(rows.times[-1]))
            closed = self._closed(spans) if len(spans.ends) else self._none
            self._store.drop(spans.keep_from)
            if self._kept is not None:
                self._kept.drop(spans.keep_from)
            return closed

    def _gather(self, placed: Placed) -> None:
        self._store.grow(placed.panes, placed.piece_panes)
        fresh: Rows = placed.line.pick(placed.fresh)
        spots = self._store.spots(placed.panes)
        rows = RowGroup(fresh.values, fresh.usable, fresh.good, spots)
        pieces = PieceGroup(placed, self._store.spots(placed.piece_panes))
        for name, part in self._parts:
            part.gather(self._fields(name, part, self._store.values), rows, pieces)
        if self._kept is not None:
            self._kept.add(placed.panes, np.where(fresh.usable, fresh.values, np.nan))

    # --- closed windows -------------------------------------------------------------------------
    def _closed(self, spans: Spans) -> Closed:
        places = self._store.joined(spans.first, spans.stop)
        cover = self._joined("", self._parts[0][1], places)
        length_ns = (spans.ends - spans.starts)[:, np.newaxis]
        quality = self._quality(cover, length_ns)
        columns = {}
        for name, aggregate in self._aggregates.items():
            if isinstance(aggregate, Percentile):
                assert self._kept is not None
                values = self._kept.results(aggregate, spans.first, spans.stop)
            else:
                fields = self._joined(name, aggregate, places)
                values = aggregate.finish(fields, cover, length_ns / SECOND_NS)
            columns[name] = self._column(values, quality, spans.ends)
        return Closed(spans.starts, spans.ends, columns)

    def _joined(self, name: str, part: Aggregate, places: list[tuple[int, int]]) -> Fields:
        """The fields [T, N] of windows."""
        fields = self._fields(name, part, self._store.values)
        blank = {
            key: np.full((1, self._width), field.blank, fields[key].dtype)
            for key, field in part.fields.items()
        }
        if all(high - low == 1 for low, high in places):
            rows = np.array([low for low, _ in places], np.int64)
            return {key: values[rows] for key, values in fields.items()}
        found = [
            part.join({key: values[low:high] for key, values in fields.items()})
            if high > low
            else blank
            for low, high in places
        ]
        return {key: np.concatenate([one[key] for one in found]) for key in fields}

    @staticmethod
    def _fields(name: str, part: Aggregate, values: Fields) -> Fields:
        return {key: values[f"{name}/{key}"] for key in part.fields}

    def _quality(self, cover: Fields, length_ns: Ints) -> NDArray[np.uint8]:
        enough = cover["good_ns"] * 100.0 >= self._good_percent * length_ns
        moment = cover["good_rows"] == cover["usable_rows"]
        good = np.where(length_ns > 0, enough, moment) & Cover.known(cover)
        return np.where(good, np.uint8(Quality.GOOD), np.uint8(Quality.UNCERTAIN))

    def _column(self, values: Any, quality: NDArray[np.uint8], ends: Ints) -> Column:
        known = np.isfinite(values)
        values = np.where(known, values, np.nan)
        quality = np.where(known, quality, np.uint8(Quality.BAD))
        if self._columns is None:
            return Column(values[:, 0], quality[:, 0], ends)
        return Column(values, quality, ends)

    # --- state ----------------------------------------------------------------------------------
    def snapshot(self) -> dict[str, Any]:
        """Open windows, for udf.state."""
        return {
            "meaning": self._meaning,
            "order": self._order.snapshot(),
            "track": self._track.snapshot(),
            "store": self._store.snapshot(),
            "kept": None if self._kept is None else self._kept.snapshot(),
        }

    def fits(self, state: dict[str, Any]) -> bool:
        """True for a snapshot of windows that are made alike; their good share may differ."""
        return bool(state.get("meaning") == self._meaning)

    def restore(self, state: dict[str, Any]) -> None:
        """Raises ValueError for the state of other windows; ask `fits` before."""
        if not self.fits(state):
            raise ValueError("this is the state of other windows")
        self._order.restore(state["order"])
        self._track.restore(state["track"])
        self._store.restore(state["store"])
        if self._kept is not None:
            self._kept.restore(state["kept"])
