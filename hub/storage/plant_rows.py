"""Rows of spokes, devices and tags: what people configured.

Several calls share one transaction by their optional connection. A deleted thing keeps its row.
Raises NotFoundError, ConflictError (name taken or version outdated) and StorageError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from hub.storage.database import Connection, Database
from hub.storage.records import DeviceRow, SpokeRow, TagRow
from schemas.errors import ConflictError, NotFoundError

Config = dict[str, Any]

_SPOKES = """
-- Spokes that exist, with the number of their devices and tags.
SELECT s.spoke_id, s.name, s.description, s.created_at, s.revision, s.applied_revision, s.last_seen,
       count(DISTINCT d.device_id) AS devices, count(t.tag_id) AS tags
  FROM spoke s
  LEFT JOIN device d ON d.spoke_id = s.spoke_id AND d.deleted_at IS NULL
  LEFT JOIN tag t ON t.device_id = d.device_id AND t.deleted_at IS NULL
 WHERE s.deleted_at IS NULL
   AND ($1::int IS NULL OR s.spoke_id = $1) AND ($2::text IS NULL OR s.name = $2)
 GROUP BY s.spoke_id ORDER BY s.name
"""
_DEVICES = """
-- Devices that exist, with their spoke, the number of their tags, and a profile that still exists.
SELECT d.device_id, d.spoke_id, s.name AS spoke, d.name, d.config, d.version,
       p.profile_id, CASE WHEN p.profile_id IS NOT NULL THEN d.profile_version END profile_version,
       (SELECT count(*) FROM tag t WHERE t.device_id = d.device_id AND t.deleted_at IS NULL) AS tags
  FROM device d JOIN spoke s USING (spoke_id)
  LEFT JOIN profile p ON p.profile_id = d.profile_id AND p.deleted_at IS NULL
 WHERE d.deleted_at IS NULL
   AND ($1::int IS NULL OR d.spoke_id = $1) AND ($2::int IS NULL OR d.device_id = $2)
 ORDER BY s.name, d.name
"""
_TAGS = """
-- Tags that exist, with device and spoke.
SELECT t.tag_id, t.device_id, d.name AS device, d.spoke_id, s.name AS spoke, t.name, t.config,
       t.wire, t.kind
  FROM tag t JOIN device d USING (device_id) JOIN spoke s USING (spoke_id)
 WHERE t.deleted_at IS NULL
   AND ($1::int IS NULL OR t.device_id = $1) AND ($2::int IS NULL OR d.spoke_id = $2)
   AND ($3::int[] IS NULL OR t.tag_id = ANY ($3))
 ORDER BY t.tag_id
"""
_INSERT_TAGS = """
-- Many tags of one device at once; ids ascend in the order given.
INSERT INTO tag (device_id, name, config, kind)
SELECT $1, name, config, kind
  FROM unnest($2::text[], $3::jsonb[], $4::text[]) WITH ORDINALITY AS t(name, config, kind, place)
 ORDER BY place
RETURNING tag_id
"""
_UPDATE_TAGS = """
-- Many tags at once.
UPDATE tag SET name = new.name, config = new.config, kind = new.kind
  FROM unnest($1::int[], $2::text[], $3::jsonb[], $4::text[]) AS new(tag_id, name, config, kind)
 WHERE tag.tag_id = new.tag_id AND tag.deleted_at IS NULL
