"""The gateway as a process: what the hub configures, asks and watches."""

from __future__ import annotations

import json
import time
from typing import Any

from nats.aio.client import Client

from schemas import subjects
from schemas.frames import decode_batch
from schemas.messages import commands
from schemas.messages.codec import pack, read
from schemas.messages.health import SpokeHealth
from spoke.settings import SpokeSettings
from tests.integration.spoke.conftest import SPOKE, FakeHub
from tests.integration.spoke.gateway import cache, device, grows, manifest
from tests.servers import Program, eventually, free_port


async def test_a_new_manifest_restarts_only_what_changed(
    spoke: Program, settings: SpokeSettings, hub: FakeHub
) -> None:
    hub.manifest = manifest(1, device(1), device(2), device(3))
    spoke.start()
    before = {item.id: item for item in (await hub.applied(1)).devices}
    await hub.offer(manifest(2, device(1), device(2, description="new"), device(4)))
    await hub.applied(2)
    wanted = {1, 2, 4}

    def look() -> SpokeHealth | None:
        health = hub.health
        same = health and {item.id for item in health.devices if item.scans} == wanted
        return health if same else None

    health = await eventually(look, what="the devices of revision 2 run")
    assert health is not None
    after = {item.id: item for item in health.devices}
    assert after[1].since_ns == before[1].since_ns
    assert after[1].scans > before[1].scans
    assert after[2].since_ns > before[2].since_ns
    assert json.loads(settings.manifest_file.read_text())["revision"] == 2
    assert settings.manifest_file.stat().st_mode & 0o777 == 0o600


async def test_a_wrong_manifest_is_refused_whole_and_reported(
    spoke: Program, settings: SpokeSettings, hub: FakeHub
) -> None:
    hub.manifest = manifest(1, device(1))
    spoke.start()
    await hub.applied(1)
    await hub.offer(manifest(2, device(1, colour="red"), device(2)))

    def refused() -> SpokeHealth | None:
        return hub.health if hub.health and hub.health.revision_errors else None

    health = await eventually(refused, what="the refusal is reported")
    assert health is not None
    assert health.revision == 1
    assert [item.id for item in health.devices] == [1]
    assert health.revision_errors[0]["path"] == "devices.0.colour"
    assert json.loads(settings.manifest_file.read_text())["revision"] == 1
    await hub.offer(manifest(3, device(1), device(2)))
    health = await hub.applied(3)
    assert health.revision_errors == ()


async def test_a_connection_is_tested_on_command(
    spoke: Program, settings: SpokeSettings, client: Client
) -> None:
    cache(settings, manifest(1, device(1)))
    spoke.start()
    await grows(client)
    reply = await _test(client, device(9))
    assert reply.error is None
    assert [row["tag"] for row in reply.values] == ["Level", "Count"]
    assert all(row["quality"] == 192 for row in reply.values)
    dead = {"driver": "modbus", "host": "127.0.0.1", "port": free_port(), "timeout_s": 1}
    reply = await _test(client, device(9, connection=dead))
    assert reply.error is not None
    assert reply.error["kind"] == "UnreachableError"
    reply = await _test(client, {"id": 9})
    assert reply.error is not None
    assert reply.error["path"]


async def _test(client: Client, wanted: dict[str, Any]) -> commands.TestReply:
    subject = subjects.command(SPOKE, "test")
    answer = await client.request(subject, pack(commands.TestRequest(wanted)), timeout=20)
    return read(commands.TestReply, answer.data)


async def test_live_frames_only_while_somebody_watches(
    spoke: Program, settings: SpokeSettings, client: Client
) -> None:
    found: list[tuple[str, int]] = []

    async def hear(message: Any) -> None:
        found.append((message.subject, decode_batch(message.data).size))

    await client.subscribe(subjects.live(SPOKE, ">"), cb=hear)
    cache(settings, manifest(1, device(1), device(2)))
    spoke.start()
    await grows(client, 8)
    assert found == []
    watch = commands.WatchRequest(devices=(2,), ttl_s=1.0)
    await client.publish(subjects.command(SPOKE, "watch"), pack(watch))
    started = time.monotonic()
    await eventually(lambda: len(found) >= 2, what="live frames come")
    assert {subject for subject, _ in found} == {subjects.live(SPOKE, 2)}
    assert all(size > 0 for _, size in found)
    await eventually(lambda: time.monotonic() - started > 2.0, what="the watch is over")
    count = len(found)
    assert count <= 12, "more than four times a second"
    await grows(client)
    assert len(found) == count
