"""Which rows a trend is drawn from: hours and minutes where they are complete, else raw values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hub.storage.database import Connection
from hub.storage.rollup_marks import HOUR_S, MINUTE_S, SECOND_NS, Span, merged, widened, without
from hub.storage.sql import instant

FRESH_NS = 180 * SECOND_NS
"""Newer values come from raw rows: their minutes are about to be rolled up."""
MAX_PARTS = 40
"""With more pieces than this (much late data), what is not rolled up yet is one piece."""

_MARKED = """
-- What is not rolled up (again) yet, of this tag's blocks or points.
SELECT DISTINCT level, first, last FROM rollup_mark
 WHERE first < $1 AND CASE WHEN points THEN $2 = ANY (ids) ELSE ids && $3::int[] END
"""
_RAW = """
SELECT time, {value} AS low, {value} AS high, {value} AS total, ({value} IS NOT NULL)::int AS n
"""
_BLOCK_RAW = _RAW + " FROM block_{kind} WHERE block_id = {block_id} AND {when}"
_POINT_RAW = _RAW + " FROM point WHERE tag_id = {tag_id} AND {when}"
_BLOCK = """
SELECT time, CASE WHEN count[{at}] > 0 THEN min[{at}] END AS low,
       CASE WHEN count[{at}] > 0 THEN max[{at}] END AS high, sum[{at}] AS total, count[{at}] AS n
  FROM rollup_block_{level} WHERE block_id = {block_id} AND {when}
"""
_POINT = """
SELECT time, min AS low, max AS high, sum AS total, count AS n
  FROM rollup_point_{level} WHERE tag_id = {tag_id} AND {when}
"""


async def marked(
    conn: Connection, tag_id: int, block_ids: Sequence[int], end_ns: int
) -> dict[int, list[Span]]:
    """Per level the ranges that are not complete. An incomplete minute makes its hour so."""
    rows = await conn.fetch(_MARKED, end_ns, tag_id, block_ids)
    spans: dict[int, list[Span]] = {MINUTE_S: [], HOUR_S: []}
    for row in rows:
        span = (row["first"], row["last"] + row["level"] * SECOND_NS)
        if row["level"] == MINUTE_S:
            spans[MINUTE_S].append(span)
        spans[HOUR_S].append(widened(span, HOUR_S))
    return {level: merged(found) for level, found in spans.items()}


def cover(
    span: Span, level_s: int, open_from_ns: int, holes: dict[int, list[Span]]
) -> list[tuple[int, Span]]:
    """The range in pieces of (level, range): the coarsest level first, 0 is raw.

    Nothing from `open_from_ns` on is taken from roll-ups, and nothing in the holes of its level.
    """
    pieces: list[tuple[int, Span]] = []
    left = [span]
    for level in (HOUR_S, MINUTE_S):
        if level > level_s:
            continue
        rest: list[Span] = []
        for start, end in left:
            whole = inside((start, min(end, open_from_ns)), level)
            complete = without(whole, holes[level]) if whole[0] < whole[1] else []
            pieces += [(level, found) for found in complete]
            rest += without((start, end), complete)
        left = rest
    pieces += [(0, found) for found in left]
    if len(pieces) > MAX_PARTS and any(len(found) > 1 for found in holes.values()):
        return cover(span, level_s, open_from_ns, {lv: hull(found) for lv, found in holes.items()})
    return pieces


def inside(span: Span, level_s: int) -> Span:
    """The whole minutes or hours within a range."""
    width = level_s * SECOND_NS
    return -(-span[0] // width) * width, span[1] // width * width


def hull(spans: Sequence[Span]) -> list[Span]:
    """One range from the first to the last."""
    return [(spans[0][0], spans[-1][1])] if spans else []


def selects(tag_id: int, rows: Iterable[Any], pieces: Sequence[tuple[int, Span]]) -> str:
    """One query over all pieces: time, low, high, total, n. `rows` are block_id (0: the points),
    position and column_type. Only our own integers and names go into the text."""
    parts = []
    for row in rows:
        for level, (start, end) in pieces:
            words = {
                "when": f"time >= {instant(start)} AND time < {instant(end)}",
                "level": level,
                "tag_id": int(tag_id),
                "block_id": int(row["block_id"]),
                "at": int(row["position"]),
                "kind": row["column_type"],
            }
            parts.append(_template(row, level).format(value=_value(row), **words))
    return " UNION ALL ".join(parts)


def _template(row: Any, level: int) -> str:
    if row["block_id"] == 0:
        return _POINT if level else _POINT_RAW
    return _BLOCK if level else _BLOCK_RAW


def _value(row: Any) -> str:
    if row["block_id"] == 0:
        return "coalesce(value, value_int::float8)"
    return f"values[{int(row['position'])}]::float8"
