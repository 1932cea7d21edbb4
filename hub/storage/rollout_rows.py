"""Rows of deployments: versions of functions on their way to uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.storage.database import Connection, Database
from schemas.errors import ConflictError

_COLUMNS = """
deployment_id, function, version, state, share, watch_s, watched_s, looked_at AS looked_ns, uses,
canaries, author, created_at AS created_ns, reason
"""
_INSERT = f"""
INSERT INTO deployment (function, version, share, watch_s, looked_at, uses, canaries, author,
                        created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $5) RETURNING {_COLUMNS}
"""  # noqa: S608 - our own names
_OF_FUNCTION = f"""
-- Newest first.
SELECT {_COLUMNS} FROM deployment WHERE function = $1 ORDER BY deployment_id DESC LIMIT $2
"""  # noqa: S608
_RUNNING = """
SELECT deployment_id FROM deployment WHERE state IN ('canary', 'watch') ORDER BY deployment_id
"""
_ON_TRIAL = """
-- Uses in their first time with a version.
SELECT device_id FROM function_use u JOIN device d USING (device_id)
 WHERE u.trial_until > $1 AND u.previous IS NOT NULL AND d.deleted_at IS NULL ORDER BY device_id
"""
_HOLD = f"""
-- Whoever holds the row is the only one who acts; another hub that looks now passes by.
SELECT {_COLUMNS} FROM deployment
 WHERE deployment_id = $1 AND state IN ('canary', 'watch') FOR UPDATE SKIP LOCKED
"""  # noqa: S608
_WRITE = """
UPDATE deployment SET state = $2, watched_s = $3, looked_at = $4, reason = $5
 WHERE deployment_id = $1
"""
_CANCEL = """
-- Waits for a look that is acting right now.
UPDATE deployment SET state = 'cancelled', reason = $2
 WHERE deployment_id = $1 AND state IN ('canary', 'watch') RETURNING function, version
"""


@dataclass(frozen=True, slots=True)
class DeploymentRow:
    """See migrations/0008_events.sql. Times are ns UTC."""

    deployment_id: int
    function: str
    version: str
    state: str
    share: float
    watch_s: float
    watched_s: float
    looked_ns: int
    uses: list[int]
    canaries: list[int]
    author: str
    created_ns: int
    reason: str


class RolloutRows:
    """Inserts, updates and selects. Every method raises StorageError."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def insert(
        self,
        conn: Connection,
        function: str,
        version: str,
        *,
        share: float,
        watch_s: float,
        now_ns: int,
        uses: Sequence[int],
        canaries: Sequence[int],
        author: str,
    ) -> DeploymentRow:
        """Raises ConflictError while another version of the function is on its way."""
        taken = await conn.fetchval(
            "SELECT version FROM deployment WHERE function = $1 AND state IN ('canary', 'watch')",
            function,
        )
        if taken is not None:
            raise ConflictError(
                f"Version {taken} of {function} is on its way already.",
                hint="Wait until it is done, or cancel it.",
            )
        row = await conn.fetchrow(
            _INSERT, function, version, share, watch_s, now_ns, list(uses), list(canaries), author
        )
        assert row is not None
        return DeploymentRow(**row)

    async def of_function(self, function: str, limit: int = 50) -> list[DeploymentRow]:
        async with self.database.using() as conn:
            rows = await conn.fetch(_OF_FUNCTION, function, limit)
        return [DeploymentRow(**row) for row in rows]

    async def running(self) -> list[int]:
        """Ids of those that are watched."""
        async with self.database.using() as conn:
            return [row["deployment_id"] for row in await conn.fetch(_RUNNING)]

    async def on_trial(self, now_ns: int) -> list[int]:
        """Device ids of uses that a fault takes back by itself."""
        async with self.database.using() as conn:
            return [row["device_id"] for row in await conn.fetch(_ON_TRIAL, now_ns)]

    async def hold(self, deployment_id: int, conn: Connection) -> DeploymentRow | None:
        """Locked until the transaction ends; None when it has ended or somebody else holds it."""
        row = await conn.fetchrow(_HOLD, deployment_id)
        return None if row is None else DeploymentRow(**row)

    async def write(self, row: DeploymentRow, conn: Connection) -> None:
        """State, watch and reason."""
        await conn.execute(
            _WRITE, row.deployment_id, row.state, row.watched_s, row.looked_ns, row.reason
        )

    async def cancel(
        self, deployment_id: int, reason: str, conn: Connection
    ) -> tuple[str, str] | None:
        """(function, version); None when there is none that runs."""
        row = await conn.fetchrow(_CANCEL, deployment_id, reason)
        return None if row is None else (row["function"], row["version"])
