"""Stored values of some tags as frames, oldest first, for trials of functions.

Each block and each tag with points is read by its index; nothing is held but one stretch of time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hub.storage.database import Connection, Database
from hub.storage.partitions import DAY_NS
from schemas.errors import ConfigError
from schemas.frames import Frame
from schemas.kinds import Array, blank
from schemas.quality import Quality

MAX_VALUES = 2_000_000
STRETCH_VALUES = 20_000
"""About so many are read at once."""
_SECOND_NS = 10**9

_MEMBERS = """
-- The blocks that hold these tags.
SELECT tag_id, block_id, position, column_type FROM block_member WHERE tag_id = ANY ($1::int[])
 ORDER BY block_id, position
"""
_KINDS = """
SELECT tag_id, kind FROM tag WHERE tag_id = ANY ($1::int[]) ORDER BY tag_id
"""
_COUNT = """
-- Rows of one source from $2 to $3, at most $4 of them, and the time of the last one counted.
SELECT count(*) AS rows, coalesce(max(time), $2) AS last
  FROM (SELECT time FROM {table} WHERE {key} = $1 AND time >= $2 AND time < $3
         ORDER BY time LIMIT $4) AS counted
"""
_BLOCK = """
SELECT time, quality, ARRAY[{values}] AS v FROM {table} WHERE {key} = $1
"""
_POINT = """
SELECT time, quality, {values} AS v FROM {table} WHERE {key} = $1
"""
_RANGE = " AND time >= $2 AND time < $3 ORDER BY time"
_NEWEST = _RANGE + " DESC LIMIT 1"

_WIRES = {"float8": "<f8", "float4": "<f8", "int8": "<i8", "bool": "|b1", "text": "O"}
_POINTS = {
    "float": ("<f8", "value"),
    "int": ("<i8", "value_int"),
    "bool": ("|b1", "(value <> 0)"),
    "text": ("O", "value_text"),
}


@dataclass(frozen=True, slots=True)
class _Source:
    """A block with the wanted tags of it, or the points of one tag."""

    tag_ids: tuple[int, ...]
    table: str
    key: str
    key_id: int
    wire: str
    values: str
    """What is selected, as SQL made of our own integers and names."""
    places: tuple[int, ...] = ()
    """From 0, in the quality of a block; empty for points."""

    def select(self, tail: str) -> str:
        form = _BLOCK if self.places else _POINT
        return form.format(table=self.table, key=self.key, values=self.values) + tail


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was stored from `start_ns` to `end_ns`, end not included."""

    start_ns: int
    end_ns: int
    frames: tuple[Frame, ...]

    @property
    def values(self) -> int:
        return sum(frame.size for frame in self.frames)


