"""The whole gateway as a process, with simulated devices, a real nats-server, and no hub."""

from __future__ import annotations

import json
import signal
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import psutil
import pytest
from nats.aio.client import Client

from schemas import subjects
from schemas.frames import decode_batch
from schemas.messages import commands
from schemas.messages.codec import pack, read
from schemas.messages.health import SpokeHealth
from spoke.settings import SpokeSettings
from tests.integration.spoke.conftest import SPOKE, FakeHub, stored
from tests.servers import NatsServer, Program, eventually, free_port


def device(number: int, **fields: Any) -> dict[str, Any]:
    tags = [
        {"id": number * 10 + 1, "name": "Level", "address": "wave"},
        {"id": number * 10 + 2, "name": "Count", "address": "counter", "data_type": "int32"},
    ]
    base = {"id": number, "name": f"Tank {number}", "connection": {"driver": "sim"}, "tags": tags}
    return base | {"groups": [{"name": "normal", "period_ms": 50}]} | fields


def manifest(revision: int, *devices: dict[str, Any]) -> dict[str, Any]:
    return {"spoke": SPOKE, "revision": revision, "devices": list(devices)}


def cache(settings: SpokeSettings, found: dict[str, Any]) -> None:
    settings.manifest_file.write_text(json.dumps(found))


async def last_seq(client: Client) -> int:
    try:
        return (await client.jetstream().stream_info(subjects.stream(SPOKE))).state.last_seq
    except Exception:
        return 0


async def grows(client: Client, by: int = 4) -> None:
    before = await last_seq(client)

    async def look() -> bool:
        return await last_seq(client) >= before + by

    await eventually(look, what="batches arrive")


async def assert_contiguous(client: Client) -> int:
    """Every producer's batches are 1, 2, 3 ..., once each; how many producers there were."""
    found: dict[str, list[int]] = defaultdict(list)
    for batch in await stored(client):
        found[batch.producer].append(batch.number)
    for producer, numbers in found.items():
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), producer
    return len(found)


def workers(spoke: Program) -> list[psutil.Process]:
    children = psutil.Process(spoke.pid).children()
    return [child for child in children if "spoke.worker" in child.cmdline()]


def actions(spoke: Program) -> list[str]:
    lines = [json.loads(line) for line in spoke.log.read_text().splitlines()]
    return [line.get("action", "") for line in lines]


async def test_it_boots_cold_and_a_term_signal_flushes_everything(
    spoke: Program, settings: SpokeSettings, client: Client
) -> None:
    cache(settings, manifest(7, device(1), device(2)))
    spoke.start()
    await grows(client)
    assert spoke.stop(signal.SIGTERM) == 0
    assert await assert_contiguous(client) == 1
    assert list(settings.spool_dir.rglob("*.seg")) == []
    assert actions(spoke)[0] == "spoke.start"
    assert actions(spoke)[-1] == "spoke.stop"
    batches = await stored(client)
    assert {int(tag) for batch in batches for frame in batch.frames for tag in frame.tag_ids} == {
        11,
        12,
        21,
        22,
    }


async def test_a_killed_worker_comes_back_and_loses_at_most_a_scan(
    spoke: Program, settings: SpokeSettings, client: Client, hub: FakeHub
) -> None:
    cache(settings, manifest(7, device(1)))
    spoke.start()
    await grows(client)
    (victim,) = workers(spoke)
    victim.kill()
    await grows(client, 8)
    assert workers(spoke)[0].pid != victim.pid
    await eventually(lambda: hub.health and hub.health.worker_restarts == 1, what="it is reported")
    assert spoke.stop() == 0
    assert await assert_contiguous(client) == 2
    times = await _times(client, 11)
    assert len(times) == len(set(times))
    assert actions(spoke).count("worker.restart") == 1


