"""Collects the rows of many frames and writes each table with one COPY; events go with them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hub.storage.database import Connection
from hub.storage.event_rows import EventRow, write_events
from hub.storage.rollup_marks import Marks
from hub.storage.rows import (
    BOOL,
    HEADER,
    TEXT,
    TRAILER,
    block_rows,
    column_of,
    pg_times,
    point_rows,
)
from schemas.frames import Frame, mark_not_finite

TAGS_PER_BLOCK = 100
"""Keeps a row below 2 kB, so that PostgreSQL neither compresses it nor moves it out of line."""

BLOCK_COLUMNS = ("block_id", "time", "values", "quality")
POINT_COLUMNS = ("time", "tag_id", "value", "value_int", "value_text", "quality", "received")


_NOT_ROLLED = (BOOL, TEXT)
"""They are drawn as steps: a minute has no average of them."""


def split(tags: int) -> list[tuple[int, int]]:
    """The slices of a frame's tags that are blocks."""
    return [(start, min(start + TAGS_PER_BLOCK, tags)) for start in range(0, tags, TAGS_PER_BLOCK)]


class CopyBuffers:
    """Rows in COPY's binary format, per table, and the marks of what they change."""

    def __init__(self) -> None:
        self._tables: dict[str, list[Any]] = {}
        self._marks = Marks()
        self._events: list[EventRow] = []
        self.values = 0

    def add_blocks(self, frame: Frame, block_ids: NDArray[np.int32]) -> None:
        """A frame of scans; `block_ids` are those of `split(N)`."""
        frame = mark_not_finite(frame)
        column, times = column_of(frame.wire), pg_times(frame.times)
        scans, tags = frame.values.shape
        whole = tags // TAGS_PER_BLOCK
        for first, last, size in ((0, whole, TAGS_PER_BLOCK), (whole, None, tags % TAGS_PER_BLOCK)):
            ids = block_ids[first:last]
            if not len(ids) or not scans:
                continue
            start = first * TAGS_PER_BLOCK
            cut = slice(start, start + len(ids) * size)
            shape = (scans, len(ids), size)
            values = frame.values[:, cut].reshape(shape)
            quality = None if frame.quality is None else frame.quality[:, cut].reshape(shape)
            rows = block_rows(column, ids, times, values, quality)
            self._tables.setdefault(column.table, []).append(rows)
        if column not in _NOT_ROLLED:
            self._marks.add_times(False, block_ids, frame.times)
        self.values += frame.size

    def add_points(self, frame: Frame) -> None:
        """A frame of events: each value with its source time."""
        sources = frame.source_times
        assert sources is not None
        frame = mark_not_finite(frame)
        scans, tags = frame.values.shape
        rows = point_rows(
            np.tile(frame.tag_ids, scans),
            pg_times(sources).reshape(-1),
            np.repeat(pg_times(frame.times), tags),
            column_of(frame.wire),
            frame.values.reshape(-1),
            None if frame.quality is None else frame.quality.reshape(-1),
        )
        self._tables.setdefault("point", []).append(rows)
        if column_of(frame.wire) not in _NOT_ROLLED:
            self._marks.add_times(True, frame.tag_ids, sources)
        self.values += frame.size

    def add_events(self, events: Sequence[EventRow]) -> None:
        self._events.extend(events)

    def extend(self, other: CopyBuffers) -> None:
        """Add the rows of another one behind these."""
        for table, buffers in other._tables.items():
            self._tables.setdefault(table, []).extend(buffers)
        self._marks.extend(other._marks)
        self._events.extend(other._events)
        self.values += other.values

    async def write(self, conn: Connection) -> None:
        """One COPY per table, the marks, and the events. Raises what asyncpg raises."""
        await self._marks.write(conn)
        for table, buffers in self._tables.items():
            await conn.copy_to_table(
                table,
                columns=POINT_COLUMNS if table == "point" else BLOCK_COLUMNS,
                source=_stream(buffers),
                format="binary",
            )
        if self._events:
            await write_events(conn, self._events)


async def _stream(buffers: list[Any]) -> AsyncIterator[Any]:
    yield HEADER
    for buffer in buffers:
        yield buffer
    yield TRAILER
