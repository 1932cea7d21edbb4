"""The OPC UA driver against its own simulator: values, times, and tags that are wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes as Codes

from schemas.config.devices import GroupConfig
from schemas.config.drivers import OpcUaMode
from schemas.kinds import DataType
from schemas.quality import Quality
from spoke.drivers.opcua.simulator import NAMESPACE, OpcUaSimulator

from .opcua_client import (
    BURST,
    CONSTANTS,
    COUNTER,
    SPARE,
    Connected,
    connected,
    device,
    simulated,
    write,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulator() -> AsyncIterator[OpcUaSimulator]:
    async with simulated() as made:
        yield made


def all_tags() -> list[tuple[str, DataType]]:
    return [(address, kind) for address, kind, _ in CONSTANTS]


async def test_every_type_arrives_as_it_is_by_subscription(simulator: OpcUaSimulator) -> None:
    async with connected(device(simulator.endpoint, all_tags())) as found:
        assert await found.subscribe() == {"normal"}
        await found.watch_until(lambda: len(found.values) == len(CONSTANTS))
        for tag_id, (_, _, value) in enumerate(CONSTANTS, 1):
            assert found.values[tag_id] == [value]
            assert found.quality[tag_id] == [Quality.GOOD]
        wires = {frame.wire for _, frame in found.frames}
        assert wires == {kind.wire for _, kind, _ in CONSTANTS}
        assert found.driver.problems == {}


async def test_every_type_arrives_as_it_is_by_polling(simulator: OpcUaSimulator) -> None:
    wanted = device(simulator.endpoint, all_tags(), mode=OpcUaMode.POLL)
    async with connected(wanted) as found:
        assert await found.subscribe() == frozenset()
        answers = await found.read()
    assert answers == {i: (value, 192) for i, (_, _, value) in enumerate(CONSTANTS, 1)}


async def test_a_polled_frame_has_one_scan_and_the_gateways_time(
    simulator: OpcUaSimulator,
) -> None:
    async with connected(device(simulator.endpoint, all_tags())) as found:
        before = time.time_ns()
        frames = await found.driver.read(found.groups[0])
        after = time.time_ns()
    for frame, column in zip(frames, found.groups[0].columns, strict=True):
        assert before <= frame.times[0] <= after
        assert frame.tag_ids is column.tag_ids
        assert frame.source_times is None
        assert frame.quality is None


async def test_events_carry_the_sources_time_and_the_gateways(simulator: OpcUaSimulator) -> None:
    stamp = datetime(2020, 1, 1, tzinfo=UTC)
    wanted = device(simulator.endpoint, [(SPARE[0], DataType.INT32), (SPARE[1], DataType.INT32)])
    async with connected(wanted) as found:
        await found.subscribe()
        await found.watch_until(lambda: len(found.values) == 2)
        source_ns = time.time_ns() // 1000 * 1000 - 5 * 10**9
        recent = datetime.fromtimestamp(source_ns // 10**9, UTC).replace(
            microsecond=source_ns % 10**9 // 1000
        )
        value = ua.Variant(7, ua.VariantType.Int32)
        await write(simulator, SPARE[0], ua.DataValue(value, SourceTimestamp=recent))
        await write(simulator, SPARE[1], ua.DataValue(value, SourceTimestamp=stamp))
        await found.watch_until(lambda: found.values[1][-1] == found.values[2][-1] == 7)
        frame = found.frames[-1][1]
    assert frame.source_times is not None
    times = dict(zip(frame.tag_ids.tolist(), frame.source_times[0].tolist(), strict=True))
    assert times[1] == source_ns
    assert abs(frame.times[0] - time.time_ns()) < 10 * 10**9
    assert times[2] == frame.times[0]  # 2020 is not believed, and there is no server time
    assert found.quality[1][-1] == Quality.GOOD
    assert found.quality[2][-1] == Quality.UNCERTAIN_CLOCK


async def test_the_counter_arrives_exactly_once(simulator: OpcUaSimulator) -> None:
    async with connected(device(simulator.endpoint, [(COUNTER, DataType.UINT32)])) as found:
        await found.subscribe()
        await found.watch_until(lambda: len(found.values.get(1, [])) >= 4)
    values = found.values[1]
    assert values == list(range(values[0], values[0] + len(values)))


async def test_a_burst_arrives_exactly_once_and_in_order(simulator: OpcUaSimulator) -> None:
    wanted = device(simulator.endpoint, [(BURST, DataType.UINT32)], queue_size=1000)
    async with connected(wanted) as found:
        await found.subscribe()
        await found.watch_until(lambda: bool(found.values))

        async def burst() -> None:
            for number in range(1, 901):
                data = ua.DataValue(
                    ua.Variant(number, ua.VariantType.UInt32), SourceTimestamp=datetime.now(UTC)
                )
                await write(simulator, BURST, data)
                if number % 90 == 0:
                    await asyncio.sleep(0.03)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(burst())
            tasks.create_task(found.watch_until(lambda: found.values[1][-1] == 900))
    assert found.values[1][1:] == list(range(1, 901))
    assert len(found.frames) > 3  # several reports, several values in each


async def test_groups_are_reported_apart(simulator: OpcUaSimulator) -> None:
    groups = (GroupConfig(name="fast", period_ms=50), GroupConfig(name="slow", period_ms=500))
    wanted = device(simulator.endpoint, [(SPARE[2], DataType.INT32)] * 1, groups)
    slow = wanted.tags[0].model_copy(update={"id": 2, "name": "slow", "group": "slow"})
    wanted = wanted.model_copy(update={"tags": (*wanted.tags, slow)})
    async with connected(wanted) as found:
        assert await found.subscribe() == {"fast", "slow"}
        await found.watch_until(lambda: len(found.values) == 2)
    assert {(name, *frame.tag_ids.tolist()) for name, frame in found.frames} == {
        ("fast", 1),
        ("slow", 2),
    }


WRONG = [
    (SPARE[3], DataType.INT32),
    ("ns=2;s=Nowhere", DataType.FLOAT32),
    ("nsu=urn:nowhere;s=X", DataType.FLOAT32),
    ("nsu=urn:plant;s=Text", DataType.FLOAT32),
    ("ns=2;s=Int32", DataType.INT16),
]
QUALITIES = {
    1: Quality.GOOD,
    2: Quality.BAD_CONFIG_ERROR,
    3: Quality.BAD_CONFIG_ERROR,
    4: Quality.BAD_CONFIG_ERROR,
    5: Quality.BAD_OUT_OF_RANGE,
}


def check_wrong(found: Connected) -> None:
    problems = found.driver.problems
    assert set(problems) == {2, 3, 4}
    assert "BadNodeIdUnknown" in problems[2].message
    assert "urn:nowhere" in problems[3].message
    assert NAMESPACE in problems[3].hint
    assert "String" in problems[4].message


async def test_only_the_wrong_tags_are_bad_when_subscribed(simulator: OpcUaSimulator) -> None:
    async with connected(device(simulator.endpoint, WRONG)) as found:
        assert await found.subscribe() == {"normal"}
        await found.watch_until(lambda: len(found.values) == len(WRONG))
        assert {tag: codes[0] for tag, codes in found.quality.items()} == QUALITIES
        check_wrong(found)


async def test_only_the_wrong_tags_are_bad_when_polled(simulator: OpcUaSimulator) -> None:
    async with connected(device(simulator.endpoint, WRONG)) as found:
        answers = await found.read()
        assert {tag: code for tag, (_, code) in answers.items()} == QUALITIES
        check_wrong(found)


async def test_a_tag_that_turns_bad_and_good_again(simulator: OpcUaSimulator) -> None:
    tags = [(SPARE[4], DataType.INT32), (SPARE[5], DataType.INT32)]
    async with connected(device(simulator.endpoint, tags)) as found:
        await found.subscribe()
        await found.watch_until(lambda: len(found.values) == 2)
        gone = ua.DataValue(StatusCode=ua.StatusCode(Codes.BadNodeIdUnknown))
        await write(simulator, SPARE[4], gone)
        await found.watch_until(lambda: found.quality[1][-1] != Quality.GOOD)
        assert found.quality[1][-1] == Quality.BAD_CONFIG_ERROR
        assert set(found.driver.problems) == {1}
        back = ua.DataValue(ua.Variant(3, ua.VariantType.Int32), SourceTimestamp=datetime.now(UTC))
        await write(simulator, SPARE[4], back)
        await found.watch_until(lambda: found.values[1][-1] == 3)
        assert found.driver.problems == {}
    assert found.quality[2] == [Quality.GOOD]


async def test_a_deleted_node_is_bad_when_polled(simulator: OpcUaSimulator) -> None:
    tags = [(SPARE[6], DataType.INT32), (SPARE[7], DataType.INT32)]
    async with connected(device(simulator.endpoint, tags)) as found:
        assert (await found.read())[1] == (6, Quality.GOOD)
        await simulator.server.delete_nodes([simulator.server.get_node(SPARE[6])])
        assert await found.read() == {1: (0, Quality.BAD_CONFIG_ERROR), 2: (7, Quality.GOOD)}
        assert set(found.driver.problems) == {1}