async def test_the_leftovers_of_a_killed_gateway_are_published_once(
    spoke: Program, settings: SpokeSettings, server: NatsServer, client: Client
) -> None:
    cache(settings, manifest(7, device(1)))
    spoke.start()
    await grows(client)
    server.send(signal.SIGSTOP)  # from here on nothing is acknowledged
    await eventually(lambda: len(list(settings.spool_dir.rglob("*.seg"))) >= 5, what="it spools")
    victims = [psutil.Process(spoke.pid), *workers(spoke)]
    for victim in victims:
        victim.kill()
    spoke.kill()
    server.send(signal.SIGCONT)
    left = {path.name.partition("@")[0] for path in settings.spool_dir.rglob("*.seg")}
    assert len(left) >= 5
    spoke.start()
    await grows(client, 6)

    def recovered() -> bool:
        now = {path.name.partition("@")[0] for path in settings.spool_dir.rglob("*.seg")}
        return not left & now

    await eventually(recovered, what="the leftovers are in the stream")
    assert spoke.stop() == 0
    assert await assert_contiguous(client) == 2
    names = [f"{batch.producer}-{batch.number}" for batch in await stored(client)]
    assert left <= set(names)
    assert len(names) == len(set(names))


async def test_fewer_workers_adopt_the_spools_of_more(
    spoke: Program, settings: SpokeSettings, server: NatsServer, client: Client
) -> None:
    assert spoke._env is not None
    spoke._env["SPINDLE_SPOKE_WORKERS"] = "4"
    cache(settings, manifest(7, *(device(number) for number in range(1, 5))))
    spoke.start()
    await grows(client, 8)
    server.send(signal.SIGSTOP)
    folders = [settings.spool_dir / f"w{index}" for index in range(4)]
    await eventually(
        lambda: all(list(folder.glob("*.seg")) for folder in folders), what="all spool"
    )
    for victim in [psutil.Process(spoke.pid), *workers(spoke)]:
        victim.kill()
    spoke.kill()
    server.send(signal.SIGCONT)
    spoke._env["SPINDLE_SPOKE_WORKERS"] = "1"
    spoke.start()
    await eventually(
        lambda: not any(folder.exists() for folder in folders[1:]), what="the folders are adopted"
    )
    await grows(client)
    assert spoke.stop() == 0
    assert list(settings.spool_dir.rglob("*.seg")) == []
    assert await assert_contiguous(client) == 5


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


async def test_a_dead_device_changes_nothing_for_the_others(
    spoke: Program, client: Client, hub: FakeHub
) -> None:
    hub.manifest = manifest(1, device(1), device(2))
    spoke.start()
    before = await _scans_per_s(client, time.time_ns())
    dead = {"driver": "modbus", "host": "127.0.0.1", "port": free_port(), "timeout_s": 0.5}
    await hub.offer(manifest(2, device(1), device(2), device(3, connection=dead)))
    noticed = await eventually(lambda: _first_time(client, 31), what="the dead device is BAD")
    after = await _scans_per_s(client, noticed)
    print(f"scans/s of two devices: {before:.1f} alone, {after:.1f} beside a dead one")
    assert before > 20, "two devices of 20 scans/s each"
    assert after > 0.8 * before


async def _scans_per_s(client: Client, from_ns: int) -> float:
    """Of devices 1 and 2 together, over the 2.5 s of the stream that begin a second later."""
    start, end = from_ns + 1_000_000_000, from_ns + 3_500_000_000

    async def look() -> bool:
        return (await _first_time(client, 11, end)) > 0

    await eventually(look, what="2.5 s of scans are in the stream")
    times = [await _times(client, tag) for tag in (11, 21)]
    return sum(start <= stamp < end for found in times for stamp in found) / 2.5


async def _first_time(client: Client, tag: int, after_ns: int = 0) -> int:
    return min((time for time in await _times(client, tag) if time > after_ns), default=0)


async def _times(client: Client, tag: int) -> list[int]:
    """Every scan of a tag in the stream, ns UTC."""
    if not await last_seq(client):
        return []
    frames = [frame for batch in await stored(client) for frame in batch.frames]
    return [int(stamp) for frame in frames if tag in frame.tag_ids for stamp in frame.times]


@pytest.mark.parametrize(
    ("broken", "words"),
    [({"NAME": "Line 1"}, "NAME"), ({"NATS_PASSWORD_FILE": "/nowhere"}, "/nowhere")],
)
def test_a_wrong_setting_is_one_line_and_code_2(
    spoke: Program, broken: dict[str, str], words: str, tmp_path: Path
) -> None:
    assert spoke._env is not None
    spoke._env.update({f"SPINDLE_SPOKE_{name}": value for name, value in broken.items()})
    spoke.start()
    assert spoke.process is not None
    assert spoke.process.wait(20) == 2
    (line,) = spoke.log.read_text().splitlines()
    assert words in line
