"""The local stream and the durable consumer that feeds the hub's mirror; one owner, the supervisor.

The stream's epoch (a random id in its metadata) tells the hub when it is another stream of the same
name: wiped, replaced, or made anew. Limits are always set and never derived from the free disk.
"""

from __future__ import annotations

import logging
import secrets
import time

from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError

from schemas import subjects
from schemas.messages.health import StreamHealth
from spoke.settings import SpokeSettings

_log = logging.getLogger(__name__)

EPOCH, EPOCH_SEQ, EPOCH_MADE = "spindle_epoch", "spindle_epoch_seq", "spindle_epoch_ns"
DUPLICATE_WINDOW_S = 600
_MIN_PENDING, _MAX_PENDING = 2, 64


class Stream:
    def __init__(self, context: JetStreamContext, settings: SpokeSettings) -> None:
        self._context = context
        self._settings = settings
        self._name = subjects.stream(settings.name)
        self._pending = 0

    async def ensure(self) -> str:
        """Make or adjust the stream and its consumer; return the epoch. Raises nats errors."""
        try:
            found = await self._context.stream_info(self._name)
            config, notes = found.config, found.config.metadata or {}
        except NotFoundError:
            config, notes = None, {}
        wanted = self._config(_notes(notes) if notes.get(EPOCH) else _new_epoch(1))
        if config is None:
            await self._context.add_stream(wanted)
            _log.info("Made the local stream", extra={"action": "stream.made"})
        elif _differs(config, wanted):
            await self._context.update_stream(wanted)
        epoch = str((wanted.metadata or {})[EPOCH])
        await self._ensure_consumer(epoch, pending=self._pending or _MAX_PENDING)
        return epoch

    async def new_epoch(self, ended: str, first_seq: int) -> None:
        """From `first_seq` on this is another stream, because its history was forked; nothing
        happens when `ended` is not the epoch that runs. Raises nats errors."""
        found = await self._context.stream_info(self._name)
        if (found.config.metadata or {}).get(EPOCH) != ended:
            return
        old_consumer = subjects.mirror_consumer(self._settings.name, ended)
        await self._context.delete_consumer(self._name, old_consumer)
        wanted = self._config(_new_epoch(first_seq))
        await self._context.update_stream(wanted)
        await self.ensure()
        _log.error(
            "The stream's history was forked at message %d; it goes on as a new epoch",
            first_seq,
            extra={"action": "stream.forked"},
        )

    async def health(self) -> StreamHealth:
        """Where the stream and the hub stand; also fits the consumer's window to the link."""
        info = await self._context.stream_info(self._name)
        notes = info.config.metadata or {}
        epoch = notes.get(EPOCH, "")
        consumer = await self._context.consumer_info(
            self._name, subjects.mirror_consumer(self._settings.name, epoch)
        )
        state = info.state
        await self._fit_window(epoch, state.bytes / max(state.messages, 1))
        return StreamHealth(
            epoch=epoch,
            created_ns=int(notes.get(EPOCH_MADE, "0")),
            epoch_seq=int(notes.get(EPOCH_SEQ, "1")),
            first_seq=state.first_seq,
            last_seq=state.last_seq,
            hub_seq=(consumer.ack_floor.stream_seq or 0) if consumer.ack_floor else 0,
            size_bytes=state.bytes,
            max_bytes=self._settings.stream_max_bytes,
        )

    async def _fit_window(self, epoch: str, message_bytes: float) -> None:
        """Bound the bytes in flight to the hub: commands share the link (design section 2)."""
        fitting = int(self._settings.link_window_bytes / max(message_bytes, 1.0))
        wanted = min(max(fitting, _MIN_PENDING), _MAX_PENDING)
        if not self._pending or not 0.5 < wanted / self._pending < 2:
            await self._ensure_consumer(epoch, wanted)

    async def _ensure_consumer(self, epoch: str, pending: int) -> None:
        name = subjects.mirror_consumer(self._settings.name, epoch)
        await self._context.add_consumer(
            self._name,
            api.ConsumerConfig(
                name=name,
                durable_name=name,
                deliver_subject=subjects.mirror_delivery(self._settings.name, epoch),
                deliver_policy=api.DeliverPolicy.ALL,
                ack_policy=api.AckPolicy.FLOW_CONTROL,
                flow_control=True,
                idle_heartbeat=1,
                max_ack_pending=pending,
            ),
        )
        self._pending = pending

    def _config(self, notes: dict[str, str]) -> api.StreamConfig:
        settings = self._settings
        discard = api.DiscardPolicy.NEW if settings.discard_new else api.DiscardPolicy.OLD
        return api.StreamConfig(
            name=self._name,
            subjects=[subjects.telemetry_all(settings.name)],
            retention=api.RetentionPolicy.LIMITS,
            discard=discard,
            max_bytes=settings.stream_max_bytes,
            max_age=settings.stream_max_age_h * 3600,
            storage=api.StorageType.FILE,
            duplicate_window=DUPLICATE_WINDOW_S,
            allow_direct=True,  # functions read it by sequence numbers
            metadata=notes,
        )


def _new_epoch(first_seq: int) -> dict[str, str]:
    """Metadata of an epoch that starts now."""
    return {
        EPOCH: secrets.token_hex(4),
        EPOCH_SEQ: str(first_seq),
        EPOCH_MADE: str(time.time_ns()),
    }


def _notes(found: dict[str, str]) -> dict[str, str]:
    """Our part of a stream's metadata; the server adds its own."""
    return {key: found[key] for key in (EPOCH, EPOCH_SEQ, EPOCH_MADE) if key in found}


def _differs(found: api.StreamConfig, wanted: api.StreamConfig) -> bool:
    return (
        found.max_bytes != wanted.max_bytes
        or found.max_age != wanted.max_age
        or found.discard != wanted.discard
        or found.subjects != wanted.subjects
        or found.duplicate_window != wanted.duplicate_window
        or found.allow_direct != wanted.allow_direct
        or _notes(found.metadata or {}) != (wanted.metadata or {})
    )
