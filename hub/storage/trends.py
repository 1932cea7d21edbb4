"""One tag over a range of time: its samples where they are few, else minimum, average, maximum per
bucket, computed by the database next to the rows; over hours and days from the roll-ups."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hub.records import Series
from hub.storage.database import Connection
from hub.storage.rollup_marks import HOUR_S, MINUTE_S, SECOND_NS
from hub.storage.trend_sources import FRESH_NS, cover, marked, selects

RAW_PER_BUCKET = 2
"""Up to this many samples per bucket are returned as they are."""
HOURS_FROM_S = 1800
"""From this width of a bucket on, roll-ups of hours are drawn."""
RAW_UP_TO_S = 6 * 3600
"""A range up to this is drawn from raw values, with buckets of any width."""
MAX_CHANGES = 5_000
"""A text or bool series has at most this many, the newest."""

_SOURCES = """
-- Where a tag's values are: its blocks with its place in them, and whether it has points.
SELECT block_id, position, column_type FROM block_member WHERE tag_id = $1
UNION ALL
SELECT 0, 0::smallint, coalesce((SELECT kind FROM tag WHERE tag_id = $1), 'float')
 WHERE EXISTS (SELECT FROM point WHERE tag_id = $1 AND time >= $2 AND time < $3)
    OR EXISTS (SELECT FROM rollup_point_60 WHERE tag_id = $1 AND time >= $2 AND time < $3)
"""
_BLOCK = """
SELECT time, {value} AS v FROM {table}
 WHERE block_id = {block_id} AND time >= $1 AND time < $2
"""
_POINT = """
SELECT time, {value} AS v FROM point WHERE tag_id = {tag_id} AND time >= $1 AND time < $2
"""
_RAW = """
-- Some samples; one more than wanted tells that there are many. Unsorted, so that it stops early.
SELECT time, v::float8 AS v FROM ({sources}) AS s LIMIT $3
"""
_BUCKETS = """
-- date_bin is integer arithmetic; bucket 0 starts at $1. sum/count, because avg of float8 keeps a
-- variance that nobody asked for.
SELECT date_bin($3::interval, time, $1::timestamptz) AS time, min(v)::float8 AS low,
       (sum(v) / count(v))::float8 AS mean, max(v)::float8 AS high
  FROM ({sources}) AS s GROUP BY 1 ORDER BY 1
"""
_ROLLED = """
-- The same from roll-ups and, where they are not complete, raw values.
SELECT date_bin($1::interval, time, $2::timestamptz) AS time, min(low) AS low,
       sum(total) / nullif(sum(n), 0) AS mean, max(high) AS high
  FROM ({sources}) AS s GROUP BY 1 ORDER BY 1
"""
_CHANGES = """
-- Texts and bools are drawn as steps: the samples where the value changed, and the last one.
SELECT * FROM (
    SELECT time, v::text AS v FROM (
        SELECT time, v, lag(v) OVER w AS before, lag(time) OVER w IS NULL AS first,
               lead(time) OVER w IS NULL AS last
          FROM ({sources}) AS s WINDOW w AS (ORDER BY time)) AS steps
     WHERE first OR last OR v IS DISTINCT FROM before
     ORDER BY time DESC LIMIT $3) AS newest
 ORDER BY time
