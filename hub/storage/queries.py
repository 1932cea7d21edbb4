"""What pages and the API read: newest values, trends, counts. Times are ns UTC."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hub.records import DeadLetter, Latest, Series
from hub.storage.database import Connection, Database
from hub.storage.partitions import DAY_NS
from hub.storage.rows import COLUMNS
from hub.storage.trends import trend_of
from schemas.quality import Quality

_EVER = (-(2**62), 2**62)
_LOOK_BACK_DAYS = (1, 14)
"""Newest values are looked for in the last day, then in two weeks, then everywhere: a day is one
partition, all of them are hundreds."""

_MEMBERS = """
-- The blocks that hold these tags.
SELECT tag_id, block_id, position, column_type FROM block_member WHERE tag_id = ANY ($1::int[])
"""
_NEWEST_BLOCKS = """
-- One index probe per block, not per tag: the newest row of each.
SELECT wanted.block_id, b.time, b.values, b.quality
  FROM unnest($1::int[]) AS wanted(block_id)
 CROSS JOIN LATERAL (
       SELECT time, values, quality FROM {table}
        WHERE block_id = wanted.block_id AND time >= $2 AND time < $3
        ORDER BY time DESC LIMIT 1) AS b
"""
_NEWEST_POINTS = """
-- The newest point of each tag; t.kind tells a bool from a number.
SELECT wanted.tag_id, p.time, p.value, p.value_int, p.value_text, p.quality, t.kind
  FROM unnest($1::int[]) AS wanted(tag_id)
 CROSS JOIN LATERAL (
       SELECT time, value, value_int, value_text, quality FROM point
        WHERE tag_id = wanted.tag_id AND time >= $2 AND time < $3
        ORDER BY time DESC LIMIT 1) AS p
  LEFT JOIN tag t ON t.tag_id = wanted.tag_id
"""
_STREAMS = """
-- Every epoch of every stream, for the ledger.
SELECT p.spoke_id, s.name AS spoke, p.epoch, p.first_seq, p.last_seq, p.messages AS stored,
       p.dead, p.lost, p."values", p.last_time_ns, p.closed
  FROM stream_position p JOIN spoke s USING (spoke_id) ORDER BY s.name, p.created_at, p.epoch
"""
_DEAD_LETTERS = """
-- Newest first, without their bytes.
SELECT l.id, s.name AS spoke, l.epoch, l.sequence, l.at AS time_ns, l.reason,
       length(l.payload) AS size_bytes
  FROM dead_letter l JOIN spoke s USING (spoke_id) ORDER BY l.id DESC LIMIT $1
"""
_COUNTERS = """
-- Totals since the beginning; bigint, because a sum of bigint is numeric.
SELECT coalesce(sum("values"), 0)::bigint AS "values",
       coalesce(sum(messages), 0)::bigint AS messages, coalesce(sum(dead), 0)::bigint AS dead,
       coalesce(sum(lost), 0)::bigint AS lost, coalesce(max(last_time_ns), 0) AS last_time_ns
  FROM stream_position
"""


@dataclass(frozen=True, slots=True)
class StreamCount:
    """One epoch of a stream as far as the database knows it; the fleet knows what was produced."""

    spoke_id: int
    spoke: str
    epoch: str
    first_seq: int
    last_seq: int
    stored: int
    dead: int
    lost: int
    values: int
    last_time_ns: int
    closed: bool


@dataclass(frozen=True, slots=True)
class Counters:
    """Totals over all streams since the beginning."""

    values: int
    messages: int
    dead: int
    lost: int
    last_time_ns: int
    """JetStream's time of the newest stored message; 0 when there is none."""


class Queries:
    """Reads only. Every method raises StorageError while the database is away."""

    def __init__(self, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now_ns = now_ns

    async def latest(self, tag_ids: Sequence[int]) -> dict[int, Latest]:
        """The newest stored value of each tag that has one.

        A value from the future (over a day ahead: a wrong clock) counts only where a tag has no
        other one.
        """
        found: dict[int, Latest] = {}
        async with self._database.using() as conn:
            members = await conn.fetch(_MEMBERS, tag_ids)
            for window in self._windows():
                missing = {tag_id for tag_id in tag_ids if tag_id not in found}
                if not missing:
                    break
                wanted = [member for member in members if member["tag_id"] in missing]
                for value in await _newest(conn, wanted, missing, window):
                    known = found.get(value.tag_id)
                    if known is None or value.time_ns > known.time_ns:
                        found[value.tag_id] = value
        return found

    def _windows(self) -> list[tuple[int, int]]:
        now = self._now_ns()
        soon = now + DAY_NS
        recent = [(now - days * DAY_NS, soon) for days in _LOOK_BACK_DAYS]
        return [*recent, (_EVER[0], soon), _EVER]

    async def trend(
        self, tag_ids: Sequence[int], start_ns: int, end_ns: int, buckets: int = 600
    ) -> list[Series]:
        """One series per tag, in this order, of start <= time < end; see hub.services.Series."""
        async with self._database.using() as conn:
            return [
                await trend_of(conn, tag_id, start_ns, end_ns, buckets, self._now_ns())
                for tag_id in tag_ids
            ]

    async def ledger(self) -> list[StreamCount]:
        async with self._database.using() as conn:
            return [StreamCount(**row) for row in await conn.fetch(_STREAMS)]

    async def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """Newest first."""
        async with self._database.using() as conn:
            return [DeadLetter(**row) for row in await conn.fetch(_DEAD_LETTERS, limit)]

    async def dead_letter_payload(self, letter_id: int) -> bytes | None:
        """The bytes of the message, None when there is no such letter."""
        async with self._database.using() as conn:
            payload: bytes | None = await conn.fetchval(
                "SELECT payload FROM dead_letter WHERE id = $1", letter_id
            )
        return payload

    async def counters(self) -> Counters:
        async with self._database.using() as conn:
            row = await conn.fetchrow(_COUNTERS)
        assert row is not None  # an aggregate has one row
        return Counters(**row)

    async def database_size(self) -> int:
        """Bytes of the whole database."""
        async with self._database.using() as conn:
            return int(await conn.fetchval("SELECT pg_database_size(current_database())"))


async def _newest(
    conn: Connection, members: list[Any], tag_ids: Iterable[int], window: tuple[int, int]
) -> list[Latest]:
    """The newest value per tag and block, and per tag among the points, inside a window."""
    values: list[Latest] = []
    for column in COLUMNS:
        mine = [member for member in members if member["column_type"] == column.name]
        if not mine:
            continue
        blocks = list({member["block_id"] for member in mine})
        rows = await conn.fetch(_NEWEST_BLOCKS.format(table=column.table), blocks, *window)
        by_block = {row["block_id"]: row for row in rows}
        values += [
            _from_block(member, by_block[member["block_id"]])
            for member in mine
            if member["block_id"] in by_block
        ]
    points = await conn.fetch(_NEWEST_POINTS, list(tag_ids), *window)
    return values + [_from_point(row) for row in points]


def _from_block(member: Any, row: Any) -> Latest:
    place = member["position"] - 1
    quality = Quality.GOOD if row["quality"] is None else row["quality"][place]
    return Latest(member["tag_id"], row["time"], row["values"][place], int(quality))


def _from_point(row: Any) -> Latest:
    value = row["value"]
    if value is not None and row["kind"] == "bool":
        value = bool(value)
    for other in (row["value_int"], row["value_text"]):
        value = other if value is None else value
    return Latest(row["tag_id"], row["time"], value, row["quality"])
