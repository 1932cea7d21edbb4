"""A real nats-server as a spoke has it, without a hub."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from schemas import subjects
from schemas.connection import options
from schemas.frames import Batch, decode_batch
from schemas.messages.codec import build, pack, read, squeeze, unpack
from schemas.messages.commands import ManifestReply, ManifestRequest
from schemas.messages.functions import ArtifactReply, ArtifactRequest
from schemas.messages.health import SpokeHealth
from spoke.publish.stream import Stream
from spoke.settings import SpokeSettings
from tests.servers import PASSWORD, SPOKE, NatsServer, Program, eventually, spoke_server


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with spoke_server(tmp_path) as server:
        yield server


@pytest.fixture
async def client(server: NatsServer) -> AsyncIterator[Client]:
    client = await nats.connect(
        f"nats://127.0.0.1:{server.port}",
        user="agent",
        password=PASSWORD,
        **options("test", "_INBOX_test"),
    )
    yield client
    await client.close()


@pytest.fixture
def settings(server: NatsServer, tmp_path: Path) -> SpokeSettings:
    data = tmp_path / "spoke"
    data.mkdir()
    (tmp_path / "password").write_text(PASSWORD)
    return SpokeSettings(
        name=SPOKE,
        data_dir=data,
        nats_url=f"nats://127.0.0.1:{server.port}",
        nats_password_file=tmp_path / "password",
        workers=1,
        stream_max_bytes=32 * 1024**2,
    )


@pytest.fixture
async def stream(client: Client, settings: SpokeSettings) -> Stream:
    made = Stream(client.jetstream(), settings)
    await eventually(lambda: _ensured(made), what="JetStream is up")
    return made


async def _ensured(stream: Stream) -> bool:
    try:
        return bool(await stream.ensure())
    except (nats.errors.Error, nats.js.errors.Error, TimeoutError):
        return False


async def stored(client: Client) -> list[Batch]:
    """Every batch in the stream, in its order."""
    context = client.jetstream()
    name = subjects.stream(SPOKE)
    state = (await context.stream_info(name)).state
    messages = [
        await context.get_msg(name, sequence)
        for sequence in range(max(state.first_seq, 1), state.last_seq + 1)
    ]
    return [decode_batch(message.data or b"") for message in messages]


@dataclass
class FakeHub:
    """Answers handshakes with a manifest, gives out packages, and keeps the newest health."""

    client: Client
    manifest: dict[str, Any] | None = None
    health: SpokeHealth | None = None
    asked: list[ManifestRequest] = field(default_factory=list)
    bundles: dict[str, bytes] = field(default_factory=dict)
    """By SHA-256."""

    async def start(self) -> None:
        await self.client.subscribe(subjects.hub_rpc(SPOKE, "manifest"), cb=self._answer)
        await self.client.subscribe(subjects.hub_rpc(SPOKE, "artifact"), cb=self._give)
        await self.client.subscribe(subjects.health(SPOKE), cb=self._hear)

    async def offer(self, manifest: dict[str, Any]) -> None:
        self.manifest = manifest
        await self.client.publish(subjects.command(SPOKE, "manifest"), b"\x80")

    async def applied(self, revision: int) -> SpokeHealth:
        """Health that says so, once all its devices report."""

        def look() -> SpokeHealth | None:
            health = self.health
            return health if health and health.revision == revision and health.devices else None

        found = await eventually(look, what=f"revision {revision} is applied")
        assert found is not None
        return found

    async def _answer(self, message: Msg) -> None:
        request = read(ManifestRequest, message.data)
        self.asked.append(request)
        newer = self.manifest and self.manifest["revision"] > request.revision
        await message.respond(
            pack(ManifestReply(squeeze(self.manifest) if newer and self.manifest else None))
        )

    async def _give(self, message: Msg) -> None:
        request = read(ArtifactRequest, message.data)
        bundle = self.bundles[request.sha256]
        part = bundle[request.offset : request.offset + 1000]  # small ones, so there are several
        await message.respond(pack(ArtifactReply(len(bundle), part)))

    async def _hear(self, message: Msg) -> None:
        self.health = build(SpokeHealth, unpack(message.data))


@pytest.fixture
async def hub(client: Client) -> FakeHub:
    hub = FakeHub(client)
    await hub.start()
    return hub


@pytest.fixture
def spoke(settings: SpokeSettings, tmp_path: Path) -> Iterator[Program]:
    """`spoke.app`, not started yet."""
    names = ("name", "data_dir", "nats_url", "nats_password_file", "workers", "stream_max_bytes")
    env = {f"SPINDLE_SPOKE_{name.upper()}": str(getattr(settings, name)) for name in names}
    program = Program([sys.executable, "-m", "spoke.app"], tmp_path / "spoke.log", env)
    yield program
    if program.process is not None and program.process.poll() is None:
        program.stop()
