"""Keeps the roll-ups per minute and hour from the marks that the store writes.

    while await rollups.roll_up(time.time_ns()): ...   # every 10 s or so

Raw rows are read by binary COPY, reduced by numpy, and replace what was there, so doing it twice
gives the same. Marks go after their result is committed: a crash repeats work and loses none. One
process at a time does it (advisory lock); the others return at once.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np

from hub.storage.database import Connection, Database
from hub.storage.partitions import DAY_NS, Partitions
from hub.storage.rollup_marks import HOUR_S, MINUTE_S, SECOND_NS, Mark, Marks, Span, work_of
from hub.storage.rollup_points import next_points, roll_points
from hub.storage.rollup_rows import COLUMNS, Rolled, read_raw, read_rolled, reduce, write_rolled
from hub.storage.sql import instant

ROLLUP_LOCK = 0x5350_4E45
LAG_NS = 20 * SECOND_NS
"""A minute is rolled up this long after its end, when most of its values have arrived."""
AHEAD_NS = 3600 * SECOND_NS
"""Values of clocks that are further ahead are rolled up at once: their minute never ends."""
MAX_MARKS = 2_000
BUDGET_BYTES = 64_000_000
"""About what one call reads; the rest waits for the next one."""
_STEP_BYTES = (400_000, 3_000_000)
"""A step reads about this much: its arrays stay in the cache of a core."""
_MAX_STEPS = 60
_BLOCKS_AT_ONCE, _TAGS_AT_ONCE = 32, 1_000

_READY = """
-- Marks whose time is over, oldest first.
SELECT mark_id, ids, first, last FROM rollup_mark
 WHERE level = $1 AND points = $2 AND (last <= $3 OR first > $4) ORDER BY mark_id LIMIT $5
"""
_LAYOUTS = """
SELECT block_id, column_type, cardinality(tag_ids) AS tags FROM block_layout
 WHERE block_id = ANY ($1::int[])
"""
_RAW = """
-- What is NULL becomes NaN, so that all rows have one length; a row without quality has no NULL.
SELECT block_id, time, CASE WHEN quality IS NULL THEN {values}
                            ELSE array_replace({values}, NULL, 'NaN') END
  FROM block_{column_type} WHERE {where}
"""
_MINUTES = "SELECT block_id, time, min, max, sum, count, last FROM rollup_block_60 WHERE {where}"
_NEXT = """
-- Where the next values of these blocks are; an index probe each.
SELECT min(b.time) FROM unnest($1::int[]) AS wanted(id)
 CROSS JOIN LATERAL (SELECT time FROM {table}
                      WHERE block_id = wanted.id AND time >= $2 AND time < $3
                      ORDER BY time LIMIT 1) AS b
"""
_DROPPED = """
UPDATE rollup_state SET raw_from = greatest(raw_from, $1)
"""


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Some blocks of one shape."""

    column_type: str
    tags: int
    ids: tuple[int, ...]

    def source(self, level_s: int) -> str:
        return f"block_{self.column_type}" if level_s == MINUTE_S else "rollup_block_60"


