"""Roll-ups of points, by the database itself: events are few, and of many tags each."""

from __future__ import annotations

from collections.abc import Sequence

from hub.storage.database import Connection
from hub.storage.rollup_marks import MINUTE_S, Span

BYTES_PER_POINT = 100
"""What a point costs of the budget, which counts bytes of blocks."""

_NEXT = """
-- Where the next points of these tags are.
SELECT min(p.time) FROM unnest($1::int[]) AS wanted(id)
 CROSS JOIN LATERAL (SELECT time FROM {table} WHERE tag_id = wanted.id AND time >= $2 AND time < $3
                      ORDER BY time LIMIT 1) AS p
"""
_DELETE = """
DELETE FROM rollup_point_{level_s} WHERE tag_id = ANY ($1::int[]) AND time >= $2 AND time < $3
"""
_MINUTES = """
-- Points to minutes; what is there already stays.
INSERT INTO rollup_point_60 (tag_id, time, min, max, sum, count, last)
SELECT tag_id, minute, min(v), max(v), coalesce(sum(v), 0), count(v),
       (array_agg(v ORDER BY time DESC) FILTER (WHERE v IS NOT NULL))[1]
  FROM (SELECT tag_id, time, date_bin('1 minute', time, timestamptz 'epoch') AS minute,
               coalesce(value, value_int::float8) AS v
          FROM point WHERE tag_id = ANY ($1::int[]) AND time >= $2 AND time < $3) AS p
 WHERE NOT EXISTS (SELECT FROM rollup_point_60 r
                    WHERE r.tag_id = p.tag_id AND r.time = p.minute
                      AND r.time >= $2 AND r.time < $3)
 GROUP BY tag_id, minute
"""
_HOURS = """
-- Minutes to hours.
INSERT INTO rollup_point_3600 (tag_id, time, min, max, sum, count, last)
SELECT tag_id, date_bin('1 hour', time, timestamptz 'epoch') AS hour, min(min), max(max), sum(sum),
       sum(count)::bigint, (array_agg(last ORDER BY time DESC) FILTER (WHERE count > 0))[1]
  FROM rollup_point_60 WHERE tag_id = ANY ($1::int[]) AND time >= $2 AND time < $3
 GROUP BY tag_id, hour
"""


async def next_points(
    conn: Connection, tag_ids: Sequence[int], level_s: int, span: Span
) -> int | None:
    """The time of the first point (or minute) of these tags in a range."""
    table = "point" if level_s == MINUTE_S else "rollup_point_60"
    found: int | None = await conn.fetchval(_NEXT.format(table=table), tag_ids, *span)
    return found


async def roll_points(
    conn: Connection, tag_ids: Sequence[int], level_s: int, span: Span, *, kept: bool
) -> int:
    """Roll up a range of whole minutes or hours; `kept` rows are not replaced. What it cost, in
    bytes. Raises what asyncpg raises."""
    async with conn.transaction():
        if not kept:
            await conn.execute(_DELETE.format(level_s=level_s), tag_ids, *span)
        query = _MINUTES if level_s == MINUTE_S else _HOURS
        done = await conn.execute(query, tag_ids, *span)
    return int(done.split()[-1]) * BYTES_PER_POINT
