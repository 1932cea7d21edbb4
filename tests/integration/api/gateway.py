"""A gateway at the other end of a real NATS connection: real subjects, real messages."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nats
from fastapi import FastAPI
from nats.aio.client import Client
from nats.aio.msg import Msg

from hub.api import mount
from hub.fleet.commands import CommandService
from hub.fleet.presence import PresenceService
from hub.fleet.remote import RemoteService
from hub.fleet.rpc import Rpc
from schemas import subjects
from schemas.connection import options
from schemas.messages.browsing import BrowseRequest, DiscoverRequest
from schemas.messages.codec import pack, read
from schemas.messages.diagnosis import DiagnoseRequest
from schemas.messages.health import SpokeHealth
from schemas.messages.writes import OperateRequest, SelectRequest
from tests.integration.api.conftest import Hub
from tests.servers import NatsServer, eventually, free_port

NAME = "line-1"
REQUESTS = {
    "diagnose": DiagnoseRequest,
    "discover": DiscoverRequest,
    "browse": BrowseRequest,
    "select": SelectRequest,
    "operate": OperateRequest,
}
Answer = Callable[[Any], Any]


@dataclass
class Gateway:
    """`answers[verb]` takes the request and gives the reply (or bytes, or an awaitable of one of
    them); without one, nothing is answered. `asked` is all that arrived."""

    client: Client
    presence: PresenceService
    remote: RemoteService
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)

    async def start(self) -> None:
        for verb in REQUESTS:
            await self.client.subscribe(subjects.command(NAME, verb), cb=self._on_request)
        await self.client.flush()

    async def say(self) -> None:
        """The health message that makes it online."""
        health = SpokeHealth(NAME, "0.1.0", time.time_ns(), 1, 1)
        await self.client.publish(subjects.health(NAME), pack(health))
        await eventually(lambda: self.presence.online(NAME), what="the hub has heard of it")

    def verbs(self) -> list[str]:
        return [verb for verb, _ in self.asked]

    async def _on_request(self, message: Msg) -> None:
        verb = message.subject.rpartition(".")[2]
        request = read(REQUESTS[verb], message.data)
        self.asked.append((verb, request))
        if verb not in self.answers:
            return
        found = self.answers[verb](request)
        reply = await found if isinstance(found, Awaitable) else found
        await message.respond(reply if isinstance(reply, bytes) else pack(reply))


@asynccontextmanager
async def connected(hub: Hub, folder: Path) -> AsyncIterator[Gateway]:
    """The hub's remote service over a nats-server of its own, and the gateway behind it."""
    port = free_port()
    server = NatsServer(folder, f"listen: 127.0.0.1:{port}\n", port)
    server.start()
    await server.listening()
    url = f"nats://127.0.0.1:{port}"
    ours = await nats.connect(url, **options("hub", subjects.hub_inbox("hub")))
    theirs = await nats.connect(url, **options(NAME, subjects.spoke_inbox(NAME)))
    try:
        rpc, presence = Rpc(ours), PresenceService()
        await rpc.start()
        await presence.start(ours)
        await ours.flush()
        remote = RemoteService(hub.store, presence, CommandService(ours, rpc, None))
        hub.app = FastAPI()
        hub.services = replace(hub.services, remote=remote)
        mount(hub.app, hub.services)
        gateway = Gateway(theirs, presence, remote)
        await gateway.start()
        yield gateway
    finally:
        await theirs.close()
        await ours.close()
        server.stop()
