"""One session reads one mirror into SQL.

Exactly once: rows and position are one transaction, and after any fault the session starts again
from the position in the database. A message that is no batch becomes a dead letter; a database that
is away makes the session wait, never skip.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import dataclass

from nats.aio.client import Client
from nats.errors import Error as NatsError

from hub.ingest.mirrors import Mirror
from hub.ingest.puller import GapError, Message, Puller
from hub.storage.errors import PositionError
from hub.storage.telemetry import Dead, Stored, TelemetryStore
from schemas.errors import FrameError, SpindleError, StorageError
from schemas.frames import decode_batch
from schemas.messages.ingest import SessionStatus

_log = logging.getLogger(__name__)

_MAX_COMMIT_BYTES = 8 * 1024**2
_FIRST_RETRY_S, _MAX_RETRY_S = 0.25, 5.0


@dataclass(slots=True)
class _Progress:
    stored_seq: int = 0
    mirror_seq: int = 0
    values: int = 0
    lag_s: float = 0.0
    error: str = ""


class Session:
    def __init__(
        self,
        client: Client,
        store: TelemetryStore,
        mirror: Mirror,
        spoke_id: int,
        commit_s: float,
    ) -> None:
        self.mirror = mirror
        self._client = client
        self._store = store
        self._spoke_id = spoke_id
        self._commit_s = commit_s
        self._progress = _Progress()

    @property
    def status(self) -> SessionStatus:
        progress = self._progress
        return SessionStatus(
            spoke=self.mirror.spoke,
            epoch=self.mirror.epoch,
            stored_seq=progress.stored_seq,
            mirror_seq=progress.mirror_seq,
            lag_s=progress.lag_s,
            values=progress.values,
            error=progress.error,
        )

    async def run(self) -> None:
        """Run until cancelled."""
        failures = 0
        while True:
            before = self._progress.stored_seq
            try:
                await self._follow()
            except (NatsError, OSError, TimeoutError, GapError, PositionError) as error:
                _log.debug("Session of %s: %s", self.mirror.stream, error)
            except SpindleError as error:
                self._trouble(error)
            except Exception as error:  # noqa: BLE001 - our defect stops one gateway, not all
                if not self._progress.error:
                    _log.exception("Defect in the ingest", extra={"action": "ingest.defect"})
                self._trouble(StorageError(f"The ingest failed: {type(error).__name__}: {error}"))
            failures = 0 if self._progress.stored_seq > before else failures + 1
            delay = min(_MAX_RETRY_S, _FIRST_RETRY_S * 2 ** min(failures, 8))
            await asyncio.sleep(delay * random.uniform(0.8, 1.2))  # noqa: S311 - jitter

    async def _follow(self) -> None:
        """From the position in the database on, until something fails."""
        position = await self._store.open_position(
            self._spoke_id, self.mirror.epoch, self.mirror.created_ns, self.mirror.first_seq
        )
        last = self._progress.stored_seq = position.last_seq
        puller = Puller(self._client, self.mirror.stream)
        try:
            await puller.start(last + 1)
            while True:
                messages = await puller.take(self._commit_s, _MAX_COMMIT_BYTES)
                last = await self._commit(last, messages)
        finally:
            await puller.stop()

    async def _commit(self, last: int, messages: list[Message]) -> int:
        """Store messages after `last` and return the new position."""
        items = [_item(message) for message in messages]
        lost = messages[-1].sequence - last - len(messages)
        if lost:
            _log.error(
                "%d messages of gateway %s are gone from its buffer before they were stored",
                lost,
                self.mirror.spoke,
                extra={"action": "ingest.lost", "lost": lost},
            )
        while True:
            try:
                await self._store.store(self._spoke_id, self.mirror.epoch, last, items, lost)
                break
            except PositionError:
                raise  # it was committed after all, or somebody else did: read the position again
            except StorageError as error:
                self._trouble(error)
                await asyncio.sleep(1.0)
        self._recovered()
        progress = self._progress
        progress.stored_seq = messages[-1].sequence
        progress.mirror_seq = max(progress.mirror_seq, progress.stored_seq)
        progress.values += sum(item.batch.size for item in items if isinstance(item, Stored))
        progress.lag_s = max(0.0, (time.time_ns() - messages[-1].time_ns) / 1e9)
        return progress.stored_seq

    def saw_mirror(self, last_seq: int) -> None:
        """The mirror's newest sequence number, for the status."""
        self._progress.mirror_seq = last_seq

    def _trouble(self, error: SpindleError) -> None:
        if not self._progress.error:
            _log.warning(
                "Cannot store data of gateway %s: %s",
                self.mirror.spoke,
                error.message,
                extra={"action": "ingest.wait"},
            )
        self._progress.error = error.message

    def _recovered(self) -> None:
        if self._progress.error:
            _log.info(
                "Storing data of gateway %s again", self.mirror.spoke, extra={"action": "ingest.on"}
            )
        self._progress.error = ""


def _item(message: Message) -> Stored | Dead:
    try:
        return Stored(message.sequence, message.time_ns, decode_batch(message.data))
    except FrameError as error:
        return Dead(message.sequence, message.time_ns, message.data, error.message)
