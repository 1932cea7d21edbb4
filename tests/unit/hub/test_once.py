"""What repeats for ever is logged once, and a page that goes away leaves nothing behind."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from hub.fleet.commands import CommandService
from hub.fleet.live import LiveService
from hub.fleet.rpc import Rpc
from schemas.errors import NotFoundError
from schemas.messages.codec import pack
from schemas.messages.commands import ManifestRequest


class Request:
    subject = "rpc.hub.line-9.manifest"
    data = pack(ManifestRequest("line-9", 0, "1"))

    async def respond(self, _data: bytes) -> None: ...


class Wire:
    """A NATS client that keeps the callback, and whose `publish` waits for `free`."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.callback: Any = None

    async def subscribe(self, _subject: str, **options: Any) -> Wire:
        self.callback = options["cb"]
        return self

    async def unsubscribe(self) -> None: ...

    async def publish(self, _subject: str, _data: bytes) -> None:
        await self.free.wait()


async def test_a_gateway_that_nobody_knows_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    wire = Wire()
    known = iter((False, False, False, True, False))

    async def manifest(_spoke: str, _revision: int) -> None:
        if not next(known):
            raise NotFoundError("There is no gateway 'line-9'.")

    await CommandService(wire, Rpc(wire), None).answer_handshakes(manifest)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            await wire.callback(Request())
    assert len(caplog.records) == 2, "one for each time that it became unknown"


async def test_a_page_that_closes_while_it_opens_a_watch_leaves_no_lease() -> None:
    wire = Wire()

    async def spoke_of(_device_id: int) -> str:
        return "line-1"

    live = LiveService(wire, spoke_of)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), live.watch(7):
            pass
    assert live._topics == {}
