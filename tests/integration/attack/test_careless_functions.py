"""Packages that are wrong or hostile: they harm their own outputs and nothing else."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from nats.aio.client import Client

from schemas import subjects
from schemas.frames import Batch, Frame, encode_batch
from schemas.quality import Quality
from spoke.settings import SpokeSettings
from tests.integration.spoke.conftest import FakeHub
from tests.integration.spoke.functions import (
    OUTPUT,
    events,
    function_health,
    host,
    package,
    series,
    use,
)
from tests.integration.spoke.gateway import cache, device, grows, manifest
from tests.servers import Program, eventually

LEVEL = 11
HEAD = '''"""Wrong on purpose."""
from udf import Alarm, Batch, Context, Function, Input, Output, Result

'''
BODY = '''

class Wrong(Function):
    """Wrong."""

    name, version = "wrong", "1.0.0"
    inputs = (Input("level"),)
    outputs = (Output("value", passes="level"),)

    def process(self, batch: Batch, ctx: Context):
        PROCESS
'''


def wrong(hub: FakeHub, process: str, before: str = "", **fields: Any) -> dict[str, Any]:
    source = HEAD + before + BODY.replace("PROCESS", process)
    return use(
        "wrong",
        {"level": [LEVEL]},
        **package(hub, source, "wrong", "1.0.0", "wrong:Wrong"),
        **fields,
    )


STORM = (
    'for n in range(150): ctx.event(f"{n}", dump="x" * 20_000)'
    '\n        return Result({"value": batch["level"].values}, '
    '[Alarm(f"{batch.times[0]} {n}", True) for n in range(50)])'
)


async def test_a_storm_of_events_and_alarms_does_not_fill_the_stream(
    client: Client, settings: SpokeSettings, hub: FakeHub, spoke: Program
) -> None:
    cache(settings, manifest(1, device(1), wrong(hub, STORM)))
    spoke.start()
    await function_health(hub)

    async def made() -> bool:
        return len(await series(client, OUTPUT)) > 200

    await eventually(made, 50, what="it makes values")
    found = await events(client)
    assert 100 < len(found) < 700
    assert any("left out" in event.message for event in found)
    assert all(len(str(event.detail)) < 20_000 for event in found)
    state = settings.functions_dir / "900.state"
    assert state.stat().st_size < 100_000


async def test_a_package_that_cannot_start_says_so_in_an_event_and_rests(
    client: Client, settings: SpokeSettings, hub: FakeHub, spoke: Program
) -> None:
    broken = wrong(hub, "return None", "1 / 0\n", limits={"faults": 3})
    cache(settings, manifest(1, device(1), broken))
    spoke.start()
    await function_health(hub, "stopped")

    async def told() -> bool:
        return any(event.kind == "stopped" for event in await events(client))

    await eventually(told, what="an event tells")
    before = (await function_health(hub, "stopped")).faults_ever
    await grows(client, 24)
    assert (await function_health(hub, "stopped")).faults_ever == before == 3


async def test_a_device_whose_clock_is_ahead_keeps_its_function_in_state(
    client: Client, settings: SpokeSettings, hub: FakeHub, spoke: Program
) -> None:
    process = (
        'first = self.state.get("n", 0); self.state["n"] = first + len(batch); '
        'return {"value": batch["level"].values * 0 + self.state["n"]}'
    )
    cache(settings, manifest(1, device(1, enabled=False), wrong(hub, process)))
    spoke.start()
    await function_health(hub)
    for number in range(1, 6):
        now = time.time_ns()
        ahead = np.array([[now + 300 * 10**9]])  # five minutes, as a PLC without NTP has it
        ids = np.array([LEVEL], dtype=np.int32)
        frame = Frame(ids, np.array([now]), np.array([[float(number)]]), None, ahead)
        batch = encode_batch(Batch("w9-0", number, now, (frame,)))
        await client.jetstream().publish(subjects.telemetry(settings.name, "w9"), batch)

        async def made(count: int = number) -> bool:
            return len(await _good(client)) == count

        await eventually(made, what=f"value {number}")
    found = await _good(client)
    assert np.diff(found).tolist() == [1, 1, 1, 1]


async def _good(client: Client) -> list[float]:
    """Good values in their order; the device that is switched off says a bad one by itself."""
    found = await series(client, OUTPUT)
    return [found[at][0] for at in sorted(found) if found[at][1] == Quality.GOOD]


async def test_an_alarm_is_told_once_though_the_host_dies(
    client: Client, settings: SpokeSettings, hub: FakeHub, spoke: Program
) -> None:
    process = 'return Result({"value": batch["level"].values}, [Alarm("on", True, "It is on")])'
    cache(settings, manifest(1, device(1), wrong(hub, process)))
    spoke.start()
    await function_health(hub)

    async def alarmed() -> bool:
        return any(event.kind == "alarm" for event in await events(client))

    await eventually(alarmed, what="the alarm")
    victim = host(spoke)
    assert victim is not None
    victim.kill()
    before = len(await series(client, OUTPUT))

    async def more() -> bool:
        return len(await series(client, OUTPUT)) > before + 30

    await eventually(more, what="it goes on")
    assert sum(event.kind == "alarm" for event in await events(client)) == 1