"""
_PARK_NAMES = """
-- Names that no tag can have, so that two tags can change names with each other.
UPDATE tag SET name = chr(1) || tag_id WHERE tag_id = ANY ($1::int[]) AND deleted_at IS NULL
"""


class PlantRows:
    """Spokes, devices, tags."""

    database: Database

    # --- spokes -------------------------------------------------------------------------------

    async def insert_spoke(
        self, name: str, description: str = "", conn: Connection | None = None
    ) -> SpokeRow:
        """Raises ConflictError for a name in use, also by a deleted spoke: its values keep it."""
        async with self.database.using(conn) as c:
            spoke_id = await c.fetchval(
                "INSERT INTO spoke (name, description) VALUES ($1, $2) RETURNING spoke_id",
                name,
                description,
            )
            return await self.spoke(spoke_id, c)

    async def spokes(self, conn: Connection | None = None) -> list[SpokeRow]:
        async with self.database.using(conn) as c:
            return [_spoke(row) for row in await c.fetch(_SPOKES, None, None)]

    async def spoke(self, spoke_id: int, conn: Connection | None = None) -> SpokeRow:
        async with self.database.using(conn) as c:
            row = await c.fetchrow(_SPOKES, spoke_id, None)
        return _spoke(_there(row, f"There is no gateway {spoke_id}."))

    async def spoke_by_name(self, name: str, conn: Connection | None = None) -> SpokeRow | None:
        async with self.database.using(conn) as c:
            row = await c.fetchrow(_SPOKES, None, name)
        return _spoke(row) if row else None

    async def lock_spoke(self, spoke_id: int, conn: Connection) -> int:
        """Its newest revision, locked until the transaction ends: one change at a time."""
        revision = await conn.fetchval(
            "SELECT revision FROM spoke WHERE spoke_id = $1 AND deleted_at IS NULL FOR UPDATE",
            spoke_id,
        )
        return int(_there(revision, f"There is no gateway {spoke_id}."))

    async def spoke_seen(
        self, spoke_id: int, time_ns: int, applied_revision: int, conn: Connection | None = None
    ) -> None:
        """The spoke said that it lives and which revision it runs; time never goes back."""
        async with self.database.using(conn) as c:
            await c.execute(
                "UPDATE spoke SET last_seen = greatest(last_seen, $2), applied_revision = $3 "
                "WHERE spoke_id = $1",
                spoke_id,
                time_ns,
                applied_revision,
            )

    async def delete_spoke(self, spoke_id: int, conn: Connection | None = None) -> None:
        async with self.database.using(conn) as c:
            await _one_of(c, "spoke", spoke_id)

    # --- devices ------------------------------------------------------------------------------

    async def insert_device(
        self, spoke_id: int, name: str, config: Config, conn: Connection | None = None
    ) -> DeviceRow:
        async with self.database.using(conn) as c:
            device_id = await c.fetchval(
                "INSERT INTO device (spoke_id, name, config) VALUES ($1, $2, $3) "
                "RETURNING device_id",
                spoke_id,
                name,
                config,
            )
            return await self.device(device_id, c)

    async def devices(
        self, spoke_id: int | None = None, conn: Connection | None = None
    ) -> list[DeviceRow]:
        async with self.database.using(conn) as c:
            return [DeviceRow(**row) for row in await c.fetch(_DEVICES, spoke_id, None)]

    async def device(self, device_id: int, conn: Connection | None = None) -> DeviceRow:
        async with self.database.using(conn) as c:
            row = await c.fetchrow(_DEVICES, None, device_id)
        return DeviceRow(**_there(row, f"There is no device {device_id}."))

    async def update_device(
        self,
        device_id: int,
        name: str,
        config: Config,
        version: int | None,
        conn: Connection | None = None,
    ) -> DeviceRow:
        """`version` is the one that was edited; None overwrites whatever is there."""
        async with self.database.using(conn) as c:
            changed = await c.fetchval(
                "UPDATE device SET name = $2, config = $3, version = version + 1 "
                "WHERE device_id = $1 AND deleted_at IS NULL "
                "AND ($4::int IS NULL OR version = $4) RETURNING device_id",
                device_id,
                name,
                config,
                version,
            )
            device = await self.device(device_id, c)
            if changed is None:
                raise ConflictError(f"Somebody else has changed device {device.name} meanwhile.")
            return device

    async def delete_device(self, device_id: int, conn: Connection | None = None) -> None:
        """With all its tags."""
        async with self.database.using(conn) as c, c.transaction():
            await _one_of(c, "device", device_id)
            await c.execute(
                "UPDATE tag SET deleted_at = now() WHERE device_id = $1 AND deleted_at IS NULL",
                device_id,
            )

    # --- tags ---------------------------------------------------------------------------------

    async def insert_tags(
        self,
        device_id: int,
        tags: Sequence[tuple[str, Config, str]],
        conn: Connection | None = None,
    ) -> list[TagRow]:
        """All or none of (name, config, kind); the ids ascend in this order."""
        async with self.database.using(conn) as c:
            return await self.tags(tag_ids=await self.add_tags(device_id, tags, c), conn=c)

    async def add_tags(
        self,
        device_id: int,
        tags: Sequence[tuple[str, Config, str]],
        conn: Connection | None = None,
    ) -> list[int]:
        """As insert_tags, but only the ids: thousands of rows need not come back."""
        async with self.database.using(conn) as c:
            names, configs, kinds = zip(*tags, strict=True) if tags else ((), (), ())
            rows = await c.fetch(_INSERT_TAGS, device_id, names, configs, kinds)
        return [row["tag_id"] for row in rows]

    async def tags(
        self,
        device_id: int | None = None,
        spoke_id: int | None = None,
        tag_ids: Sequence[int] | None = None,
        conn: Connection | None = None,
    ) -> list[TagRow]:
        """In the order of their ids; each filter that is not None must hold."""
        async with self.database.using(conn) as c:
            rows = await c.fetch(_TAGS, device_id, spoke_id, tag_ids)
        return [TagRow(**row) for row in rows]

    async def tag(self, tag_id: int, conn: Connection | None = None) -> TagRow:
        found = await self.tags(tag_ids=[tag_id], conn=conn)
        if not found:
            raise NotFoundError(f"There is no tag {tag_id}.")
        return found[0]

    async def update_tag(
        self, tag_id: int, name: str, config: Config, kind: str, conn: Connection | None = None
    ) -> TagRow:
        async with self.database.using(conn) as c:
            await c.execute(
                "UPDATE tag SET name = $2, config = $3, kind = $4 "
                "WHERE tag_id = $1 AND deleted_at IS NULL",
                tag_id,
                name,
                config,
                kind,
            )
            return await self.tag(tag_id, c)

    async def update_tags(
        self, tags: Sequence[tuple[int, str, Config, str]], conn: Connection | None = None
    ) -> None:
        """(id, name, config, kind) of many; names that move were parked before."""
        async with self.database.using(conn) as c:
            if tags:
                await c.execute(_UPDATE_TAGS, *zip(*tags, strict=True))

    async def park_names(self, tag_ids: Sequence[int], conn: Connection) -> None:
        """Gives their names free; `update_tags` gives them new ones in the same transaction."""
        async with self.database.using(conn) as c:
            await c.execute(_PARK_NAMES, tag_ids)

    async def delete_tags(self, tag_ids: Sequence[int], conn: Connection | None = None) -> int:
        """How many there were of them."""
        async with self.database.using(conn) as c:
            done = await c.fetch(
                "UPDATE tag SET deleted_at = now() "
                "WHERE tag_id = ANY ($1::int[]) AND deleted_at IS NULL RETURNING tag_id",
                tag_ids,
            )
        return len(done)


def _there(found: Any, message: str) -> Any:
    if found is None:
        raise NotFoundError(message)
    return found


async def _one_of(conn: Connection, table: str, number: int) -> None:
    """Mark one row of spoke or device as deleted."""
    done = await conn.fetchval(
        f"UPDATE {table} SET deleted_at = now() "  # noqa: S608 - table is one of two literals
        f"WHERE {table}_id = $1 AND deleted_at IS NULL RETURNING true",
        number,
    )
    _there(done, f"There is no {table} {number}.")


def _spoke(row: asyncpg.Record) -> SpokeRow:
    fields = dict(row)
    created, seen = fields.pop("created_at"), fields.pop("last_seen")
    return SpokeRow(created_ns=created, last_seen_ns=seen or 0, **fields)
