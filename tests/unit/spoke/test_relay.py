"""From NATS to a worker and back: what no message carries is told, not lost."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from nats.aio.client import Client
from nats.aio.msg import Msg

from schemas.messages.browsing import BrowseReply
from schemas.messages.codec import pack, read
from spoke.functions.keeper import FunctionKeeper
from spoke.relay import Relay
from spoke.workers import Workers


class _Server:
    """A connection that carries `max_payload` bytes."""

    max_payload = 1000

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.handler: Any = None

    async def subscribe(self, subject: str, cb: Any) -> None:
        self.handler = cb

    async def publish(self, subject: str, data: bytes, headers: Any = None) -> None:
        self.sent.append(data)


class _Workers:
    def place(self, **_: Any) -> int:
        return 0

    async def call(self, index: int, verb: str, body: bytes) -> bytes:
        return b"x" * 5_000_000


async def test_an_answer_too_large_for_a_message_is_an_error_at_once() -> None:
    server = _Server()
    async with asyncio.TaskGroup() as tasks:
        relay = Relay(
            "line-1", cast(Client, server), cast(Workers, _Workers()), cast(FunctionKeeper, None)
        )
        await relay.start(tasks)
        request = pack({"connection": {"driver": "sim"}})
        await server.handler(Msg(cast(Client, server), "c.line-1.browse", "inbox", request))
    (answer,) = server.sent
    assert len(answer) <= server.max_payload
    error = read(BrowseReply, answer).error
    assert error is not None
    assert "5 MB" in error["message"]
