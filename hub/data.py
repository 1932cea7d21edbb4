"""`DataService` is hub.services.Data: what is stored, and how complete it is."""

from __future__ import annotations

import time
from collections.abc import Sequence

from nats.aio.client import Client
from nats.aio.msg import Msg

from hub.fleet.presence import PresenceService
from hub.records import DeadLetter, Latest, LedgerRow, Series, System
from hub.storage.database import Database
from hub.storage.queries import Counters, Queries, StreamCount
from schemas import subjects
from schemas.errors import FrameError, StorageError
from schemas.messages.codec import read
from schemas.messages.ingest import IngestStatus, SessionStatus

VERSION = "0.1.0"
_STATUS_STALE_S = 10.0


class DataService:
    def __init__(self, database: Database, presence: PresenceService, client: Client) -> None:
        self._database = database
        self._queries = Queries(database)
        self._presence = presence
        self._client = client
        self._ingest: IngestStatus | None = None
        self._newest = Counters(0, 0, 0, 0, 0)

    async def start(self) -> None:
        await self._client.subscribe(subjects.INGEST_STATUS, cb=self._on_status)

    async def latest(self, tag_ids: Sequence[int]) -> dict[int, Latest]:
        return await self._queries.latest(tag_ids)

    async def trend(
        self, tag_ids: Sequence[int], start_ns: int, end_ns: int, buckets: int = 600
    ) -> list[Series]:
        return await self._queries.trend(tag_ids, start_ns, end_ns, buckets)

    async def ledger(self) -> list[LedgerRow]:
        """One row per epoch; `produced` is the newest sequence number that we know of: from the
        spoke's health, from the mirror, and from what is stored, whichever is furthest."""
        mirrors = {(item.spoke, item.epoch): item for item in self._sessions()}
        rows = []
        for count in await self._queries.ledger():
            session = mirrors.get((count.spoke, count.epoch))
            mirror_seq = session.mirror_seq if session else 0
            rows.append(_row(count, max(self._spoke_seq(count), mirror_seq, count.last_seq)))
        return rows

    async def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        return await self._queries.dead_letters(limit)

    async def system(self) -> System:
        """Never raises for a database that is away: that is what it tells."""
        size, database_error = 0, ""
        try:
            size = await self._queries.database_size()
            self._newest = await self._queries.counters()
        except StorageError as error:
            database_error = error.message
        fresh = self._fresh()
        ingest_error = fresh.error if fresh else "The ingest process does not report."
        return System(
            version=VERSION,
            database=self._database.description,
            database_ok=not database_error,
            database_error=database_error,
            database_size_bytes=size,
            nats_ok=self._client.is_connected,
            values_per_s=fresh.values_per_s if fresh else 0.0,
            ingest_lag_s=max((item.lag_s for item in fresh.sessions), default=0.0) if fresh else 0,
            dead_letters=self._newest.dead,
            ingest_ok=not ingest_error,
            ingest_error=ingest_error,
        )

    def _spoke_seq(self, count: StreamCount) -> int:
        health = self._presence.health(count.spoke)
        if health is None or health.stream.epoch != count.epoch:
            return 0
        return health.stream.last_seq

    def _sessions(self) -> tuple[SessionStatus, ...]:
        return self._ingest.sessions if self._ingest else ()

    def _fresh(self) -> IngestStatus | None:
        """The newest status, None while the ingest is silent."""
        status = self._ingest
        if status is None or time.time_ns() - status.time_ns > _STATUS_STALE_S * 1e9:
            return None
        return status

    async def _on_status(self, message: Msg) -> None:
        try:
            self._ingest = read(IngestStatus, message.data)
        except FrameError:
            return


def _row(count: StreamCount, last_known: int) -> LedgerRow:
    produced = last_known - count.first_seq + 1
    waiting = last_known - count.last_seq
    missing = produced - count.stored - count.dead - count.lost - waiting
    return LedgerRow(
        spoke=count.spoke,
        epoch=count.epoch,
        produced=produced,
        stored=count.stored,
        dead=count.dead,
        lost=count.lost,
        waiting=waiting,
        missing=missing,
        values=count.values,
        last_time_ns=count.last_time_ns,
    )
