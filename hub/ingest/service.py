"""The ingest process: finds the spokes' streams, keeps a mirror and a session for each epoch."""

from __future__ import annotations

import asyncio
import logging
import time

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from hub.connect import until_closed
from hub.fleet.presence import PresenceService
from hub.fleet.rpc import Rpc
from hub.ingest.forks import ForkWatch
from hub.ingest.mirrors import Mirror, Mirrors
from hub.ingest.session import Session
from hub.settings import HubSettings
from hub.storage.config import ConfigStore
from hub.storage.database import Database
from hub.storage.telemetry import TelemetryStore
from schemas import subjects
from schemas.errors import SpindleError
from schemas.messages.codec import pack
from schemas.messages.ingest import IngestStatus

_log = logging.getLogger(__name__)

_LOOK_S, _STATUS_S, _MAINTAIN_S, _ROLL_UP_S = 1.0, 2.0, 3600.0, 10.0
_AWAY = (NatsError, JetStreamError, OSError, TimeoutError)


class IngestService:
    def __init__(self, client: Client, database: Database, settings: HubSettings) -> None:
        self._client = client
        self._settings = settings
        self._config = ConfigStore(database)
        self._store = TelemetryStore(database)
        self._presence = PresenceService()
        self._mirrors = Mirrors(client, settings.mirror_max_bytes, settings.mirror_max_age_h * 3600)
        self._rpc = Rpc(client)
        self._forks = ForkWatch(self._rpc, self._mirrors)
        self._sessions: dict[str, tuple[Session, asyncio.Task[None]]] = {}
        self._spoke_ids: dict[str, int] = {}
        self._reported: dict[str, int] = {}  # by mirror: the newest message that the spoke had
        self._error = ""
        self._values_before: tuple[float, int] | None = None

    async def run(self) -> None:
        """Run until cancelled."""
        await self._presence.start(self._client)
        await self._rpc.start()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_status())
            tasks.create_task(self._maintain())
            tasks.create_task(self._roll_up())
            tasks.create_task(until_closed(self._client))
            while True:
                await self._look(tasks)
                await asyncio.sleep(_LOOK_S)

    async def _look(self, tasks: asyncio.TaskGroup) -> None:
        """Bring mirrors and sessions in line with the spokes that are known."""
        try:
            self._spoke_ids = {row.name: row.spoke_id for row in await self._config.spokes()}
            existing = {mirror.stream: mirror for mirror in await self._mirrors.all()}
            for session, _ in list(self._sessions.values()):
                if session.mirror.stream not in existing:  # dropped by another ingest, or wiped
                    self._end(session.mirror)
            for mirror in self._announced():
                existing.setdefault(mirror.stream, mirror)
            errors = [await self._trouble_of(mirror, tasks) for mirror in existing.values()]
            self._note(next(filter(None, errors), ""))
        except SpindleError as error:
            self._note(error.message)
        except _AWAY as error:
            self._note(f"The hub's nats-server does not answer: {error or type(error).__name__}")

    def _announced(self) -> list[Mirror]:
        """The streams that known spokes have now, by their health messages."""
        return [
            Mirror(name, health.stream.epoch, health.stream.created_ns, health.stream.epoch_seq)
            for name, health in self._presence.all().items()
            if health.stream.epoch and name in self._spoke_ids
        ]

    async def _trouble_of(self, mirror: Mirror, tasks: asyncio.TaskGroup) -> str:
        """Tend it; what is wrong with one gateway, in words, must not stop the others."""
        try:
            await self._tend(mirror, tasks)
        except (SpindleError, *_AWAY) as error:
            return f"{mirror.spoke}: {error or type(error).__name__}"
        return ""

    async def _tend(self, mirror: Mirror, tasks: asyncio.TaskGroup) -> None:
        spoke_id = self._spoke_ids.get(mirror.spoke)
        running = self._sessions.get(mirror.stream)
        if spoke_id is None:
            if running:
                self._end(mirror)
            return
        if running is None:
            await self._mirrors.make(mirror)
            session = Session(
                self._client, self._store, mirror, spoke_id, self._settings.commit_ms / 1000
            )
            self._sessions[mirror.stream] = (session, tasks.create_task(_contained(session)))
            return
        before = running[0].status.mirror_seq
        first, last = await self._mirrors.bounds(mirror)
        health = self._presence.health(mirror.spoke)
        online = self._presence.online(mirror.spoke)
        current = health if online and health and health.stream.epoch == mirror.epoch else None
        if current and await self._forks.agree(mirror, current, first, before or last):
            reported = self._reported.get(mirror.stream, 0)
            self._reported[mirror.stream] = max(reported, current.stream.last_seq)
        running[0].saw_mirror(last)
        if self._is_past(mirror) and running[0].status.stored_seq >= last:
            reported = self._reported.get(mirror.stream, 0)
            await close_epoch(self._store, mirror, spoke_id, reported)
            self._end(mirror)
            await self._mirrors.drop(mirror)
            self._reported.pop(mirror.stream, None)

    def _is_past(self, mirror: Mirror) -> bool:
        """The spoke has another stream now."""
        health = self._presence.health(mirror.spoke)
        return health is not None and health.stream.epoch not in ("", mirror.epoch)

    def _end(self, mirror: Mirror) -> None:
        _, task = self._sessions.pop(mirror.stream)
        task.cancel()

    def _note(self, error: str) -> None:
        if error and not self._error:
            _log.warning("Ingest waits: %s", error, extra={"action": "ingest.wait"})
        elif self._error and not error:
            _log.info("Ingest goes on", extra={"action": "ingest.on"})
        self._error = error

    async def _send_status(self) -> None:
        while True:
            await asyncio.sleep(_STATUS_S)
            sessions = tuple(session.status for session, _ in self._sessions.values())
            error = self._error or next((item.error for item in sessions if item.error), "")
            rate = self._rate(sum(item.values for item in sessions))
            status = IngestStatus(time.time_ns(), rate, sessions, error)
            try:
                await self._client.publish(subjects.INGEST_STATUS, pack(status))
            except _AWAY:
                continue

    def _rate(self, values: int) -> float:
        now = time.monotonic()
        before, self._values_before = self._values_before, (now, values)
        if before is None or values < before[1]:
            return 0.0
        return (values - before[1]) / (now - before[0])

    async def _maintain(self) -> None:
        """Partitions ahead and retention, at start and every hour."""
        while True:
            try:
                await self._store.maintain(time.time_ns(), self._settings.retention_days or None)
                wait = _MAINTAIN_S
            except SpindleError as error:
                _log.debug("Maintenance: %s", error, extra={"action": "maintain.late"})
                wait = 10.0
            await asyncio.sleep(wait)

    async def _roll_up(self) -> None:
        """Minutes and hours for long trends; what is left over waits a moment, so that storing goes
        first."""
        while True:
            try:
                more = await self._store.roll_up(time.time_ns())
            except SpindleError as error:
                _log.debug("Roll-up: %s", error, extra={"action": "rollup.late"})
                more = False
            await asyncio.sleep(0.1 if more else _ROLL_UP_S)


async def close_epoch(store: TelemetryStore, mirror: Mirror, spoke_id: int, reported: int) -> None:
    """The spoke has another stream and the mirror is in SQL: what the spoke had up to message
    `reported` and never delivered is lost. Twice is fine. Raises StorageError."""
    position = await store.open_position(
        spoke_id, mirror.epoch, mirror.created_ns, mirror.first_seq
    )
    lost = reported - position.last_seq
    if lost > 0:
        await store.skip(spoke_id, mirror.epoch, position.last_seq, reported, lost)
        _log.error(
            "%d messages of gateway %s were in the stream that it lost",
            lost,
            mirror.spoke,
            extra={"action": "ingest.lost", "lost": lost},
        )
    await store.close_position(spoke_id, mirror.epoch)


async def _contained(session: Session) -> None:
    """A session that is ended on purpose does not end the others."""
    try:
        await session.run()
    except asyncio.CancelledError:
        return
