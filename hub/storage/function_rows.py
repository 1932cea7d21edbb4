"""Rows of functions, their versions and packages, and of the uses that are devices.

Raises NotFoundError, ConflictError and StorageError.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from hub.storage.database import Connection, Database
from hub.storage.records import DeviceRow
from schemas.errors import NotFoundError

_VERSIONS = """
-- Versions of functions that exist, with the number of uses of each; sources only when asked for.
SELECT f.function_id, f.name, v.number, v.origin, v.package, v.spec, v.author, v.notes,
       v.created_at AS created_ns, CASE WHEN $3 THEN v.source ELSE '' END AS source,
       octet_length(p.bundle) AS size_bytes,
       (SELECT count(*) FROM device d
         WHERE d.deleted_at IS NULL AND d.config -> 'connection' ->> 'driver' = 'function'
           AND d.config -> 'connection' ->> 'function' = f.name
           AND d.config -> 'connection' ->> 'package' = v.package) AS uses
  FROM function f JOIN function_version v USING (function_id)
  JOIN function_package p ON p.sha256 = v.package
 WHERE f.deleted_at IS NULL
   AND ($1::text IS NULL OR f.name = $1) AND ($2::text IS NULL OR v.number = $2)
 ORDER BY f.name, v.created_at DESC
"""
_USES = """
-- Devices that are uses of functions, with what they ran before.
SELECT d.device_id, d.spoke_id, s.name AS spoke, d.name, d.config, d.version,
       (SELECT count(*) FROM tag t
         WHERE t.device_id = d.device_id AND t.deleted_at IS NULL) AS tags,
       u.previous, coalesce(u.trial_until, timestamptz 'epoch') AS trial_until
  FROM device d JOIN spoke s USING (spoke_id) LEFT JOIN function_use u USING (device_id)
 WHERE d.deleted_at IS NULL AND d.config -> 'connection' ->> 'driver' = 'function'
   AND ($1::int IS NULL OR d.device_id = $1) AND ($2::int IS NULL OR d.spoke_id = $2)
   AND ($3::text IS NULL OR d.config -> 'connection' ->> 'function' = $3)
 ORDER BY s.name, d.name
"""
_USE_COUNTS = """
-- How many uses each function has, built-ins too.
SELECT config -> 'connection' ->> 'function' AS name, count(*) AS uses FROM device
 WHERE deleted_at IS NULL AND config -> 'connection' ->> 'driver' = 'function' GROUP BY 1
"""
_LOCK = """
-- The function, made where there is none, and locked until the transaction ends.
INSERT INTO function (name) VALUES ($1)
ON CONFLICT (name) WHERE deleted_at IS NULL DO UPDATE SET name = excluded.name
RETURNING function_id
"""
_HOLD = """
-- The function cannot be deleted before this transaction ends.
SELECT v.package FROM function f JOIN function_version v USING (function_id)
 WHERE f.name = $1 AND v.number = $2 AND f.deleted_at IS NULL FOR SHARE OF f
"""
_PACKAGES_OF = """
-- Packages that one revision of a gateway names, at work and as shadows.
SELECT package FROM config_revision r
  CROSS JOIN LATERAL jsonb_array_elements(r.manifest -> 'devices') AS d
  CROSS JOIN LATERAL (VALUES (d -> 'connection' ->> 'package'),
                             (d -> 'connection' -> 'shadow' ->> 'package')) AS named(package)
 WHERE r.spoke_id = $1 AND r.number = $2
   AND d -> 'connection' ->> 'driver' = 'function' AND package <> ''
"""
_PUT_USE = """
INSERT INTO function_use (device_id, previous, trial_until) VALUES ($1, $2, $3)
ON CONFLICT (device_id) DO UPDATE
   SET previous = excluded.previous, trial_until = excluded.trial_until, changed_at = now()
"""


@dataclass(frozen=True, slots=True)
class FunctionVersionRow:
    """One version of a function. `source` is empty where it was not asked for."""

    function_id: int
    name: str
    number: str
    origin: str
    package: str
    spec: dict[str, Any]
    author: str
    notes: str
    created_ns: int
    source: str
    size_bytes: int
    uses: int


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version that is to be written."""

    number: str
    origin: str
    package: str
    bundle: bytes
    source: str
    spec: dict[str, Any]
    author: str
    notes: str


@dataclass(frozen=True, slots=True)
class UseRow:
    """A use: its device, and the FunctionConfig with the version before (None without one)."""

    device: DeviceRow
    previous: dict[str, Any] | None
    trial_until_ns: int


