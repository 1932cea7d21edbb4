"""Several subscriptions of one session, filters and deadbands, and servers that take less."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes as Codes

from schemas.config.devices import GroupConfig, ManifestDevice
from schemas.config.opcua import OpcUaFilter, OpcUaMode
from schemas.kinds import DataType
from schemas.quality import Quality
from spoke.drivers.base import Explains
from spoke.drivers.opcua.simulator import OpcUaSimulator
from tests.fixtures.context import driver_context

from .opcua_client import BURST, SPARE, connected, device, simulated, write

pytestmark = pytest.mark.asyncio(loop_scope="module")

TAGS = [(address, DataType.INT32) for address in SPARE[10:30]]
VALUES = {i: [i + 9] for i in range(1, 21)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulator() -> AsyncIterator[OpcUaSimulator]:
    async with simulated() as made:
        yield made


def subscriptions(simulator: OpcUaSimulator) -> list[Any]:
    return list(simulator.server.iserver.subscription_service.subscriptions.values())


def sizes(simulator: OpcUaSimulator) -> list[int]:
    return [len(found.monitored_item_srv._monitored_items) for found in subscriptions(simulator)]


async def test_items_are_spread_over_subscriptions(simulator: OpcUaSimulator) -> None:
    wanted = device(simulator.endpoint, TAGS, items_per_subscription=8)
    async with connected(wanted) as found:
        assert await found.subscribe() == {"normal"}
        assert sizes(simulator) == [8, 8, 4]
        await found.watch_until(lambda: len(found.values) == 20)
        assert found.values == VALUES
        assert isinstance(found.driver, Explains)
        planned = found.driver.planned(found.groups[0])
        assert [item.words for item in planned] == [
            "subscription 1: 8 items, publishing 50 ms",
            "subscription 2: 8 items, publishing 50 ms",
            "subscription 3: 4 items, publishing 50 ms",
        ]
        assert [item.tags for item in planned] == [8, 8, 4]
        for number in (10, 19, 29):  # one in each
            value = ua.Variant(500, ua.VariantType.Int32)
            await write(
                simulator, SPARE[number], ua.DataValue(value, SourceTimestamp=datetime.now(UTC))
            )
        await found.watch_until(lambda: all(found.values[i][-1] == 500 for i in (1, 10, 20)))
        for number in (10, 19, 29):
            await write(
                simulator, SPARE[number], ua.DataValue(ua.Variant(number, value.VariantType))
            )


async def test_a_server_with_fewer_subscriptions_gets_all_items_in_those(
    simulator: OpcUaSimulator,
) -> None:
    internal = simulator.server.iserver
    most, internal.max_subscriptions = internal.max_subscriptions, 2
    try:
        wanted = device(simulator.endpoint, TAGS, items_per_subscription=5)
        async with connected(wanted) as found:
            assert await found.subscribe() == {"normal"}
            assert sizes(simulator) == [5, 15]
            await found.watch_until(lambda: len(found.values) == 20)
            assert found.values == VALUES
    finally:
        internal.max_subscriptions = most


async def test_a_group_without_room_is_polled_and_leaves_nothing_behind(
    simulator: OpcUaSimulator,
) -> None:
    """The server takes 12 items: the first group fits, the second does not."""
    service = simulator.server.iserver.subscription_service
    create, room = service.create_monitored_items, [12]

    async def create_some(params: Any) -> Any:
        items = params.ItemsToCreate
        params.ItemsToCreate = items[: room[0]]
        room[0] -= len(params.ItemsToCreate)
        results = await create(params)
        full = ua.StatusCode(Codes.BadTooManyMonitoredItems)
        missing = len(items) - len(results)
        return results + [ua.MonitoredItemCreateResult(StatusCode=full)] * missing

    service.create_monitored_items = create_some
    groups = (GroupConfig(name="a", period_ms=50), GroupConfig(name="b", period_ms=50))
    wanted = device(simulator.endpoint, TAGS, groups, items_per_subscription=6)
    tags = [tag.model_copy(update={"group": "a" if tag.id <= 10 else "b"}) for tag in wanted.tags]
    try:
        async with connected(wanted.model_copy(update={"tags": tuple(tags)})) as found:
            assert await found.subscribe() == {"a"}
            assert sizes(simulator) == [6, 4]
            await found.watch_until(lambda: len(found.values) == 10)
            assert found.values == {i: VALUES[i] for i in range(1, 11)}
            frames = await found.driver.read(found.groups[1])
            assert frames[0].values[0].tolist() == list(range(20, 30))
            words = [item.words for item in found.driver.planned(found.groups[1])]
            assert words == ["read 10 nodes"]
    finally:
        del service.create_monitored_items


def with_deadband(wanted: ManifestDevice, **update: Any) -> ManifestDevice:
    return wanted.model_copy(update={"tags": (wanted.tags[0].model_copy(update=update),)})


async def ramp(simulator: OpcUaSimulator, values: list[int]) -> None:
    for number in values:
        data = ua.DataValue(
            ua.Variant(number, ua.VariantType.UInt32), SourceTimestamp=datetime.now(UTC)
        )
        await write(simulator, BURST, data)


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        ({}, [0, 5, 9, 15, 26, 100]),
        ({"deadband": 0.0}, [0, 5, 9, 15, 26, 100]),
        ({"deadband": 10.0}, [0, 26, 100]),  # the server compares with the value before
        ({"deadband": 5.0, "scale": 0.5}, [0, 26, 100]),
        ({"deadband": 0.0, "scale": 0.5}, [0, 5, 9, 15, 26, 100]),
    ],
)
async def test_a_deadband_is_kept_by_the_server(
    simulator: OpcUaSimulator, update: dict[str, Any], expected: list[int]
) -> None:
    """asyncua's server compares each sample with the one before, others with the last reported:
    here every step is either below the deadband or above it by both rules."""
    await ramp(simulator, [0])
    wanted = device(simulator.endpoint, [(BURST, DataType.UINT32)], queue_size=100)
    async with connected(with_deadband(wanted, **update)) as found:
        await found.subscribe()
        await found.watch_until(lambda: bool(found.values))
        await ramp(simulator, [5, 9, 15, 26, 100])
        await found.watch_until(lambda: found.values[1][-1] == 100)
        assert found.values[1] == expected


@contextlib.contextmanager
def picky_server(simulator: OpcUaSimulator, takes: Any) -> Iterator[list[str]]:
    """Refuses filters for which `takes(filter)` is false; yields what was asked for."""
    service = simulator.server.iserver.subscription_service
    create, asked = service.create_monitored_items, list[str]()

    async def picky_create(params: Any) -> Any:
        items = params.ItemsToCreate
        filters = [
            found if hasattr(found, "Trigger") else None
            for found in (item.RequestedParameters.Filter for item in items)
        ]
        asked.extend(
            "none" if found is None else f"{found.Trigger.name} {found.DeadbandValue:g}"
            for found in filters
        )
        results = []
        for item, found in zip(items, filters, strict=True):
            if found is None or takes(found):
                params.ItemsToCreate = [item]
                results += await create(params)
            else:
                code = ua.StatusCode(Codes.BadMonitoredItemFilterUnsupported)
                results.append(ua.MonitoredItemCreateResult(StatusCode=code))
        return results

    service.create_monitored_items = picky_create
    try:
        yield asked
    finally:
        del service.create_monitored_items


@pytest.mark.parametrize(
    ("takes", "asked"),
    [
        (lambda _found: True, ["StatusValueTimestamp 10"]),
        (
            lambda found: not found.DeadbandValue,
            ["StatusValueTimestamp 10", "StatusValueTimestamp 0"],
        ),
        (
            lambda _found: False,
            ["StatusValueTimestamp 10", "StatusValueTimestamp 0", "none"],
        ),
    ],
)
async def test_a_server_without_the_filter_is_asked_for_less(
    simulator: OpcUaSimulator, takes: Any, asked: list[str]
) -> None:
    await ramp(simulator, [0])
    wanted = device(
        simulator.endpoint, [(BURST, DataType.UINT32)], filter=OpcUaFilter.STATUS_VALUE_TIME
    )
    with picky_server(simulator, takes) as found_asked:
        async with connected(with_deadband(wanted, deadband=10.0)) as found:
            assert await found.subscribe() == {"normal"}
            assert found_asked == asked
            await found.watch_until(lambda: bool(found.values))
            assert found.values[1] == [0]
            assert found.driver.problems == {}


async def test_report_on_status_value_and_time(simulator: OpcUaSimulator) -> None:
    """The same value with a new time is reported only with that filter."""
    await ramp(simulator, [0])
    seen = {}
    for chosen in (OpcUaFilter.STATUS_VALUE_TIME, OpcUaFilter.STATUS_VALUE, OpcUaFilter.STATUS):
        wanted = device(simulator.endpoint, [(BURST, DataType.UINT32)], filter=chosen)
        async with connected(wanted) as found:
            await found.subscribe()
            await found.watch_until(lambda found=found: bool(found.values))  # type: ignore[misc]
            await ramp(simulator, [0, 1])
            bad = ua.DataValue(StatusCode=ua.StatusCode(Codes.BadSensorFailure))
            await write(simulator, BURST, bad)
            await found.watch_until(lambda found=found: found.quality[1][-1] == 16)  # type: ignore[misc]
            seen[chosen] = found.values[1][:-1]
            await ramp(simulator, [0])
    assert seen == {
        OpcUaFilter.STATUS_VALUE_TIME: [0, 0, 1],
        OpcUaFilter.STATUS_VALUE: [0, 1],
        OpcUaFilter.STATUS: [0],
    }


async def test_the_trace_tells_what_was_asked_and_answered(simulator: OpcUaSimulator) -> None:
    context = driver_context()
    wanted = device(simulator.endpoint, [*TAGS[:3], ("ns=2;s=Nowhere", DataType.INT32)])
    async with connected(wanted, context) as found:
        await found.read()
        assert context.trace.exchanges == ()
        context.trace.switch(60)
        await found.read()
        await found.subscribe()
        await found.watch_until(lambda: len(found.values) == 4)
    read, create, *rest = context.trace.exchanges
    assert read.request == f"Read 4 nodes: {', '.join(SPARE[10:13])}, ns=2;s=Nowhere"
    assert (read.answer, read.good) == ("4 values, 1 of them bad", False)
    assert read.received.startswith("01 00 7a 02")
    assert create.request.startswith("Create 4 monitored items")
    assert create.answer == "3 taken, 1 refused"
    assert any(item.answer == "subscription 1: report 1, 3 changes" for item in rest)


async def test_a_polled_group_plans_its_reads(simulator: OpcUaSimulator) -> None:
    async with connected(device(simulator.endpoint, TAGS, mode=OpcUaMode.POLL)) as found:
        assert await found.subscribe() == frozenset()
        (planned,) = found.driver.planned(found.groups[0])
        assert (planned.words, planned.tags) == ("read 20 nodes", 20)
        assert planned.bytes == 20 * 6
        assert all(code == Quality.GOOD for _, code in (await found.read()).values())
