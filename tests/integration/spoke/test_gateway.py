"""The gateway as a process, with simulated devices and a real nats-server: what it survives."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest
from nats.aio.client import Client

from spoke.settings import SpokeSettings
from tests.integration.spoke.conftest import FakeHub, stored
from tests.integration.spoke.gateway import (
    actions,
    assert_contiguous,
    cache,
    device,
    first_time,
    grows,
    manifest,
    scan_times,
    workers,
)
from tests.servers import NatsServer, Program, eventually, free_port


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
    times = await scan_times(client, 11)
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
    spoke._env["SPINDLE_SPOKE_WORKERS"] = "3"
    cache(settings, manifest(7, *(device(number) for number in range(1, 4))))
    spoke.start()
    await grows(client, 8)
    server.send(signal.SIGSTOP)
    folders = [settings.spool_dir / f"w{index}" for index in range(3)]
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
    assert await assert_contiguous(client) == 4


async def test_a_dead_device_changes_nothing_for_the_others(
    spoke: Program, client: Client, hub: FakeHub
) -> None:
    hub.manifest = manifest(1, device(1), device(2))
    spoke.start()
    started = await eventually(lambda: first_time(client, 11), what="the first scan")
    before = await _scans_per_s(client, started)
    dead = {"driver": "modbus", "host": "127.0.0.1", "port": free_port(), "timeout_s": 0.5}
    await hub.offer(manifest(2, device(1), device(2), device(3, connection=dead)))
    noticed = await eventually(lambda: first_time(client, 31), what="the dead device is BAD")
    after = await _scans_per_s(client, noticed)
    print(f"scans/s of two devices: {before:.1f} alone, {after:.1f} beside a dead one")
    assert before > 20, "two devices of 20 scans/s each"
    assert after > 0.8 * before


async def _scans_per_s(client: Client, from_ns: int) -> float:
    """Of devices 1 and 2 together, over the 2.5 s of the stream that begin a second later."""
    start, end = from_ns + 1_000_000_000, from_ns + 3_500_000_000

    async def look() -> bool:
        return (await first_time(client, 11, end)) > 0

    await eventually(look, what="2.5 s of scans are in the stream")
    times = [await scan_times(client, tag) for tag in (11, 21)]
    return sum(start <= stamp < end for found in times for stamp in found) / 2.5


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
