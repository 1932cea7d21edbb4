"""The puller against a real nats-server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.js import api

from hub.ingest.puller import Puller
from schemas.connection import options
from tests.servers import NatsServer, free_port

MIB = 1024**2


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    port = free_port()
    server = NatsServer(
        tmp_path / "nats",
        f'listen: "127.0.0.1:{port}"\nmax_payload: 8MB\njetstream {{ store_dir: "{tmp_path}/js" }}',
        port,
    )
    server.start()
    await server.listening()
    client = await nats.connect(f"nats://127.0.0.1:{port}", **options("test", "_INBOX_test"))
    yield client
    await client.close()
    server.stop()


async def test_a_message_bigger_than_a_pull_does_not_stop_the_stream(client: Client) -> None:
    await client.jetstream().add_stream(api.StreamConfig(name="S", subjects=["s"]))
    payloads = [b"a", os.urandom(5 * MIB), b"b", os.urandom(3 * MIB), os.urandom(3 * MIB), b"c"]
    for payload in payloads:
        await client.jetstream().publish("s", payload, timeout=20)
    puller = Puller(client, "S")
    await puller.start(1)
    found = []
    while len(found) < len(payloads):
        found += await puller.take(0.2, 8 * MIB)
    await puller.stop()
    assert [message.sequence for message in found] == [1, 2, 3, 4, 5, 6]
    assert [message.data for message in found] == payloads
