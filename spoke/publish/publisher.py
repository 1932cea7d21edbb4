"""Puts batches into the local stream, with a bounded window of batches not yet acknowledged.

One owner of every resend: a batch is sent when it is put, and the whole window again, in order,
after a reconnect, an error answer, or when an acknowledgement is overdue. Its message id makes a
second copy harmless: JetStream drops it inside the stream's duplicate window. What was sent longer
ago than half of that is looked for in the stream first.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections import OrderedDict
from dataclasses import dataclass

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from schemas import subjects
from schemas.frames import Batch, encode_batch
from spoke.clock import Clock
from spoke.publish.recovery import not_in_stream
from spoke.publish.spool import Leftover, Spool
from spoke.publish.stream import DUPLICATE_WINDOW_S

_log = logging.getLogger(__name__)

_ACK_OVERDUE_S = 5.0
_RETRY_S = 1.0
MAX_OUTSTANDING = 64


@dataclass(slots=True)
class _Outstanding:
    producer: str
    number: int
    payload: bytes
    after: int
    """The newest sequence number that was acknowledged when it was put."""
    sent: float | None = None
    first_sent: float | None = None


class Publisher:
    def __init__(
        self, client: Client, spoke: str, name: str, spool: Spool, clock: Clock, window_bytes: int
    ) -> None:
        """`name` is the worker's token in subjects, for example `w0`."""
        self._client = client
        self._spoke = spoke
        self._inbox = f"{subjects.spoke_inbox(spoke)}.ack-{name}"
        self._spool = spool
        self._clock = clock
        self._window_bytes = window_bytes
        self._window: OrderedDict[str, _Outstanding] = OrderedDict()
        self._bytes = 0
        self._sending = asyncio.Lock()
        self._retry_at: float | None = None
        self._failing = ""
        self._newest = 0
        self.acknowledged = 0
        self.acknowledged_bytes = 0

    async def start(self) -> None:
        await self._client.subscribe(f"{self._inbox}.>", cb=self._on_ack)

    @property
    def ready(self) -> bool:
        """False while the window is full: acquisition then skips scans and counts them."""
        return self._bytes < self._window_bytes and len(self._window) < MAX_OUTSTANDING

    @property
    def outstanding(self) -> int:
        return len(self._window)

    @property
    def failing(self) -> str:
        """Why the stream takes nothing now, in words; empty when it does."""
        return self._failing

    async def put(self, batch: Batch) -> None:
        payload = encode_batch(batch)
        item = _Outstanding(batch.producer, batch.number, payload, self._newest)
        self._window[subjects.message_id(self._spoke, batch.producer, batch.number)] = item
        self._bytes += len(payload)
        if self._retry_at is None:
            await self._send_window()

    async def put_leftover(self, leftover: Leftover) -> None:
        """A batch of an earlier run, under its old name and number."""
        now = self._clock.time_ns()
        await self.put(Batch(leftover.producer, leftover.number, now, leftover.frames))

    async def tend(self) -> None:
        """Resend what is overdue; called a few times a second."""
        now = self._clock.monotonic()
        oldest = next(iter(self._window.values()), None)
        if oldest is None:
            return
        overdue = oldest.sent is None or now - oldest.sent > _ACK_OVERDUE_S
        if self._retry_at is not None and now >= self._retry_at:
            await self.resend()
        elif self._retry_at is None and overdue:
            if oldest.sent is not None:
                self._note("the local nats-server does not acknowledge")
            await self.resend()

    async def resend(self) -> None:
        """Send the whole window again, in order, but for what the stream has already."""
        self._retry_at = None
        try:
            await self._forget_stored()
        except (NatsError, JetStreamError, OSError, TimeoutError):  # not up yet
            self._retry_at = self._clock.monotonic() + _RETRY_S
            return
        for item in self._window.values():
            item.sent = None
        await self._send_window()

    async def _forget_stored(self) -> None:
        """A batch whose acknowledgement was lost, and that the server may no longer know as a
        duplicate: the stream itself is asked. Raises nats errors while it is away."""
        limit = self._clock.monotonic() - DUPLICATE_WINDOW_S / 2
        old = [item for item in self._window.values() if (item.first_sent or math.inf) < limit]
        if not old:
            return
        missing = await not_in_stream(self._client, self._spoke, old)
        for item in old:
            if item not in missing:
                self._release(subjects.message_id(self._spoke, item.producer, item.number), 0)

    async def _send_window(self) -> None:
        """Send what is not sent, in order: one at a time, whoever asks."""
        async with self._sending:
            for key, item in list(self._window.items()):
                if item.sent is None and key in self._window and not await self._send(key, item):
                    return

    async def _send(self, key: str, item: _Outstanding) -> bool:
        if not self._client.is_connected:
            self._note("the local nats-server is not connected")
            return False
        headers = {"Nats-Msg-Id": key, "Nats-Expected-Stream": subjects.stream(self._spoke)}
        try:
            item.sent = self._clock.monotonic()
            item.first_sent = item.first_sent or item.sent
            await self._client.publish(
                subjects.producer_subject(self._spoke, item.producer),
                item.payload,
                reply=f"{self._inbox}.{key}",
                headers=headers,
            )
        except (NatsError, OSError) as error:
            item.sent = None
            self._note(f"cannot send to the local nats-server: {error or type(error).__name__}")
            return False
        return True

    async def _on_ack(self, message: Msg) -> None:
        sequence, problem = _stored(message)
        if problem:
            self._note(problem)
            if self._retry_at is None:
                self._retry_at = self._clock.monotonic() + _RETRY_S
            return
        self._newest = max(self._newest, sequence)
        self._release(message.subject.removeprefix(f"{self._inbox}."), sequence)
        self._note("")

    def _release(self, key: str, sequence: int) -> None:
        item = self._window.pop(key, None)
        if item is None:
            return  # the second acknowledgement of a batch that was sent twice
        self._bytes -= len(item.payload)
        self.acknowledged += 1
        self.acknowledged_bytes += len(item.payload)
        self._spool.release(item.producer, item.number, sequence)

    def _note(self, problem: str) -> None:
        if problem and not self._failing:
            _log.warning("The stream takes no data: %s", problem, extra={"action": "publish.stop"})
        elif self._failing and not problem:
            _log.info("The stream takes data again", extra={"action": "publish.resume"})
        self._failing = problem


def _stored(message: Msg) -> tuple[int, str]:
    """The batch's sequence number, and why JetStream did not store it (empty when it did)."""
    if message.headers and message.headers.get("Status") == "503":
        return 0, "JetStream does not answer (no stream yet, or the server starts)"
    try:
        answer = json.loads(message.data)
        error = answer.get("error")
        if error:
            return 0, str(error.get("description", error))
        return int(answer["seq"]), ""
    except (ValueError, TypeError, KeyError, AttributeError):
        return 0, "the answer of the local nats-server is no publish acknowledgement"
