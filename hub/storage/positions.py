"""How far each stream has been stored."""

from __future__ import annotations

from dataclasses import dataclass

from hub.storage.database import Connection, Database
from hub.storage.errors import PositionError

_OPEN = """
-- The position of this epoch as it is, made when it is new.
INSERT INTO stream_position (spoke_id, epoch, created_at, first_seq, last_seq)
VALUES ($1, $2, $3, $4::bigint, $4::bigint - 1) ON CONFLICT (spoke_id, epoch) DO NOTHING
"""
_SELECT = """
SELECT spoke_id, epoch, created_at AS created_ns, first_seq, last_seq, last_time_ns, messages,
       "values", dead, lost, closed
  FROM stream_position WHERE spoke_id = $1 ORDER BY created_at, epoch
"""
_CLOSE = """
-- This epoch's stream is gone; what had not been stored of it is lost.
UPDATE stream_position SET closed = true, lost = lost + $3 WHERE spoke_id = $1 AND epoch = $2
"""
_SKIP = """
-- Step over messages that are gone from the stream.
UPDATE stream_position SET last_seq = $4, lost = lost + $5
 WHERE spoke_id = $1 AND epoch = $2 AND last_seq = $3
"""


@dataclass(frozen=True, slots=True)
class Position:
    spoke_id: int
    epoch: str
    created_ns: int
    first_seq: int
    last_seq: int
    """Stored up to and with this message; first_seq - 1 at the beginning."""
    last_time_ns: int
    """JetStream's time of message last_seq, for the fork check; 0 when it was skipped or none."""
    messages: int
    values: int
    dead: int
    lost: int
    closed: bool


class Positions:
    """The positions of every stream; the values are in telemetry.py."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def positions(self, spoke_id: int, conn: Connection | None = None) -> list[Position]:
        """All epochs of a spoke's stream, oldest first. Raises StorageError."""
        async with self.database.using(conn) as c:
            return [Position(**row) for row in await c.fetch(_SELECT, spoke_id)]

    async def open_position(
        self, spoke_id: int, epoch: str, created_ns: int, first_seq: int
    ) -> Position:
        """The position of this epoch, made when it is new; two callers at once get the same."""
        async with self.database.transaction() as conn:
            await conn.execute(_OPEN, spoke_id, epoch, created_ns, first_seq)
            found = await self.positions(spoke_id, conn)
        return next(position for position in found if position.epoch == epoch)

    async def close_position(self, spoke_id: int, epoch: str, lost: int = 0) -> None:
        """The stream of this epoch is gone for good. Raises PositionError for an unknown one."""
        async with self.database.using() as conn:
            done = await conn.execute(_CLOSE, spoke_id, epoch, lost)
        if done != "UPDATE 1":
            raise PositionError(f"The epoch {epoch} of gateway {spoke_id} is not known.")

    async def skip(
        self, spoke_id: int, epoch: str, expected_last: int, last_seq: int, lost: int
    ) -> None:
        """Step over messages up to `last_seq` without storing any, `lost` of them counted as lost.

        Raises PositionError when the position is not `expected_last`; then nothing was changed.
        """
        async with self.database.using() as conn:
            done = await conn.execute(_SKIP, spoke_id, epoch, expected_last, last_seq, lost)
        if done != "UPDATE 1":
            raise PositionError(f"The position is not {expected_last} any more.")
