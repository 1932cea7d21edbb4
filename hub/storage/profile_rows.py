"""Rows of profiles, their versions, and which device was made from which.

Raises NotFoundError, ConflictError (name taken or version outdated) and StorageError.
"""

from __future__ import annotations

from typing import Any

from hub.storage.database import Connection, Database
from hub.storage.records import ProfileRow
from schemas.errors import ConflictError, NotFoundError

_PROFILES = """
-- Profiles that exist, in their newest version or in the one asked for, with the number of devices.
SELECT p.profile_id, p.name, v.version, v.content,
       (SELECT count(*) FROM device d
         WHERE d.profile_id = p.profile_id AND d.deleted_at IS NULL) AS devices
  FROM profile p
  JOIN profile_version v ON v.profile_id = p.profile_id AND v.version = coalesce($2, p.version)
 WHERE p.deleted_at IS NULL AND ($1::int IS NULL OR p.profile_id = $1)
 ORDER BY p.name
"""
_NEXT = """
-- A new version of a profile whose newest one is still $3.
UPDATE profile SET name = $2, version = version + 1
 WHERE profile_id = $1 AND version = $3 AND deleted_at IS NULL RETURNING version
"""
_INSERT_VERSION = """
INSERT INTO profile_version (profile_id, version, author, content) VALUES ($1, $2, $3, $4)
"""
_MADE_FROM = """
UPDATE device SET profile_id = $2, profile_version = $3, profile_values = $4 WHERE device_id = $1
"""


class ProfileRows:
    """Profiles; a version is never changed."""

    database: Database

    async def profiles(self, conn: Connection | None = None) -> list[ProfileRow]:
        """By name, each in its newest version."""
        async with self.database.using(conn) as c:
            return [ProfileRow(**row) for row in await c.fetch(_PROFILES, None, None)]

    async def profile(
        self, profile_id: int, version: int | None = None, conn: Connection | None = None
    ) -> ProfileRow:
        async with self.database.using(conn) as c:
            row = await c.fetchrow(_PROFILES, profile_id, version)
        if row is None:
            which = "" if version is None else f" with a version {version}"
            raise NotFoundError(f"There is no profile {profile_id}{which}.")
        return ProfileRow(**row)

    async def insert_profile(
        self, name: str, author: str, content: dict[str, Any], conn: Connection
    ) -> int:
        """Version 1; its id."""
        profile_id = await conn.fetchval(
            "INSERT INTO profile (name, version) VALUES ($1, 1) RETURNING profile_id", name
        )
        await conn.execute(_INSERT_VERSION, profile_id, 1, author, content)
        return int(profile_id)

    async def insert_profile_version(
        self,
        profile_id: int,
        name: str,
        version: int,
        author: str,
        content: dict[str, Any],
        conn: Connection,
    ) -> int:
        """The number of the new version; `version` is the one that was edited."""
        number = await conn.fetchval(_NEXT, profile_id, name, version)
        if number is None:
            found = await self.profile(profile_id, conn=conn)
            raise ConflictError(
                f"Somebody else has saved profile {found.name} as version {found.version} "
                "meanwhile.",
                path="version",
            )
        await conn.execute(_INSERT_VERSION, profile_id, number, author, content)
        return int(number)

    async def delete_profile(self, profile_id: int, conn: Connection) -> None:
        done = await conn.fetchval(
            "UPDATE profile SET deleted_at = now() "
            "WHERE profile_id = $1 AND deleted_at IS NULL RETURNING true",
            profile_id,
        )
        if done is None:
            raise NotFoundError(f"There is no profile {profile_id}.")

    async def made_from(
        self,
        device_id: int,
        profile_id: int,
        version: int,
        values: dict[str, str],
        conn: Connection,
    ) -> None:
        """The device follows this version, with these values of its parameters."""
        await conn.execute(_MADE_FROM, device_id, profile_id, version, values)

    async def profile_values(
        self, device_ids: list[int], conn: Connection
    ) -> dict[int, dict[str, str]]:
        """By device id, of those that were made from a profile."""
        rows = await conn.fetch(
            "SELECT device_id, profile_values FROM device "
            "WHERE device_id = ANY ($1::int[]) AND profile_values IS NOT NULL",
            device_ids,
        )
        return {row["device_id"]: row["profile_values"] for row in rows}