class RollUps:
    """One per process."""

    def __init__(self, database: Database, partitions: Partitions) -> None:
        self._database = database
        self._partitions = partitions
        self._layouts: dict[int, tuple[str, int]] = {}
        self._steps = {MINUTE_S: 1, HOUR_S: 1}
        self._budget = 0
        self._now_ns = 0
        self._raw_from_ns: int | None = None

    async def roll_up(self, now_ns: int) -> bool:
        """Do some of what is due, minutes first; true when there is more. Raises StorageError."""
        self._now_ns, self._budget = now_ns, BUDGET_BYTES
        async with self._database.using() as conn:
            if not await conn.fetchval("SELECT pg_try_advisory_lock($1)", ROLLUP_LOCK):
                return False
            try:
                self._raw_from_ns = await conn.fetchval("SELECT raw_from FROM rollup_state")
                more = [
                    await self._level(conn, level_s, points)
                    for level_s in (MINUTE_S, HOUR_S)
                    for points in (False, True)
                ]
            finally:
                await conn.execute("SELECT pg_advisory_unlock($1)", ROLLUP_LOCK)
        return any(more)

    async def _level(self, conn: Connection, level_s: int, points: bool) -> bool:
        width = level_s * SECOND_NS
        closed = (self._now_ns - LAG_NS) // width * width - width
        rows = await conn.fetch(_READY, level_s, points, closed, self._now_ns + AHEAD_NS, MAX_MARKS)
        marks = [
            Mark(level_s, points, tuple(row["ids"]), (row["first"], row["last"] + width))
            for row in rows
        ]
        hours, rest = Marks(HOUR_S), Marks(level_s)
        for (_, span), ids in work_of(marks).items():
            for blocks in await self._pieces(conn, points, ids):
                left = await self._roll(conn, blocks, level_s, points, span)
                done = (span[0], left[0] if left else span[1])
                if left:
                    rest.add(points, blocks.ids, left)
                if level_s == MINUTE_S and done[0] < done[1]:
                    hours.add(points, blocks.ids, done)
        async with conn.transaction():
            await hours.write(conn)
            await rest.write(conn)
            await conn.execute(
                "DELETE FROM rollup_mark WHERE mark_id = ANY ($1::bigint[])",
                [row["mark_id"] for row in rows],
            )
        return bool(rest) or len(rows) == MAX_MARKS

    async def _pieces(self, conn: Connection, points: bool, ids: Sequence[int]) -> list[_Blocks]:
        """The blocks or tags in groups of one shape, small enough for one step."""
        if points:
            return [_Blocks("", 1, part) for part in _parts(ids, _TAGS_AT_ONCE)]
        unknown = [number for number in ids if number not in self._layouts]
        if unknown:
            for row in await conn.fetch(_LAYOUTS, unknown):
                self._layouts[row["block_id"]] = (row["column_type"], row["tags"])
        shapes: dict[tuple[str, int], list[int]] = defaultdict(list)
        for number in ids:
            if number in self._layouts:
                shapes[self._layouts[number]].append(number)
        return [
            _Blocks(*shape, part)
            for shape, mine in shapes.items()
            for part in _parts(mine, _BLOCKS_AT_ONCE)
        ]

    async def _roll(
        self, conn: Connection, blocks: _Blocks, level_s: int, points: bool, span: Span
    ) -> Span | None:
        """Step through a range, from data to data; what the budget leaves of it is returned."""
        width = level_s * SECOND_NS
        start, end = span
        while start < end:
            if self._budget <= 0:
                return start, end
            if points:
                first = await next_points(conn, blocks.ids, level_s, (start, end))
            else:
                query = _NEXT.format(table=blocks.source(level_s))
                first = await conn.fetchval(query, blocks.ids, start, end)
            if first is None:
                return None
            start = first // width * width
            stop = min(end, start + self._steps[level_s] * width)
            kept = level_s == MINUTE_S and start < (self._raw_from_ns or start)
            if level_s == MINUTE_S:
                await self._make_days(
                    "rollup_point_60" if points else "rollup_block_60", start, stop
                )
            roll = self._roll_points if points else self._roll_blocks
            size = await roll(conn, blocks, level_s, (start, stop), kept)
            self._spend(level_s, size)
            start = stop
        return None

    def _spend(self, level_s: int, size_bytes: int) -> None:
        """Count it, and fit the next step to what one minute or hour turned out to be."""
        self._budget -= size_bytes
        few, many = _STEP_BYTES
        if size_bytes < few:
            self._steps[level_s] = min(self._steps[level_s] * 2, _MAX_STEPS)
        elif size_bytes > many:
            self._steps[level_s] = max(self._steps[level_s] // 2, 1)

    async def _make_days(self, table: str, start: int, stop: int) -> None:
        days = range(start // DAY_NS, (stop - 1) // DAY_NS + 1)
        await self._partitions.ensure(((table, day) for day in days), self._now_ns)

    async def _roll_blocks(
        self, conn: Connection, blocks: _Blocks, level_s: int, span: Span, kept: bool
    ) -> int:
        """One step; `kept` rows are not replaced, because their raw values were dropped."""
        where = (
            f"block_id = ANY ('{{{','.join(map(str, blocks.ids))}}}') "
            f"AND time >= {instant(span[0])} AND time < {instant(span[1])}"
        )
        if level_s == MINUTE_S:
            values = "values::float8[]" if blocks.column_type == "int8" else "values"
            query = _RAW.format(values=values, column_type=blocks.column_type, where=where)
        else:
            query = _MINUTES.format(where=where)
        answer = io.BytesIO()
        await conn.copy_from_query(query, output=answer, format="binary")
        found = answer.getvalue()
        raw = level_s == MINUTE_S
        rows = (
            read_raw(found, blocks.column_type, blocks.tags)
            if raw
            else read_rolled(found, blocks.tags)
        )
        rolled = reduce(rows, level_s)
        table = f"rollup_block_{level_s}"
        async with conn.transaction():
            if kept:
                rolled = await _only_new(conn, blocks, span, rolled)
            else:
                await conn.execute(
                    f"DELETE FROM {table} WHERE block_id = ANY ($1::int[]) "  # noqa: S608 - ours
                    "AND time >= $2 AND time < $3",
                    blocks.ids,
                    *span,
                )
            await conn.copy_to_table(
                table, columns=COLUMNS, source=io.BytesIO(write_rolled(rolled)), format="binary"
            )
        return len(found)

    async def _roll_points(
        self, conn: Connection, tags: _Blocks, level_s: int, span: Span, kept: bool
    ) -> int:
        return await roll_points(conn, tags.ids, level_s, span, kept=kept)


async def _only_new(conn: Connection, blocks: _Blocks, span: Span, rolled: Rolled) -> Rolled:
    """The rows that are not there yet."""
    rows = await conn.fetch(
        "SELECT block_id, time FROM rollup_block_60 "
        "WHERE block_id = ANY ($1::int[]) AND time >= $2 AND time < $3",
        blocks.ids,
        *span,
    )
    there = {(row["block_id"], row["time"] // 1000) for row in rows}
    keys = zip(rolled.block_ids.tolist(), rolled.times.tolist(), strict=True)
    return rolled.pick(np.array([key not in there for key in keys], dtype=np.bool_))


def _parts(ids: Sequence[int], size: int) -> Iterable[tuple[int, ...]]:
    return (tuple(ids[start : start + size]) for start in range(0, len(ids), size))


@asynccontextmanager
async def dropping_raw(database: Database, before_ns: int) -> AsyncIterator[None]:
    """Inside, raw values older than this may be dropped; their roll-ups are not made again."""
    async with database.using() as conn:
        await conn.execute("SELECT pg_advisory_lock($1)", ROLLUP_LOCK)
        try:
            await conn.execute(_DROPPED, before_ns)
            yield
        finally:
            await conn.execute("SELECT pg_advisory_unlock($1)", ROLLUP_LOCK)
