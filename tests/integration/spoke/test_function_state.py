"""State of functions: a row counts once, whatever dies; effects happen once; versions go on."""

from __future__ import annotations

import random
import time
from functools import partial
from typing import Any

import numpy as np
import psutil
from nats.aio.client import Client

from schemas import subjects
from schemas.frames import Batch, Frame, encode_batch
from schemas.quality import Quality
from spoke.settings import SpokeSettings
from tests.integration.spoke.conftest import FakeHub
from tests.integration.spoke.functions import (
    OUTPUT,
    USE,
    events,
    function_health,
    host,
    package,
    series,
    use,
)
from tests.integration.spoke.gateway import cache, device, manifest
from tests.servers import Program, eventually

LEVEL, COUNT = 11, 12
SOURCE = '''"""Counts its rows, and tells of every crossing of 50."""

import numpy as np

from udf import Alarm, Batch, Context, Function, Input, Output, Result, Write, WritePort


class Rows(Function):
    """Counts its rows."""

    name, version = "rows", "VERSION"
    inputs = (Input("level"),)
    outputs = (Output("value"),)
    writes = (WritePort("lamp"),)

    def process(self, batch: Batch, ctx: Context):
        first = self.state.get("rows", 0)
        self.state["rows"] = first + len(batch)
        high = bool(batch["level"].values[-1] > 50)
        effects = [Alarm("high", high, "Level over 50")]
        if high != self.state.get("high", False):
            ctx.event("crossed", "warning", rows=self.state["rows"])
            effects.append(Write("lamp", high))
        self.state["high"] = high
        return Result({"value": first + np.arange(1.0, len(batch) + 1)}, effects)
'''


def rows(hub: FakeHub, version: str = "1.0.0", **fields: Any) -> dict[str, Any]:
    source = SOURCE.replace("VERSION", version)
    return use(
        "rows", {"level": [LEVEL]}, **package(hub, source, "rows", version, "rows:Rows"), **fields
    )


def packages(spoke: Program) -> list[psutil.Process]:
    """The processes of packages: children of the function host."""
    process = host(spoke)
    return process.children() if process is not None else []


async def counted(client: Client) -> list[float]:
    """What the function counted, by time. Every row of the level is one."""
    made = await series(client, OUTPUT)
    raw = await series(client, LEVEL, own=False)
    first = max(
        min(made), min(raw)
    )  # what was read of a stream that is gone comes into the new one
    times = sorted(time for time in made if time >= first)
    assert times == sorted(time for time in raw if first <= time <= max(made))
    return [made[time][0] for time in times]


async def more(client: Client, count: int) -> None:
    before = len(await series(client, OUTPUT))

    async def look() -> bool:
        return len(await series(client, OUTPUT)) >= before + count

    await eventually(look, 60, what=f"{count} calculated values")


async def test_each_row_counts_once_whoever_is_killed(
    client: Client, settings: SpokeSettings, hub: FakeHub, spoke: Program
) -> None:
    cache(settings, manifest(1, device(1), rows(hub)))
    spoke.start()
    chance = random.Random(11)
    for turn in range(6):
        await more(client, chance.randrange(4, 30))
        if turn % 2:
            victim = host(spoke)
            assert victim is not None
        else:
            (victim,) = packages(spoke)
        victim.kill()
        await eventually(lambda: packages(spoke), what="a process is back")
    await more(client, 20)
    spoke.kill()  # the whole gateway, without a last word
    spoke.start()
    await more(client, 20)
    spoke.stop()
    found = await counted(client)
    assert found == list(range(1, len(found) + 1))
    numbers = [event.detail["rows"] for event in await events(client) if event.kind == "event"]
    assert len(numbers) == len(set(numbers))  # no crossing was told of twice


async def test_state_goes_on_in_a_version_of_the_same_major_number_only(
    client: Client, settings: SpokeSettings, hub: FakeHub, spoke: Program
) -> None:
    cache(settings, manifest(1, device(1), rows(hub)))
    spoke.start()
    await more(client, 30)
    await hub.offer(manifest(2, device(1), rows(hub, "1.1.0")))
    await eventually(lambda: _runs(hub, "1.1.0"), what="1.1.0 runs")
    await more(client, 30)
    found = await counted(client)
    assert found == list(range(1, len(found) + 1))
    await hub.offer(manifest(3, device(1), rows(hub, "2.0.0")))
    await eventually(lambda: _runs(hub, "2.0.0"), what="2.0.0 runs")
    await more(client, 20)
    spoke.stop()
    found = await counted(client)
    assert found.count(1.0) == 2
    assert max(found) < len(found)


