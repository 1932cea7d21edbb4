"""A node that vanishes and comes back: only its tag is bad, and it recovers by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes as Codes

from schemas.kinds import DataType
from schemas.quality import Quality
from spoke.drivers.opcua import vanished
from spoke.drivers.opcua.simulator import OpcUaSimulator

from .opcua_client import SPARE, connected, device, simulated, write

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOST, STAYS = SPARE[0], SPARE[1]
TAGS = [(LOST, DataType.INT32), (STAYS, DataType.INT32)]
GOOD, GONE = Quality.GOOD, Quality.BAD_CONFIG_ERROR


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulator() -> AsyncIterator[OpcUaSimulator]:
    async with simulated() as made:
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vanished, "FIRST_RECHECK_S", 0.2)
    monkeypatch.setattr(vanished, "AUDIT_S", 0.2)


async def delete(simulator: OpcUaSimulator) -> None:
    """Without a word to subscribers: asyncua forgets to await its own callback for that."""
    node = ua.NodeId.from_string(LOST)
    space = simulator.server.iserver.aspace
    space[node].attributes[ua.AttributeIds.Value].datachange_callbacks.clear()
    await simulator.server.delete_nodes([simulator.server.get_node(node)])


async def bring_back(simulator: OpcUaSimulator, value: int) -> None:
    folder = simulator.server.get_node(ua.NodeId("Simulator", 2))
    node = ua.NodeId.from_string(LOST)
    first = ua.Variant(value, ua.VariantType.Int32)
    await folder.add_variable(node, ua.QualifiedName("Back", 2), first)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("told", [True, False], ids=["told", "silent"])
async def test_a_subscribed_node_vanishes_and_comes_back(
    simulator: OpcUaSimulator, told: bool
) -> None:
    async with connected(device(simulator.endpoint, TAGS)) as found:
        assert await found.subscribe() == {"normal"}
        await found.watch_until(lambda: len(found.values) == 2)
        assert found.quality == {1: [GOOD], 2: [GOOD]}
        if told:
            gone = ua.DataValue(StatusCode=ua.StatusCode(Codes.BadNodeIdUnknown))
            await write(simulator, LOST, gone)
        await delete(simulator)
        await found.watch_until(lambda: found.quality[1][-1] == GONE)
        assert "BadNodeIdUnknown (0x80340000)" in found.driver.problems[1].message
        assert set(found.driver.problems) == {1}
        await bring_back(simulator, 77)
        await found.watch_until(lambda: found.quality[1][-1] == GOOD)
        assert found.values[1][-1] == 77
        assert found.driver.problems == {}
        new = ua.Variant(78, ua.VariantType.Int32)
        await write(simulator, LOST, ua.DataValue(new))
        await found.watch_until(lambda: found.values[1][-1] == 78)
    assert found.quality[2] == [GOOD]


@pytest.mark.usefixtures("impatient")
async def test_a_node_that_comes_later_is_found(simulator: OpcUaSimulator) -> None:
    await delete(simulator)
    async with connected(device(simulator.endpoint, TAGS)) as found:
        await found.subscribe()
        await found.watch_until(lambda: len(found.values) == 2)
        assert found.quality == {1: [GONE], 2: [GOOD]}
        await bring_back(simulator, 5)
        await found.watch_until(lambda: found.quality[1][-1] == GOOD)
        assert found.values[1][-1] == 5


@pytest.mark.usefixtures("impatient")
async def test_a_silent_tag_with_a_deadband_is_reported_again(
    simulator: OpcUaSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vanished, "REFRESH_S", 0.5)
    wanted = device(simulator.endpoint, TAGS)
    banded = wanted.tags[0].model_copy(update={"deadband": 2.0})
    wanted = wanted.model_copy(update={"tags": (banded, wanted.tags[1])})
    async with connected(wanted) as found:
        await found.subscribe()
        await found.watch_until(lambda: len(found.values) == 2)
        first = found.values[1][0]
        await write(simulator, LOST, ua.DataValue(ua.Variant(first + 1, ua.VariantType.Int32)))
        await found.watch_until(lambda: len(found.values[1]) >= 3)
        assert found.values[1] == [
            first,
            first + 1,
            first + 1,
        ]  # kept back by the server, then read
        assert len(found.values[2]) == 1  # nothing was promised of this one
        _, frame = found.frames[-1]
        assert frame.source_times is not None
        assert frame.source_times.tolist() == [[frame.times[0]]]


async def test_a_polled_node_vanishes_and_comes_back(simulator: OpcUaSimulator) -> None:
    async with connected(device(simulator.endpoint, TAGS)) as found:
        assert [code for _, code in (await found.read()).values()] == [GOOD, GOOD]
        await delete(simulator)
        assert [code for _, code in (await found.read()).values()] == [GONE, GOOD]
        assert set(found.driver.problems) == {1}
        await bring_back(simulator, 9)
        assert (await found.read())[1] == (9, GOOD)
        assert found.driver.problems == {}
