"""Reads a mirror from a sequence number on, without a gap, with bounded memory.

An own puller, because `fetch()` of nats-py lost a batch in a black-hole test (nats.md, 2.2). The
consumer is made anew for each session at the position in the database and acknowledges nothing:
the database alone says where we are (docs/adr/0005). Every message carries the consumer's own
sequence; a number that does not follow means that something was missed, and the session starts
again from the database.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js import api

from schemas import subjects

_EXPIRES_S, _HEARTBEAT_S = 30, 3
_SILENT_S = 3 * _HEARTBEAT_S
_BATCH, _MAX_BYTES = 64, 4 * 1024**2
_INACTIVE_S = 60.0


class GapError(Exception):
    """The consumer missed something or is gone; start again from the database."""


@dataclass(frozen=True, slots=True)
class Message:
    """`time_ns` is JetStream's time of the message at the spoke."""

    sequence: int
    time_ns: int
    data: bytes


class Puller:
    def __init__(self, client: Client, stream: str) -> None:
        self._client = client
        self._stream = stream
        self._name = f"ingest-{secrets.token_hex(4)}"
        self._inbox = f"{subjects.hub_inbox('ingest')}.{secrets.token_hex(8)}"
        self._queue: asyncio.Queue[Message | None] = asyncio.Queue()
        self._subscription: Subscription | None = None
        self._pulling = False
        self._left = 0
        self._too_big = False
        self._consumer_sequence = 0
        self._broken = ""

    async def start(self, sequence: int) -> None:
        """Start at this sequence number or the first one after it that exists."""
        self._subscription = await self._client.subscribe(self._inbox, cb=self._on_message)
        await self._client.jetstream().add_consumer(
            self._stream,
            api.ConsumerConfig(
                name=self._name,
                deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=max(sequence, 1),
                ack_policy=api.AckPolicy.NONE,
                mem_storage=True,
                inactive_threshold=_INACTIVE_S,
            ),
        )

    async def take(self, collect_s: float, max_bytes: int) -> list[Message]:
        """At least one message, and what comes within `collect_s` after it up to `max_bytes`.

        Raises GapError; nats errors when the connection is away.
        """
        found = [await self._next(None)]
        size = len(found[0].data)
        deadline = asyncio.get_running_loop().time() + collect_s
        while size < max_bytes:
            left = deadline - asyncio.get_running_loop().time()
            if self._queue.empty() and left <= 0:
                break
            try:
                found.append(await self._next(max(left, 0.001)))
            except TimeoutError:
                break
            size += len(found[-1].data)
        return found

    async def stop(self) -> None:
        """Leave nothing behind, as far as the server is there."""
        try:
            if self._subscription is not None:
                await self._subscription.unsubscribe()
            await self._client.jetstream().delete_consumer(self._stream, self._name)
        except (NatsError, OSError, TimeoutError):
            return  # the server ends it after a minute

    async def _next(self, timeout_s: float | None) -> Message:
        loop = asyncio.get_running_loop()
        deadline = None if timeout_s is None else loop.time() + timeout_s
        while True:
            if self._queue.empty() and not self._pulling:
                await self._pull()
            silence = loop.time() + _SILENT_S
            until = silence if deadline is None else min(deadline, silence)
            try:
                async with asyncio.timeout_at(until):
                    message = await self._queue.get()
            except TimeoutError:
                if deadline is not None and loop.time() >= deadline:
                    raise
                raise GapError("the nats-server is silent") from None
            if self._broken:
                raise GapError(self._broken)
            if message is not None:
                return message

    async def _pull(self) -> None:
        request = {
            "batch": 1 if self._too_big else _BATCH,
            "expires": _EXPIRES_S * 10**9,
            "idle_heartbeat": _HEARTBEAT_S * 10**9,
        }
        if not self._too_big:
            request["max_bytes"] = _MAX_BYTES
        self._pulling, self._left, self._too_big = True, request["batch"], False
        await self._client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}",
            json.dumps(request).encode(),
            reply=self._inbox,
        )

    async def _on_message(self, message: Msg) -> None:
        status = (message.headers or {}).get("Status", "")
        if status and not message.reply.startswith("$JS.ACK."):  # else a header of its publisher
            self._on_status(status, message.headers or {})
            return
        tokens = message.reply.split(".")
        try:
            sequence, own, time_ns = int(tokens[-4]), int(tokens[-3]), int(tokens[-2])
        except (IndexError, ValueError):
            self._break("a message without a JetStream reply subject")
            return
        if own != self._consumer_sequence + 1:
            self._break(
                f"message {own} of the consumer where {self._consumer_sequence + 1} belongs"
            )
            return
        self._consumer_sequence = own
        self._left -= 1
        if self._left == 0:
            self._pulling = False
        self._queue.put_nowait(Message(sequence, time_ns, message.data))

    def _on_status(self, status: str, headers: dict[str, str]) -> None:
        """100 is a heartbeat; 404, 408 and 409 end a pull; a deleted consumer ends the session."""
        description = headers.get("Description", "").lower()
        if status == "503" or "deleted" in description or "no longer" in description:
            self._break(description or "the consumer is gone")
            return
        if status != "100":
            self._pulling = False
            # The next message does not fit into what is left of _MAX_BYTES: ask for it alone, or a
            # message that is bigger than all of it would be asked for, and refused, for ever.
            self._too_big = "maxbytes" in description
        self._queue.put_nowait(None)

    def _break(self, why: str) -> None:
        self._broken = why
        self._queue.put_nowait(None)
