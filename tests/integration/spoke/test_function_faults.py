"""The fault list of functions on a gateway: the step is taken out, nobody else notices."""

from __future__ import annotations

from typing import Any

from nats.aio.client import Client

from schemas.events import Event
from schemas.messages.health import FunctionHealth, SpokeHealth
from schemas.quality import Quality
from spoke.settings import SpokeSettings
from tests.integration.spoke.conftest import FakeHub
from tests.integration.spoke.fragile import LINES, SOURCE
from tests.integration.spoke.functions import (
    OUTPUT,
    USE,
    Series,
    events,
    expected,
    function_health,
    package,
    per,
    series,
    use,
)
from tests.integration.spoke.gateway import cache, device, manifest
from tests.servers import Program, eventually

LEVEL, COUNT = 11, 12
NEIGHBOUR, TWIN = 9100, 9200
FILTER = {"time_constant_s": 0.7}
PERIOD_MS, KEPT = 20, 0.95
KINDS = {
    "exception": "exception",
    "shape": "shape",
    "loop": "overrun",
    "memory": "memory",
    "exit": "crash",
    "segfault": "crash",
}
"""What the function does, and what the fault is called."""


def plc() -> dict[str, Any]:
    tags = [
        {"id": LEVEL, "name": "Level", "address": "wave", "data_type": "float64"},
        {"id": COUNT, "name": "Count", "address": "counter:9", "data_type": "int32"},
    ]
    return device(1, tags=tags, groups=[{"name": "normal", "period_ms": PERIOD_MS}])


def fragile(hub: FakeHub, how: str, number: int = 0, faults: int = 100, **fields: Any) -> Any:
    """A use that fails in this way, as USE + number, with OUTPUT + number. Its limits are its own,
    so it shares its process with nobody."""
    found = use(
        "fragile",
        {"level": [LEVEL], "count": [COUNT]},
        parameters={"how": how},
        limits={"batch_s": 0.5, "faults": faults, "memory_mb": 200 + number},
        **package(hub, SOURCE, "fragile", "1.0.0", "fragile:Fragile"),
        **fields,
    )
    return _numbered(found, USE + number, OUTPUT + number)


def neighbours(hub: FakeHub) -> list[dict[str, Any]]:
    """A built-in, and a use of the same package that never fails."""
    built_in = use("low_pass", {"values": [LEVEL]}, parameters=FILTER, device=per(LEVEL))
    twin = fragile(hub, "never", 90)
    return [_numbered(built_in, USE + 80, NEIGHBOUR), _numbered(twin, USE + 90, TWIN)]


def _numbered(found: dict[str, Any], use_id: int, tag_id: int) -> dict[str, Any]:
    tag = {**found["tags"][0], "id": tag_id}
    return found | {"id": use_id, "name": f"Use {use_id}", "tags": [tag]}


async def faulty(hub: FakeHub, uses: int, count: int) -> dict[int, FunctionHealth]:
    """Once so many uses say that they had so many faults; by their number."""

    def look() -> dict[int, FunctionHealth]:
        found = hub.health.functions if hub.health else ()
        bad = {item.id - USE: item for item in found if item.faults_ever >= count}
        return bad if len(bad) == uses else {}

    return await eventually(look, 60, what=f"{count} faults of {uses} functions")


async def scans(hub: FakeHub, since: SpokeHealth) -> float:
    """Scans per second of the device from then to now."""

    def look() -> bool:
        assert hub.health is not None
        return hub.health.time_ns > since.time_ns

    await eventually(look, what="health goes on")
    now = hub.health
    assert now is not None
    return (now.devices[0].scans - since.devices[0].scans) / (now.time_ns - since.time_ns) * 1e9


async def test_every_fault_takes_out_its_step_and_nothing_else(
    client: Client, settings: SpokeSettings, hub: FakeHub, spoke: Program
) -> None:
    quiet = [plc(), *neighbours(hub)]
    cache(settings, manifest(1, *quiet))
    spoke.start()
    first = await hub.applied(1)
    before = await scans(hub, first)
    failing = [fragile(hub, how, number) for number, how in enumerate(KINDS)]
    await hub.offer(manifest(2, *quiet, *failing))
    started = await hub.applied(2)
    health = await faulty(hub, len(KINDS), 2)
    during = await scans(hub, started)
    await hub.offer(manifest(3, *quiet))
    ended = await hub.applied(3)
    after = await scans(hub, ended)
    spoke.stop()

    print(f"scans/s before {before:.2f}, during {during:.2f}, after {after:.2f}")  # for the note
    assert min(during, after) >= KEPT * before
    raw = await series(client, LEVEL, own=False)
    found = [event for event in await events(client) if event.kind == "fault"]
    for number, how in enumerate(KINDS):
        mine = [event for event in found if event.device_id == USE + number]
        _tells(mine[0], how)
        assert health[number].fault is not None
        _passed(await series(client, OUTPUT + number), raw)
    assert {event.device_id for event in found} == {USE + number for number in range(len(KINDS))}
    other = await series(client, NEIGHBOUR)
    assert other == await expected(client, "low_pass", FILTER, LEVEL, other)
    twin = await series(client, TWIN)
    assert twin == {
        time: (value * 2, quality)
        for time, (value, quality) in raw.items()
        if min(twin) <= time <= max(twin)
    }


def _tells(event: Event, how: str) -> None:
    """The event names function, version, tag and line."""
    detail = event.detail
    assert (event.level, detail["kind"]) == ("error", KINDS[how]), event.message
    assert (detail["function"], detail["version"], detail["tags"]) == ("fragile", "1.0.0", ["Out"])
    assert how not in LINES or detail["line"] in LINES[how]


def _passed(made: Series, raw: Series) -> None:
    """No row is missing or there twice; those of a fault have the level itself, uncertain."""
    assert made.keys() == {time for time in raw if min(made) <= time <= max(made)}
    passed = [time for time, (_, quality) in made.items() if quality != Quality.GOOD]
    assert 0 < len(passed) < len(made)
    for time, (value, quality) in made.items():
        level = raw[time][0]
        if quality == Quality.GOOD:
            assert value == level * 2
        else:
            assert (value, quality) == (level, Quality.UNCERTAIN_FUNCTION)


async def test_after_too_many_faults_it_is_stopped_until_somebody_starts_it_again(
    client: Client, settings: SpokeSettings, hub: FakeHub, spoke: Program
) -> None:
    cache(settings, manifest(1, plc(), fragile(hub, "exception", faults=3)))
    spoke.start()
    health = await function_health(hub, "stopped")
    assert health.faults == 3
    (stopped,) = [event for event in await events(client) if event.kind == "stopped"]
    assert "until somebody starts it again" in stopped.message
    spoke.stop()
    spoke.start()  # a restart is nobody
    await function_health(hub, "stopped")
    before = len(await series(client, OUTPUT))

    async def more() -> bool:
        return len(await series(client, OUTPUT)) > before + 50

    await eventually(more, what="values pass")
    made = await series(client, OUTPUT)
    assert {quality for _, quality in list(made.values())[-40:]} == {Quality.UNCERTAIN_FUNCTION}
    await hub.offer(manifest(2, plc(), fragile(hub, "never", faults=3, generation=1)))
    await function_health(hub, "running")
    await eventually(lambda: _good_again(client), what="good values")


async def _good_again(client: Client) -> bool:
    made = await series(client, OUTPUT)
    return made[max(made)][1] == Quality.GOOD
