"""The hub's mirrors: one stream per epoch of a spoke's stream, fed by the durable consumer that the
spoke made for it. Sequence numbers and times are those of the spoke.

A new epoch gets a new mirror; the old one stays until all of it is in SQL.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from nats.aio.client import Client
from nats.js import api
from nats.js.errors import NotFoundError

from schemas import subjects

_log = logging.getLogger(__name__)

_REQUEST_S = 5.0

_SPOKE, _EPOCH = "spindle_spoke", "spindle_epoch"
_CREATED, _FIRST = "spindle_created_ns", "spindle_first_seq"


@dataclass(frozen=True, slots=True)
class Mirror:
    """`created_ns` is when the epoch began, by the spoke's clock; `first_seq` its first message."""

    spoke: str
    epoch: str
    created_ns: int
    first_seq: int = 1

    @property
    def stream(self) -> str:
        return subjects.mirror(self.spoke, self.epoch)


class Mirrors:
    def __init__(self, client: Client, max_bytes: int, max_age_s: float) -> None:
        self._client = client
        self._context = client.jetstream()
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s

    async def all(self) -> list[Mirror]:
        """Every mirror that exists, whether its spoke is there or not."""
        found = []
        offset = 0
        while True:
            page = await self._context.streams_info(offset=offset)
            for info in page:
                notes = info.config.metadata or {}
                if _SPOKE in notes and _EPOCH in notes:
                    created, first = int(notes.get(_CREATED, "0")), int(notes.get(_FIRST, "1"))
                    found.append(Mirror(notes[_SPOKE], notes[_EPOCH], created, first))
            offset += len(page)
            if not page:
                return found

    async def make(self, mirror: Mirror) -> None:
        """Make the mirror; harmless when it exists."""
        spoke, epoch = mirror.spoke, mirror.epoch
        try:
            await self._context.stream_info(mirror.stream)
        except NotFoundError:
            delivery = subjects.mirror_delivery(spoke, epoch)
            await self._context.add_stream(
                api.StreamConfig(
                    name=mirror.stream,
                    storage=api.StorageType.FILE,
                    max_bytes=self._max_bytes,
                    max_age=self._max_age_s,
                    metadata={
                        _SPOKE: spoke,
                        _EPOCH: epoch,
                        _CREATED: str(mirror.created_ns),
                        _FIRST: str(mirror.first_seq),
                    },
                    mirror=api.StreamSource(
                        name=subjects.stream(spoke),
                        external=api.ExternalStream(
                            api=subjects.js_api(spoke), deliver=f"dlv.{spoke}"
                        ),
                        consumer=api.StreamConsumerSource(
                            name=subjects.mirror_consumer(spoke, epoch), deliver_subject=delivery
                        ),
                    ),
                )
            )
            _log.info(
                "Mirroring gateway %s, epoch %s", spoke, epoch, extra={"action": "mirror.made"}
            )

    async def bounds(self, mirror: Mirror) -> tuple[int, int]:
        """First and last sequence number that the mirror holds; (1, 0) when it is empty."""
        state = (await self._context.stream_info(mirror.stream)).state
        return state.first_seq or 1, state.last_seq

    async def time_of(self, mirror: Mirror, sequence: int) -> str | None:
        """JetStream's time of a message, as the server writes it; None when it is gone."""
        answer = await self._client.request(
            f"$JS.API.STREAM.MSG.GET.{mirror.stream}",
            json.dumps({"seq": sequence}).encode(),
            timeout=_REQUEST_S,
        )
        found = json.loads(answer.data)
        return str(found["message"]["time"]) if "message" in found else None

    async def drop(self, mirror: Mirror) -> None:
        try:
            await self._context.delete_stream(mirror.stream)
        except NotFoundError:
            return
        _log.info(
            "Epoch %s of gateway %s is complete in SQL; its mirror is gone",
            mirror.epoch,
            mirror.spoke,
            extra={"action": "mirror.dropped"},
        )
