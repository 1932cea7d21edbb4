"""Stores batches exactly once: values, events and the stream's position in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import asyncpg

from hub.storage.copy import CopyBuffers
from hub.storage.database import Connection, Database
from hub.storage.errors import BatchRefusedError, DataRefusedError, PositionError
from hub.storage.event_rows import EventRows
from hub.storage.layouts import Layouts
from hub.storage.partitions import DAY_NS, Partitions, days_of
from hub.storage.positions import Positions
from hub.storage.rollups import RollUps, dropping_raw
from hub.storage.rows import column_of
from schemas.errors import StorageError
from schemas.frames import Batch, Frame, encode_batch

_REASON_CHARS = 500
_REFUSED = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)
"""The database says no to this value, and would say it again."""

_LOCK_POSITION = """
-- Compare: whoever holds this row is the only one who stores this stream.
SELECT last_seq FROM stream_position WHERE spoke_id = $1 AND epoch = $2 FOR UPDATE
"""
_ADVANCE = """
-- And set, together with what was stored.
UPDATE stream_position
   SET last_seq = $3, last_time_ns = $4, messages = messages + $5, "values" = "values" + $6,
       dead = dead + $7, lost = lost + $8
 WHERE spoke_id = $1 AND epoch = $2
"""
_BURY = """
INSERT INTO dead_letter (spoke_id, epoch, sequence, at, reason, payload)
VALUES ($1, $2, $3, $4, $5, $6)
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """A message that is a batch. `time_ns` is JetStream's time of the message."""

    sequence: int
    time_ns: int
    batch: Batch


@dataclass(frozen=True, slots=True)
class Dead:
    """A message that is none, and why."""

    sequence: int
    time_ns: int
    payload: bytes
    reason: str


