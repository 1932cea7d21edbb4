"""The OPC UA driver against servers that take few nodes, or have no subscriptions."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.ua.status_codes import StatusCodes as Codes

from schemas.kinds import DataType
from spoke.drivers.opcua.planner import Limits
from spoke.drivers.opcua.simulator import OpcUaSimulator

from .opcua_client import (
    SPARE,
    connected,
    device,
    simulated,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulator() -> AsyncIterator[OpcUaSimulator]:
    async with simulated() as made:
        yield made


@contextlib.contextmanager
def strict_server(simulator: OpcUaSimulator, most: int) -> Iterator[list[int]]:
    """The server refuses more than `most` nodes in a request; yields the sizes that it answered."""
    internal, sizes = simulator.server.iserver, list[int]()
    read, create = (
        internal.attribute_service.read,
        internal.subscription_service.create_monitored_items,
    )

    def take(count: int) -> None:
        if count > most:
            raise ServiceError(Codes.BadTooManyOperations)
        sizes.append(count)

    def strict_read(params: Any, *rest: Any, **more: Any) -> Any:
        take(len(params.NodesToRead))
        return read(params, *rest, **more)

    async def strict_create(params: Any, *rest: Any) -> Any:
        take(len(params.ItemsToCreate))
        return await create(params, *rest)

    internal.attribute_service.read = strict_read
    internal.subscription_service.create_monitored_items = strict_create
    try:
        yield sizes
    finally:
        del internal.attribute_service.read
        del internal.subscription_service.create_monitored_items


@contextlib.asynccontextmanager
async def named_limits(simulator: OpcUaSimulator, limit: int) -> AsyncIterator[None]:
    nodes = [
        ua.NodeId(ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead),
        ua.NodeId(ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall),
    ]

    async def name(value: int) -> None:
        for node in nodes:
            data = ua.DataValue(ua.Variant(value, ua.VariantType.UInt32))
            await simulator.server.write_attribute_value(node, data)

    await name(limit)
    try:
        yield
    finally:
        await name(10000)


SPARE_TAGS = [(address, DataType.INT32) for address in SPARE[10:30]]
SPARE_VALUES = {i: [i + 9] for i in range(1, 21)}


@pytest.mark.parametrize(("limit", "reads"), [(7, [7, 7, 6]), (20, [20]), (0, [20])])
async def test_requests_keep_to_the_limits_that_the_server_names(
    simulator: OpcUaSimulator, limit: int, reads: list[int]
) -> None:
    async with (
        named_limits(simulator, limit),
        connected(device(simulator.endpoint, SPARE_TAGS)) as found,
    ):
        with strict_server(simulator, limit or 1000) as sizes:
            answers = await found.read()
            assert sizes == reads
            await found.subscribe()
            assert sizes == reads * 2
            await found.watch_until(lambda: len(found.values) == 20)
    assert found.values == SPARE_VALUES
    assert {tag: [value] for tag, (value, _) in answers.items()} == SPARE_VALUES


async def test_a_limit_that_the_server_does_not_name_is_found(simulator: OpcUaSimulator) -> None:
    async with connected(device(simulator.endpoint, SPARE_TAGS)) as found:
        with strict_server(simulator, 6) as sizes:
            await found.read()
            assert sizes == [5, 5, 5, 5]
            await found.subscribe()
            await found.watch_until(lambda: len(found.values) == 20)
    assert found.values == SPARE_VALUES


async def test_missing_limits_have_a_sane_default(simulator: OpcUaSimulator) -> None:
    async with named_limits(simulator, 0), connected(device(simulator.endpoint, [])) as found:
        assert found.driver._session.limits == Limits(1000, 1000)


async def test_a_server_without_subscriptions_is_polled(simulator: OpcUaSimulator) -> None:
    internal = simulator.server.iserver
    most, internal.max_subscriptions = internal.max_subscriptions, 0
    try:
        async with connected(device(simulator.endpoint, SPARE_TAGS)) as found:
            assert await found.subscribe() == frozenset()
            assert len(await found.read()) == 20
            with pytest.raises(TimeoutError):  # watch() waits for ever also when all is polled
                await found.watch_until(lambda: False, limit_s=1.2)
    finally:
        internal.max_subscriptions = most


async def test_a_server_without_room_for_the_items_is_polled(simulator: OpcUaSimulator) -> None:
    service = simulator.server.iserver.subscription_service
    create = service.create_monitored_items

    async def create_five(params: Any) -> Any:
        results = await create(params)
        for result in results[5:]:
            result.StatusCode = ua.StatusCode(Codes.BadTooManyMonitoredItems)
        return results

    service.create_monitored_items = create_five
    try:
        async with connected(device(simulator.endpoint, SPARE_TAGS)) as found:
            assert await found.subscribe() == frozenset()
            assert all(code == 192 for _, code in (await found.read()).values())
            assert found.driver.problems == {}
            assert not service.subscriptions  # nothing is left behind
    finally:
        del service.create_monitored_items
