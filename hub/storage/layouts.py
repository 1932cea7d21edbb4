"""Which block holds which tags, and that a spoke writes no tags but its own.

A layout is made when its tags are first seen together, in a transaction of its own: it says nothing
about values, so it may stay when the values are rolled back, and the cache is never ahead of the
database. Two ingests that meet make it once.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from hub.storage.copy import split
from hub.storage.database import Connection, Database
from hub.storage.errors import BatchRefusedError
from hub.storage.rows import Column, column_of
from schemas.frames import Frame
from schemas.kinds import Kind, kind_of

_MAX_CACHED = 50_000

_OWNERS = """
-- The spokes that these tags belong to and their types, also those of deleted tags.
SELECT t.tag_id, d.spoke_id, t.wire FROM tag t JOIN device d USING (device_id)
 WHERE t.tag_id = ANY ($1::int[])
"""
_FIX_WIRE = """
-- The type of a tag's first sample is its type for ever.
UPDATE tag SET wire = $2 WHERE tag_id = ANY ($1::int[]) AND wire IS NULL
"""
_INSERT_LAYOUT = """
INSERT INTO block_layout (column_type, tag_ids, digest) VALUES ($1, $2, $3)
ON CONFLICT (digest) DO NOTHING RETURNING block_id
"""
_INSERT_MEMBERS = """
INSERT INTO block_member (tag_id, block_id, position, column_type)
SELECT tag_id, $1, position, $2 FROM unnest($3::int[]) WITH ORDINALITY AS t(tag_id, position)
"""


class Layouts:
    """Layouts and owners of tags, from memory where they are known."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._blocks: dict[tuple[int, str, bytes], NDArray[np.int32]] = {}
        self._own: dict[tuple[int, Kind], NDArray[np.bool_]] = {}
        """Per spoke and kind: by tag id whether it is known to be its own and of this kind."""

    def forget(self) -> None:
        """Read all again: the database may have been replaced by a backup meanwhile."""
        self._blocks.clear()
        self._own.clear()

    async def blocks(self, spoke_id: int, frame: Frame) -> NDArray[np.int32]:
        """The block ids of a frame's tags, one per slice of `split(N)`.

        Raises BatchRefusedError for tags that are unknown, of another spoke, of another kind since
        their first sample, or there twice; StorageError.
        """
        key = (spoke_id, frame.wire, frame.tag_ids.tobytes())
        known = self._blocks.get(key)
        if known is not None:
            return known
        if len(np.unique(frame.tag_ids)) != len(frame.tag_ids):
            raise BatchRefusedError("A tag occurs twice in one frame of scans.")
        async with self._database.transaction() as conn:
            await self._admit(conn, spoke_id, frame)
            column = column_of(frame.wire)
            found = [
                await _layout(conn, column, frame.tag_ids[start:end])
                for start, end in split(len(frame.tag_ids))
            ]
        blocks = np.array(found, dtype=np.int32)
        if len(self._blocks) >= _MAX_CACHED:
            self._blocks.clear()
        self._blocks[key] = blocks
        return blocks

    async def admit_points(self, spoke_id: int, frame: Frame) -> None:
        """Check the tags of a frame of events. Raises BatchRefusedError, StorageError."""
        own = self._own.get((spoke_id, frame.kind))
        ids = frame.tag_ids
        inside = own is not None and len(ids) and ids.min() >= 0 and ids.max() < len(own)
        if inside and own is not None and bool(own[ids].all()):
            return
        async with self._database.transaction() as conn:
            await self._admit(conn, spoke_id, frame)

    async def _admit(self, conn: Connection, spoke_id: int, frame: Frame) -> None:
        """Check every tag and fix the types of new ones. Raises BatchRefusedError."""
        ids = np.unique(frame.tag_ids)
        if len(ids) and ids[0] < 1:
            raise BatchRefusedError(f"{ids[0]} cannot be the id of a tag.")
        rows = await conn.fetch(_OWNERS, ids.tolist())
        foreign = [row["tag_id"] for row in rows if row["spoke_id"] != spoke_id]
        if foreign:
            raise BatchRefusedError(
                f"Tag {foreign[0]} belongs to another gateway"
                + (f" ({len(foreign)} such tags)." if len(foreign) > 1 else ".")
            )
        known = [row["tag_id"] for row in rows]
        unknown = np.setdiff1d(ids, known)
        if len(unknown):  # stored, they would become somebody's values when the id is given out
            raise BatchRefusedError(f"There is no tag {unknown[0]}.")
        for row in rows:
            if row["wire"] is not None and kind_of(row["wire"]) != frame.kind:
                raise BatchRefusedError(
                    f"Tag {row['tag_id']} has been {kind_of(row['wire'])} since its first sample; "
                    f"this is {frame.kind}."
                )
        await conn.execute(_FIX_WIRE, known, frame.wire)
        self._remember(spoke_id, frame.kind, known)

    def _remember(self, spoke_id: int, kind: Kind, tag_ids: list[int]) -> None:
        if not tag_ids:
            return
        own = self._own.get((spoke_id, kind), np.zeros(0, dtype=np.bool_))
        if max(tag_ids) >= len(own):
            own = np.concatenate([own, np.zeros(max(tag_ids) + 1000 - len(own), dtype=np.bool_)])
        own[tag_ids] = True
        self._own[spoke_id, kind] = own


async def _layout(conn: Connection, column: Column, tag_ids: NDArray[np.int32]) -> int:
    ids = tag_ids.tolist()
    body = column.name.encode() + b":" + tag_ids.astype("<i4").tobytes()
    digest = hashlib.sha256(body).digest()
    block_id = await conn.fetchval("SELECT block_id FROM block_layout WHERE digest = $1", digest)
    if block_id is None:
        block_id = await conn.fetchval(_INSERT_LAYOUT, column.name, ids, digest)
        if block_id is not None:
            await conn.execute(_INSERT_MEMBERS, block_id, column.name, ids)
        else:  # another ingest has made and committed it in between
            block_id = await conn.fetchval(
                "SELECT block_id FROM block_layout WHERE digest = $1", digest
            )
    return int(block_id)
