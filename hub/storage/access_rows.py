"""Rows of users, sessions, the audit log and the hub's secrets.

Every method takes an optional connection, so that several calls share one transaction.
Raises NotFoundError, ConflictError (the name is taken) and StorageError.
"""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

import asyncpg

from hub.storage.database import Connection, Database
from hub.storage.records import AuditRow, SessionRow, UserRow
from schemas.errors import NotFoundError

_USERS = """
-- Users; a name is the same in upper and lower case.
SELECT user_id, name, password_hash, role, disabled, created_at FROM app_user
 WHERE ($1::int IS NULL OR user_id = $1) AND ($2::text IS NULL OR lower(name) = lower($2))
 ORDER BY lower(name)
"""
_INSERT_USER = """
INSERT INTO app_user (name, password_hash, role) VALUES ($1, $2, $3) RETURNING user_id
"""
_UPDATE_USER = """
-- Changes what is not NULL.
UPDATE app_user SET password_hash = coalesce($2, password_hash), role = coalesce($3, role),
                    disabled = coalesce($4, disabled)
 WHERE user_id = $1 RETURNING user_id
"""
_REVOKE = """
-- One session, or every session of a user.
UPDATE session SET revoked_at = now()
 WHERE revoked_at IS NULL AND (session_id = $1 OR user_id = $2)
"""
_KEEP_FIRST = """
-- The value that is there, or else this one; the same for everybody who asks at once.
INSERT INTO hub_secret (name, value) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET value = hub_secret.value RETURNING value
"""


class AccessRows:
    """Users, sessions, audit, secrets."""

    database: Database

    async def insert_user(
        self, name: str, password_hash: str, role: str, conn: Connection | None = None
    ) -> UserRow:
        async with self.database.using(conn) as c:
            return await self.user(await c.fetchval(_INSERT_USER, name, password_hash, role), c)

    async def users(self, conn: Connection | None = None) -> list[UserRow]:
        async with self.database.using(conn) as c:
            return [_user(row) for row in await c.fetch(_USERS, None, None)]

    async def user(self, user_id: int, conn: Connection | None = None) -> UserRow:
        async with self.database.using(conn) as c:
            row = await c.fetchrow(_USERS, user_id, None)
        if row is None:
            raise NotFoundError(f"There is no user {user_id}.")
        return _user(row)

    async def user_by_name(self, name: str, conn: Connection | None = None) -> UserRow | None:
        """Upper and lower case are the same."""
        async with self.database.using(conn) as c:
            row = await c.fetchrow(_USERS, None, name)
        return _user(row) if row else None

    async def update_user(
        self,
        user_id: int,
        *,
        password_hash: str | None = None,
        role: str | None = None,
        disabled: bool | None = None,
        conn: Connection | None = None,
    ) -> UserRow:
        """Changes what is not None."""
        async with self.database.using(conn) as c:
            await c.execute(_UPDATE_USER, user_id, password_hash, role, disabled)
            return await self.user(user_id, c)

    async def insert_session(
        self, session_id: UUID, user_id: int, expires_ns: int, conn: Connection | None = None
    ) -> None:
        async with self.database.using(conn) as c:
            await c.execute(
                "INSERT INTO session (session_id, user_id, expires_at) VALUES ($1, $2, $3)",
                session_id,
                user_id,
                expires_ns,
            )

    async def session(self, session_id: UUID, conn: Connection | None = None) -> SessionRow | None:
        async with self.database.using(conn) as c:
            row = await c.fetchrow(
                "SELECT session_id, user_id, created_at, expires_at, revoked_at FROM session "
                "WHERE session_id = $1",
                session_id,
            )
        if row is None:
            return None
        fields = dict(row)
        return SessionRow(
            created_ns=fields.pop("created_at"),
            expires_ns=fields.pop("expires_at"),
            revoked_ns=fields.pop("revoked_at") or 0,
            **fields,
        )

    async def revoke_session(self, session_id: UUID, conn: Connection | None = None) -> None:
        async with self.database.using(conn) as c:
            await c.execute(_REVOKE, session_id, None)

    async def revoke_sessions_of(self, user_id: int, conn: Connection | None = None) -> None:
        async with self.database.using(conn) as c:
            await c.execute(_REVOKE, None, user_id)

    async def drop_sessions(self, before_ns: int, conn: Connection | None = None) -> None:
        """Forget sessions that ended before this time."""
        async with self.database.using(conn) as c:
            await c.execute("DELETE FROM session WHERE expires_at < $1", before_ns)

    async def insert_audit(
        self,
        who: str,
        action: str,
        target: str,
        detail: dict[str, Any] | None = None,
        conn: Connection | None = None,
    ) -> None:
        async with self.database.using(conn) as c:
            await c.execute(
                "INSERT INTO audit (who, action, target, detail) VALUES ($1, $2, $3, $4)",
                who,
                action,
                target,
                detail or {},
            )

    async def audits(self, limit: int = 200, conn: Connection | None = None) -> list[AuditRow]:
        """Newest first."""
        async with self.database.using(conn) as c:
            rows = await c.fetch(
                "SELECT audit_id, at, who, action, target, detail FROM audit "
                "ORDER BY audit_id DESC LIMIT $1",
                limit,
            )
        return [AuditRow(*row) for row in rows]

    async def get_or_create_secret(
        self, name: str, nbytes: int = 32, conn: Connection | None = None
    ) -> bytes:
        """The secret of this name: random bytes, made by whoever asks first."""
        async with self.database.using(conn) as c:
            return bytes(await c.fetchval(_KEEP_FIRST, name, secrets.token_bytes(nbytes)))

    async def put_secret_if_absent(
        self, name: str, value: bytes, conn: Connection | None = None
    ) -> bytes:
        """The secret of this name: this value, unless somebody was first (then theirs)."""
        async with self.database.using(conn) as c:
            return bytes(await c.fetchval(_KEEP_FIRST, name, value))


def _user(row: asyncpg.Record) -> UserRow:
    fields = dict(row)
    return UserRow(created_ns=fields.pop("created_at"), **fields)