class TrialRows:
    """Reads only. Every method raises StorageError while the database is away."""

    def __init__(self, database: Database, max_values: int = MAX_VALUES) -> None:
        self._database = database
        self._max_values = max_values

    async def stretches(
        self, tag_ids: Sequence[int], start_ns: int, end_ns: int
    ) -> AsyncGenerator[Stretch, None]:
        """All values with start <= time < end, in stretches of time one after the other.

        A frame has one column type and times that ascend; integers are int64, numbers float64.
        The first stretch begins with the newest values before the start (of the last day), so that
        a set point that seldom changes is known. Raises ConfigError for more than `max_values`.
        """
        async with self._database.using() as conn:
            sources = await _sources(conn, tag_ids)
            total = await self._count(conn, sources, start_ns, end_ns)
            before = [await _newest_before(conn, source, start_ns) for source in sources]
        yield Stretch(start_ns, start_ns, tuple(frame for frame in before if frame is not None))
        parts = max(1, -(-total // STRETCH_VALUES))
        width = max(1000, -(-(end_ns - start_ns) // parts))
        for first in range(start_ns, end_ns, width):
            last = min(first + width, end_ns)
            async with self._database.using() as conn:
                frames = [await _frame(conn, source, first, last) for source in sources]
            yield Stretch(first, last, tuple(frame for frame in frames if frame is not None))

    async def _count(
        self, conn: Connection, sources: Sequence[_Source], start_ns: int, end_ns: int
    ) -> int:
        """Values in the range. Raises ConfigError when they are too many."""
        total, per_s = 0, 0.0
        for source in sources:
            width = len(source.tag_ids)
            most = self._max_values // width + 1
            query = _COUNT.format(table=source.table, key=source.key)
            row = await conn.fetchrow(query, source.key_id, start_ns, end_ns, most)
            assert row is not None  # an aggregate has one row
            end = row["last"] if row["rows"] == most else end_ns
            total += row["rows"] * width
            per_s += row["rows"] * width / max(1e-6, (end - start_ns) / _SECOND_NS)
        if total > self._max_values:
            raise ConfigError(
                f"This range has more than {self._max_values:,} values of these inputs.",
                hint=f"Choose at most about {_words(self._max_values / per_s)}, or fewer inputs.",
                path="range",
            )
        return total


async def _sources(conn: Connection, tag_ids: Sequence[int]) -> list[_Source]:
    blocks: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)
    for row in await conn.fetch(_MEMBERS, tag_ids):
        blocks[row["block_id"], row["column_type"]].append((row["tag_id"], row["position"]))
    found = [
        _Source(
            tag_ids=tuple(tag_id for tag_id, _ in members),
            table=f"block_{kind}",
            key="block_id",
            key_id=block_id,
            wire=_WIRES[kind],
            values=", ".join(f"values[{int(position)}]" for _, position in members),
            places=tuple(position - 1 for _, position in members),
        )
        for (block_id, kind), members in blocks.items()
    ]
    for row in await conn.fetch(_KINDS, tag_ids):
        wire, value = _POINTS[row["kind"]]
        tag_id = row["tag_id"]
        found.append(_Source((tag_id,), "point", "tag_id", tag_id, wire, value))
    return found


async def _newest_before(conn: Connection, source: _Source, start_ns: int) -> Frame | None:
    rows = await conn.fetch(source.select(_NEWEST), source.key_id, start_ns - DAY_NS, start_ns)
    return _framed(source, rows)


async def _frame(conn: Connection, source: _Source, start_ns: int, end_ns: int) -> Frame | None:
    rows = await conn.fetch(source.select(_RANGE), source.key_id, start_ns, end_ns)
    return _framed(source, rows)


def _framed(source: _Source, rows: Sequence[Any]) -> Frame | None:
    """Of several rows of one time the last one stays; None without rows."""
    if not rows:
        return None
    times = np.array([row["time"] for row in rows], dtype=np.int64)
    values = _values(source, rows)
    quality = _qualities(source, rows)
    last = np.append(times[1:] != times[:-1], True)
    if not last.all():
        times, values = times[last], values[last]
        quality = None if quality is None else quality[last]
    return Frame(np.array(source.tag_ids, dtype=np.int32), times, values, quality)


def _values(source: _Source, rows: Sequence[Any]) -> Array:
    """[T, n] of the source's type; a bad value, NULL in the database, is a blank."""
    shape = (len(rows), len(source.tag_ids))
    listed = [row["v"] for row in rows]
    if source.wire == "<f8":
        return np.array(listed, dtype=np.float64).reshape(shape)
    found = np.empty(shape, dtype=object)
    found[:] = listed if source.places else [[value] for value in listed]
    missing = np.frompyfunc(lambda value: value is None, 1, 1)(found).astype(np.bool_)
    found = np.where(missing, blank(source.wire, shape), found)
    typed: Array = found if source.wire == "O" else found.astype(source.wire)
    return typed


def _qualities(source: _Source, rows: Sequence[Any]) -> NDArray[np.uint8] | None:
    """[T, n]; None where all are good."""
    if not source.places:
        codes = np.array([row["quality"] for row in rows], dtype=np.uint8)[:, np.newaxis]
        return None if bool((codes == Quality.GOOD).all()) else codes
    marked = [(at, row["quality"]) for at, row in enumerate(rows) if row["quality"] is not None]
    if not marked:
        return None
    found = np.full((len(rows), len(source.places)), Quality.GOOD, dtype=np.uint8)
    places = list(source.places)
    for at, codes in marked:
        found[at] = np.frombuffer(codes, dtype=np.uint8)[places]
    return found


def _words(seconds: float) -> str:
    for size, word in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word}"
    return f"{max(1.0, seconds):.0f} seconds"