"""


async def trend_of(
    conn: Connection, tag_id: int, start_ns: int, end_ns: int, buckets: int, now_ns: int
) -> Series:
    """The series of one tag, start <= time < end. Raises what asyncpg raises."""
    rows = await conn.fetch(_SOURCES, tag_id, start_ns, end_ns)
    if not rows or end_ns <= start_ns:
        return Series(tag_id, [], [], [], [], raw=True)
    sources = " UNION ALL ".join(_source(tag_id, row) for row in rows)
    kinds = {row["column_type"] for row in rows}
    if kinds & {"text", "bool"}:
        changed = await conn.fetch(_CHANGES.format(sources=sources), start_ns, end_ns, MAX_CHANGES)
        return _steps(tag_id, changed)
    raw_from_ns = await conn.fetchval("SELECT raw_from FROM rollup_state") or start_ns
    if start_ns >= raw_from_ns:
        most = buckets * RAW_PER_BUCKET
        raw = await conn.fetch(_RAW.format(sources=sources), start_ns, end_ns, most + 1)
        if len(raw) <= most:
            raw.sort(key=lambda row: row["time"])
            values = [row["v"] for row in raw]
            return Series(tag_id, [row["time"] for row in raw], values, values, values, raw=True)
    level_s = _level_of(end_ns - start_ns, buckets, start_ns < raw_from_ns)
    if level_s:
        if start_ns < raw_from_ns:  # half a minute cannot be had any more
            start_ns -= start_ns % (MINUTE_S * SECOND_NS)
        return await _rolled(conn, tag_id, rows, (start_ns, end_ns), buckets, level_s, now_ns)
    width = timedelta(microseconds=max(1, -(-(end_ns - start_ns) // buckets // 1000)))
    found = await conn.fetch(_BUCKETS.format(sources=sources), start_ns, end_ns, width)
    return _series(tag_id, found)


def _level_of(range_ns: int, buckets: int, raw_is_gone: bool) -> int:
    """Seconds of the roll-up to draw from; 0 is none."""
    bucket_s = range_ns // buckets // SECOND_NS
    if bucket_s >= HOURS_FROM_S:
        return HOUR_S
    wide = bucket_s >= MINUTE_S and range_ns > RAW_UP_TO_S * SECOND_NS
    return MINUTE_S if wide or raw_is_gone else 0


async def _rolled(
    conn: Connection,
    tag_id: int,
    rows: list[Any],
    span: tuple[int, int],
    buckets: int,
    level_s: int,
    now_ns: int,
) -> Series:
    """Buckets of whole minutes or hours; the first one is named by the start of the range."""
    level_ns = level_s * SECOND_NS
    start, end = span
    width_ns = -(-max(1, -(-(end - start) // buckets)) // level_ns) * level_ns
    blocks = [row["block_id"] for row in rows]
    holes = await marked(conn, tag_id, blocks, end)
    pieces = cover(span, level_s, now_ns - FRESH_NS, holes)
    query = _ROLLED.format(sources=selects(tag_id, rows, pieces))
    width = timedelta(microseconds=width_ns // 1000)
    found = await conn.fetch(query, width, start // level_ns * level_ns)
    series = _series(tag_id, found)
    if series.times_ns:
        series.times_ns[0] = max(series.times_ns[0], start)
    return series


def _series(tag_id: int, rows: list[Any]) -> Series:
    return Series(
        tag_id,
        [row["time"] for row in rows],
        [row["low"] for row in rows],
        [row["mean"] for row in rows],
        [row["high"] for row in rows],
        raw=False,
    )


def _source(tag_id: int, row: Any) -> str:
    """The SELECT of one block or of the points. Only our own integers and names go into the text:
    as literals they let the planner choose by the statistics of exactly this block."""
    kind = row["column_type"]
    if row["block_id"] == 0:
        value = {"text": "value_text", "bool": "(value <> 0)", "int": "value_int"}.get(
            kind, "value"
        )
        return _POINT.format(value=value, tag_id=int(tag_id))
    return _BLOCK.format(
        value=f"values[{int(row['position'])}]",
        table=f"block_{kind}",
        block_id=int(row["block_id"]),
    )


def _steps(tag_id: int, rows: list[Any]) -> Series:
    texts: list[str | None] = [row["v"] for row in rows]
    numbers = [{"true": 1.0, "false": 0.0}.get(text or "") for text in texts]
    return Series(
        tag_id, [row["time"] for row in rows], numbers, numbers, numbers, raw=True, texts=texts
    )