class TelemetryStore(Positions):
    """Values, dead letters and positions of every stream. One per process."""

    def __init__(self, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        super().__init__(database)
        self._events = EventRows(database)
        self._layouts = Layouts(database)
        self._partitions = Partitions(database)
        self._rollups = RollUps(database, self._partitions)
        self._now_ns = now_ns

    async def store(
        self,
        spoke_id: int,
        epoch: str,
        expected_last: int,
        items: Sequence[Stored | Dead],
        lost: int = 0,
    ) -> None:
        """Store messages in the order of their sequence numbers, all of them or nothing.

        `expected_last` is the position the caller believes in; `lost` are messages that are gone
        before or between the items (right behind the position when there are no items). A batch
        that the database or a rule refuses becomes a dead letter. Raises PositionError when the
        position is another one (nothing was written), and StorageError while the database cannot.
        """
        if not items:
            await self.skip(spoke_id, epoch, expected_last, expected_last + lost, lost)
            return
        _check_order(expected_last, items)
        try:
            await self._store(spoke_id, epoch, expected_last, items, lost)
        except DataRefusedError:
            await self._store(spoke_id, epoch, expected_last, items, lost, one_by_one=True)
        except StorageError:
            self._forget()
            raise

    async def maintain(self, now_ns: int, retention_days: int | None) -> int:
        """See Partitions.maintain; call it at start and every hour or so. Events live as long."""
        if retention_days is None:
            return await self._partitions.maintain(now_ns, None)
        before_ns = (now_ns // DAY_NS - retention_days) * DAY_NS
        async with dropping_raw(self.database, before_ns):
            dropped = await self._partitions.maintain(now_ns, retention_days)
        await self._events.drop(before_ns)
        return dropped

    async def roll_up(self, now_ns: int) -> bool:
        """See RollUps.roll_up; call it every 10 s or so, and again at once while it is true."""
        return await self._rollups.roll_up(now_ns)

    async def _store(
        self,
        spoke_id: int,
        epoch: str,
        expected_last: int,
        items: Sequence[Stored | Dead],
        lost: int,
        *,
        one_by_one: bool = False,
    ) -> None:
        prepared = [await self._prepare(spoke_id, item) for item in items]
        async with self.database.transaction() as conn:
            position = await conn.fetchval(_LOCK_POSITION, spoke_id, epoch)
            if position != expected_last:
                raise PositionError(f"The position is {position}, not {expected_last}.")
            write = self._write_each if one_by_one else self._write_all
            values, dead = await write(conn, prepared)
            for letter in dead:
                await conn.execute(
                    _BURY, spoke_id, epoch, letter.sequence, letter.time_ns,
                    letter.reason[:_REASON_CHARS], letter.payload,
                )  # fmt: skip
            await conn.execute(
                _ADVANCE, spoke_id, epoch, items[-1].sequence, items[-1].time_ns,
                len(items) - len(dead), values, len(dead), lost,
            )  # fmt: skip

    async def _prepare(self, spoke_id: int, item: Stored | Dead) -> _Prepared | Dead:
        """The rows of one message; its layouts and partitions exist afterwards."""
        if isinstance(item, Dead):
            return item
        buffers = CopyBuffers()
        days: set[tuple[str, int]] = set()
        try:
            for frame in item.batch.frames:
                if frame.size:
                    days |= await self._add(spoke_id, frame, buffers)
            if item.batch.events:
                buffers.add_events(await self._events.admit(spoke_id, item.batch.events))
        except BatchRefusedError as error:
            return _bury(item, str(error))
        except (ValueError, TypeError, OverflowError) as error:
            return _bury(item, f"Its columns cannot be written as rows: {error}")
        await self._partitions.ensure(days, self._now_ns())
        return _Prepared(item, buffers)

    async def _add(self, spoke_id: int, frame: Frame, buffers: CopyBuffers) -> set[tuple[str, int]]:
        if frame.source_times is not None:
            await self._layouts.admit_points(spoke_id, frame)
            buffers.add_points(frame)
            return {("point", day) for day in days_of(frame.source_times)}
        buffers.add_blocks(frame, await self._layouts.blocks(spoke_id, frame))
        table = column_of(frame.wire).table
        return {(table, day) for day in days_of(frame.times)}

    async def _write_all(
        self, conn: Connection, prepared: Sequence[_Prepared | Dead]
    ) -> tuple[int, list[Dead]]:
        rows = CopyBuffers()
        for item in prepared:
            if isinstance(item, _Prepared):
                rows.extend(item.buffers)
        try:
            await rows.write(conn)
        except _REFUSED as error:
            raise DataRefusedError(str(error)) from error
        return rows.values, [item for item in prepared if isinstance(item, Dead)]

    async def _write_each(
        self, conn: Connection, prepared: Sequence[_Prepared | Dead]
    ) -> tuple[int, list[Dead]]:
        """Slow: each message behind its own savepoint, so that one bad value costs one message."""
        values, dead = 0, []
        for item in prepared:
            if isinstance(item, Dead):
                dead.append(item)
                continue
            try:
                async with conn.transaction():
                    await item.buffers.write(conn)
                values += item.buffers.values
            except _REFUSED as error:
                dead.append(_bury(item.stored, f"The database refuses it: {error}"))
        return values, dead

    def _forget(self) -> None:
        self._layouts.forget()
        self._partitions.forget()


@dataclass(frozen=True, slots=True)
class _Prepared:
    stored: Stored
    buffers: CopyBuffers


def _bury(item: Stored, reason: str) -> Dead:
    """The batch as a dead letter; its bytes are encoded again from its columns."""
    return Dead(item.sequence, item.time_ns, encode_batch(item.batch), reason)


def _check_order(expected_last: int, items: Sequence[Stored | Dead]) -> None:
    """A sequence number twice would be a value twice."""
    before = expected_last
    for item in items:
        if item.sequence <= before:
            raise ValueError(f"Message {item.sequence} does not follow {before}.")
        before = item.sequence