class FunctionRows:
    """Functions, packages and uses."""

    database: Database

    # --- functions ------------------------------------------------------------------------------
    async def function_versions(
        self,
        name: str | None = None,
        number: str | None = None,
        conn: Connection | None = None,
        *,
        sources: bool = False,
    ) -> list[FunctionVersionRow]:
        """By name, newest first."""
        async with self.database.using(conn) as c:
            rows = await c.fetch(_VERSIONS, name, number, sources)
        return [FunctionVersionRow(**row) for row in rows]

    async def lock_function(self, name: str, conn: Connection) -> int:
        """Its id, made where there is none; one change at a time until the transaction ends."""
        return int(await conn.fetchval(_LOCK, name))

    async def insert_function_version(
        self, function_id: int, version: NewVersion, conn: Connection
    ) -> None:
        """Raises ConflictError for a number that exists."""
        async with self.database.using(conn) as c:
            await c.execute(
                "INSERT INTO function_package (sha256, bundle) VALUES ($1, $2) "
                "ON CONFLICT DO NOTHING",
                version.package,
                version.bundle,
            )
            await c.execute(
                "INSERT INTO function_version "
                "(function_id, number, origin, package, source, spec, author, notes) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                function_id,
                version.number,
                version.origin,
                version.package,
                version.source,
                version.spec,
                version.author,
                version.notes,
            )

    async def delete_function(self, name: str, conn: Connection) -> None:
        """Its versions and packages stay."""
        done = await conn.fetchval(
            "UPDATE function SET deleted_at = now() "
            "WHERE name = $1 AND deleted_at IS NULL RETURNING true",
            name,
        )
        if done is None:
            raise NotFoundError(f"There is no function {name!r} of the plant's own.")

    async def hold_version(self, name: str, number: str, conn: Connection) -> None:
        """Nobody deletes it while this transaction makes a use. Raises NotFoundError."""
        if await conn.fetchval(_HOLD, name, number) is None:
            raise NotFoundError(f"There is no version {number} of the function {name!r}.")

    async def function_specs(
        self, packages: Sequence[str], conn: Connection | None = None
    ) -> dict[str, dict[str, Any]]:
        """What packages declare, by SHA-256; those of deleted functions too."""
        async with self.database.using(conn) as c:
            rows = await c.fetch(
                "SELECT DISTINCT ON (package) package, spec FROM function_version "
                "WHERE package = ANY ($1::text[])",
                packages,
            )
        return {row["package"]: row["spec"] for row in rows}

    # --- packages -------------------------------------------------------------------------------
    async def package(self, sha256: str, conn: Connection | None = None) -> bytes:
        """The whole bundle. Raises NotFoundError."""
        async with self.database.using(conn) as c:
            found = await c.fetchval(
                "SELECT bundle FROM function_package WHERE sha256 = $1", sha256
            )
        if found is None:
            raise NotFoundError(f"There is no package {sha256[:12]}.")
        return bytes(found)

    async def package_part(self, sha256: str, offset: int, size: int) -> tuple[int, bytes]:
        """(bytes of all of it, those from `offset`, at most `size`). Raises NotFoundError."""
        async with self.database.using() as c:
            row = await c.fetchrow(
                "SELECT octet_length(bundle) AS total, "
                "substring(bundle FROM $2::int + 1 FOR $3::int) AS part "
                "FROM function_package WHERE sha256 = $1",
                sha256,
                offset,
                size,
            )
        if row is None:
            raise NotFoundError(f"There is no package {sha256[:12]}.")
        return row["total"], bytes(row["part"])

    async def packages_of(self, spoke_id: int, revision: int) -> set[str]:
        """What a revision of a gateway names."""
        async with self.database.using() as c:
            return {row["package"] for row in await c.fetch(_PACKAGES_OF, spoke_id, revision)}

    # --- uses -----------------------------------------------------------------------------------
    async def uses(
        self,
        spoke_id: int | None = None,
        function: str | None = None,
        conn: Connection | None = None,
    ) -> list[UseRow]:
        async with self.database.using(conn) as c:
            return [_use(row) for row in await c.fetch(_USES, None, spoke_id, function)]

    async def use(self, device_id: int, conn: Connection | None = None) -> UseRow:
        """Raises NotFoundError, also for a device that is no function."""
        async with self.database.using(conn) as c:
            row = await c.fetchrow(_USES, device_id, None, None)
        if row is None:
            raise NotFoundError(f"There is no function at work with the number {device_id}.")
        return _use(row)

    async def use_counts(self) -> dict[str, int]:
        """By function."""
        async with self.database.using() as c:
            return {row["name"]: row["uses"] for row in await c.fetch(_USE_COUNTS)}

    async def put_use(
        self,
        device_id: int,
        previous: dict[str, Any] | None,
        trial_until_ns: int,
        conn: Connection,
    ) -> None:
        """What it ran before, and until when a fault takes it back to that (0: does not)."""
        await conn.execute(_PUT_USE, device_id, previous, trial_until_ns or None)

    async def names_of_tags(self, tag_ids: Sequence[int], conn: Connection) -> dict[int, str]:
        """`device/tag` by id, deleted ones too: for what is missed."""
        rows = await conn.fetch(
            "SELECT t.tag_id, d.name || '/' || t.name AS name "
            "FROM tag t JOIN device d USING (device_id) WHERE t.tag_id = ANY ($1::int[])",
            tag_ids,
        )
        return {row["tag_id"]: row["name"] for row in rows}


def _use(row: asyncpg.Record) -> UseRow:
    fields = dict(row)
    previous, trial_until_ns = fields.pop("previous"), fields.pop("trial_until")
    return UseRow(DeviceRow(**fields), previous, trial_until_ns)
