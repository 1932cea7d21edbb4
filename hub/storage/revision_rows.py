"""Rows of revisions: every manifest that a spoke ever had.

Raises NotFoundError and StorageError.
"""

from __future__ import annotations

from typing import Any

from hub.storage.database import Connection, Database
from hub.storage.records import RevisionHead, RevisionRow
from schemas.errors import NotFoundError

_HEADS = """
-- Revisions of a spoke, newest first, without their manifests (megabytes each).
SELECT spoke_id, number, at AS time_ns, author, summary FROM config_revision
 WHERE spoke_id = $1 ORDER BY number DESC LIMIT $2
"""
_REVISION = """
SELECT spoke_id, number, at AS time_ns, author, summary, manifest FROM config_revision
 WHERE spoke_id = $1 AND number = $2
"""


class RevisionRows:
    """Revisions; they are never changed."""

    database: Database

    async def insert_revision(
        self,
        spoke_id: int,
        number: int,
        author: str,
        summary: str,
        manifest: dict[str, Any],
        conn: Connection,
    ) -> None:
        """Keeps the manifest and makes `number` the spoke's newest; after `lock_spoke`."""
        await conn.execute(
            "INSERT INTO config_revision (spoke_id, number, author, summary, manifest) "
            "VALUES ($1, $2, $3, $4, $5)",
            spoke_id,
            number,
            author,
            summary,
            manifest,
        )
        await conn.execute("UPDATE spoke SET revision = $2 WHERE spoke_id = $1", spoke_id, number)

    async def revisions(
        self, spoke_id: int, limit: int = 200, conn: Connection | None = None
    ) -> list[RevisionHead]:
        """Newest first, without manifests."""
        async with self.database.using(conn) as c:
            return [RevisionHead(**row) for row in await c.fetch(_HEADS, spoke_id, limit)]

    async def revision(
        self, spoke_id: int, number: int, conn: Connection | None = None
    ) -> RevisionRow:
        """One revision with its manifest."""
        async with self.database.using(conn) as c:
            row = await c.fetchrow(_REVISION, spoke_id, number)
        if row is None:
            raise NotFoundError(f"Gateway {spoke_id} has no revision {number}.")
        return RevisionRow(**row)
