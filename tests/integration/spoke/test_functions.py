"""Functions on a gateway: real processes, a real stream; built-ins here, packages elsewhere."""

from __future__ import annotations

import random

from nats.aio.client import Client

from spoke.settings import SpokeSettings
from tests.integration.spoke.conftest import FakeHub
from tests.integration.spoke.functions import (
    OUTPUT,
    USE,
    expected,
    function_health,
    host,
    per,
    series,
    use,
)
from tests.integration.spoke.gateway import assert_contiguous, cache, device, manifest
from tests.servers import Program, eventually

LEVEL = 11
FILTER = {"time_constant_s": 0.7}


def low_pass() -> dict[str, object]:
    return use("low_pass", {"values": [LEVEL]}, parameters=FILTER, device=per(LEVEL))


async def more(client: Client, count: int) -> None:
    """So many more values of the calculated tag."""
    before = len(await series(client, OUTPUT))

    async def look() -> bool:
        return len(await series(client, OUTPUT)) >= before + count

    await eventually(look, what=f"{count} calculated values")


async def test_a_calculated_tag_is_in_the_stream_like_any_other(
    client: Client, settings: SpokeSettings, hub: FakeHub, spoke: Program
) -> None:
    cache(settings, manifest(1, device(1), low_pass()))
    spoke.start()
    await more(client, 40)
    health = await function_health(hub)
    assert (health.id, health.faults_ever, health.contained) == (USE, 0, ())
    assert health.values_out > 0
    assert health.lag_s < 5
    assert hub.health is not None
    assert {item.id: item.state for item in hub.health.devices} == {1: "running", USE: "running"}
    spoke.stop()
    found = await series(client, OUTPUT)
    assert found == await expected(client, "low_pass", FILTER, LEVEL, found)
    await assert_contiguous(client)


async def test_each_row_counts_once_whenever_the_host_is_killed(
    client: Client, settings: SpokeSettings, hub: FakeHub, spoke: Program
) -> None:
    cache(settings, manifest(1, device(1), low_pass()))
    spoke.start()
    chance = random.Random(5)
    for _ in range(5):
        await more(client, chance.randrange(3, 25))
        process = host(spoke)
        assert process is not None
        process.kill()
        await eventually(lambda: host(spoke) is not None, what="the host is back")
    await more(client, 20)
    spoke.stop()
    spoke.start()  # a restart of the whole gateway in between
    await more(client, 20)
    spoke.stop()
    found = await series(client, OUTPUT)
    assert found == await expected(client, "low_pass", FILTER, LEVEL, found)