async def test_without_the_hub_a_package_that_is_here_runs_and_another_waits(
    client: Client, settings: SpokeSettings, hub: FakeHub, spoke: Program
) -> None:
    known = rows(hub)
    missing = use("rows", {"level": [LEVEL]}, version="1.0.0", package="0" * 64)
    missing |= {"id": USE + 1, "name": "Missing"}
    missing["tags"][0]["id"] = OUTPUT + 1
    cache(settings, manifest(1, device(1), known))
    spoke.start()
    await more(client, 5)
    spoke.stop()
    hub.bundles.clear()
    cache(settings, manifest(1, device(1), known, missing))
    spoke.start()
    await more(client, 10)
    await eventually(lambda: _state(hub, USE + 1) == "waiting", what="the other one waits")
    assert _state(hub, USE) == "running"


async def test_a_stream_that_was_wiped_is_read_from_its_beginning(
    client: Client, settings: SpokeSettings, hub: FakeHub, spoke: Program
) -> None:
    cache(settings, manifest(1, device(1), rows(hub)))
    spoke.start()
    await more(client, 20)
    before = max(await counted(client))
    await client.jetstream().delete_stream(subjects.stream(settings.name))
    await more(client, 20)
    spoke.stop()
    found = await counted(client)
    assert found[0] > before  # the state went on
    assert found == list(range(int(found[0]), int(found[0]) + len(found)))


async def test_a_clock_that_was_wrong_for_a_day_does_not_silence_a_function(
    client: Client, settings: SpokeSettings, hub: FakeHub, spoke: Program
) -> None:
    cache(settings, manifest(1, device(1, enabled=False), rows(hub)))
    spoke.start()
    await function_health(hub)
    now = time.time_ns()
    for number, ahead_ns in enumerate((0, 86_400 * 10**9, 10**9, 2 * 10**9), 1):
        frame = Frame(
            np.array([LEVEL], dtype=np.int32),
            np.array([now + ahead_ns]),
            np.array([[float(number)]]),
        )
        batch = encode_batch(Batch("w9-0", number, now + ahead_ns, (frame,)))
        await client.jetstream().publish(subjects.telemetry(settings.name, "w9"), batch)
        await eventually(partial(_good, client, now + ahead_ns), what="its value is there")
    assert "clock was set back" in " ".join(event.message for event in await events(client))


async def test_alarms_and_writes_happen_once_and_only_where_they_may(
    client: Client, settings: SpokeSettings, hub: FakeHub, spoke: Program
) -> None:
    fast = {"id": LEVEL, "name": "Level", "address": "square", "data_type": "float64", "scale": 100}
    lamp = {"id": COUNT, "name": "Lamp", "address": "wave", "data_type": "bool"}
    plc = device(1, tags=[fast, lamp])
    cache(settings, manifest(1, plc, rows(hub, writes={"lamp": COUNT})))
    spoke.start()
    await function_health(hub)

    async def told() -> bool:
        return sum(event.kind == "write" for event in await events(client)) >= 2

    await eventually(told, 40, what="two writes were answered")
    spoke.stop()
    found = await events(client)
    alarms = [event for event in found if event.kind == "alarm"]
    assert [event.detail["active"] for event in alarms] == [
        number % 2 == 0 for number in range(len(alarms))
    ]
    assert {event.message for event in alarms if event.level == "error"} == {"Level over 50"}
    writes = [event for event in found if event.kind == "write"]
    assert all(event.level == "error" for event in writes)  # the tag is read-only
    assert "Lamp" in writes[0].message


async def _good(client: Client, time_ns: int) -> bool:
    return (await series(client, OUTPUT)).get(time_ns, (0, 0))[1] == Quality.GOOD


def _runs(hub: FakeHub, version: str) -> bool:
    found = hub.health.functions if hub.health else ()
    return any(item.version == version and item.state == "running" for item in found)


def _state(hub: FakeHub, use_id: int) -> str:
    found = hub.health.functions if hub.health else ()
    return next((item.state for item in found if item.id == use_id), "")
