"""Brings what a use made into the stream, once, with the position that it was made from.

The position is a header of the message, so the stream itself says how far the outputs go: after a
crash a use works through what it had not saved, and what is in the stream is not sent again.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence

from nats.aio.client import Client
from nats.errors import MaxPayloadError

from schemas import subjects
from schemas.events import Event
from schemas.frames import Batch, Frame, encode_batch
from schemas.functions import Fault
from spoke.clock import Clock
from spoke.functions.tap import AWAY, Tap
from udf.faults import FunctionFault

POSITION = "Spindle-Position"
_ANSWER_S, _AGAIN_S = 5.0, 1.0
_BYTES_PER_S, _BURST_BYTES = 2_000_000, 16_000_000
"""Of one use, as compressed in the stream."""


class Publisher:
    """Of one use. A message that the stream does not take is tried until it does."""

    def __init__(self, client: Client, tap: Tap, spoke: str, use_id: int, clock: Clock) -> None:
        self._client, self._tap, self._spoke, self._clock = client, tap, spoke, clock
        self._producer = f"{subjects.function_producer(use_id)}-{secrets.token_hex(4)}"
        self._subject = subjects.producer_subject(spoke, self._producer)
        self._number = 0
        self._paid_s = -math.inf
        self.waiting = False
        """The stream does not take anything now."""

    def own(self, subject: str) -> bool:
        """Whether a message of this subject is of this use."""
        return subject == self._subject

    async def emitted(self, epoch: str) -> int:
        """The position of the last outputs in the stream. Raises nats errors."""
        headers = await self._tap.position_of(self._subject)
        found, _, position = headers.get(POSITION, "").partition(":")
        return int(position) if found == epoch and position.isdigit() else 0

    async def put(
        self, epoch: str, position: int, frames: Sequence[Frame], events: Sequence[Event]
    ) -> None:
        """Returns when it is on disk. Cancelled before that it may be there or not: `emitted`
        tells. Raises FunctionFault for more than a message can carry."""
        message = self._encoded(frames, events)
        await self._in_turn(len(message))
        identity = f"{epoch}:{position}"
        while True:
            try:
                await self._publish(message, identity, identity)
            except MaxPayloadError as error:
                most = self._client.max_payload >> 20
                text = f"one batch made {len(message) >> 20} MB of outputs and events; at most "
                raise FunctionFault(Fault("shape", f"{text}{most}")) from error
            except AWAY:
                self.waiting = True
                await self._clock.sleep(_AGAIN_S)
                if await self._is_there(epoch, position):
                    break
            else:
                break
        self.waiting = False

    async def tell(self, events: Sequence[Event]) -> None:
        """Events without a place in the stream: the position of the last outputs stays. Tried once;
        raises nats errors."""
        headers = await self._tap.position_of(self._subject)
        message = self._encoded([], events)
        identity = f"{self._producer}:{self._number}"
        await self._publish(message, identity, headers.get(POSITION, ""))

    async def _in_turn(self, size: int) -> None:
        """A use that makes too much waits, so that it cannot push measured values out of the
        stream; what it has not read yet stays there."""
        now = self._clock.monotonic()
        self._paid_s = max(self._paid_s, now - _BURST_BYTES / _BYTES_PER_S)
        await self._clock.sleep(max(0.0, self._paid_s - now))
        self._paid_s += size / _BYTES_PER_S

    def _encoded(self, frames: Sequence[Frame], events: Sequence[Event]) -> bytes:
        self._number += 1
        made = Batch(
            self._producer, self._number, self._clock.time_ns(), tuple(frames), tuple(events)
        )
        return encode_batch(made)

    async def _publish(self, message: bytes, identity: str, position: str) -> None:
        headers = {
            "Nats-Msg-Id": f"{self._spoke}:{self._subject}:{identity}",
            POSITION: position,
        }
        context = self._client.jetstream()
        await context.publish(self._subject, message, headers=headers, timeout=_ANSWER_S)

    async def _is_there(self, epoch: str, position: int) -> bool:
        """Whether it came into the stream though nobody said so: the server forgets what it has
        seen after some minutes."""
        try:
            return await self.emitted(epoch) >= position
        except AWAY:
            return False
