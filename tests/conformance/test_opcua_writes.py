"""Writing over OPC UA: types, refusals, and answers that never come."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.ua.status_codes import StatusCodes as Codes

from schemas.kinds import DataType
from schemas.messages.writes import WriteState
from spoke.drivers.base import Browses, RawResult, RawWrite, Writes
from spoke.drivers.opcua.simulator import OpcUaSimulator
from spoke.drivers.sim.signals import Signal
from tests.fixtures.context import driver_context

from .opcua_client import CONSTANTS, SPARE, Connected, connected, device, simulated
from .opcua_line import line_to

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRITABLE = [(f"ns=2;s=Writable{kind.value}", kind) for kind in (DataType.INT16, DataType.FLOAT32)]
ARRAY, PLAIN, DURATION = "ns=2;s=Array", "ns=2;s=ReadOnly", "ns=2;s=Duration"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulator() -> AsyncIterator[OpcUaSimulator]:
    async with simulated() as made:
        objects = made.server.nodes.objects
        for address, _, _ in CONSTANTS:
            if "urn:" not in address:
                await made.server.get_node(address).set_writable()
        text = await made.server.get_namespace_index("urn:plant")
        await made.server.get_node(ua.NodeId("Text", text)).set_writable()
        for address in SPARE:
            await made.server.get_node(address).set_writable()
        array = await objects.add_variable(ua.NodeId.from_string(ARRAY), "Array", [1, 2])
        await array.set_writable()
        await objects.add_variable(ua.NodeId.from_string(PLAIN), "ReadOnly", 5.0)
        duration = await objects.add_variable(
            ua.NodeId.from_string(DURATION),
            "Duration",
            ua.Variant(1.5, ua.VariantType.Double),
            datatype=ua.NodeId(ua.ObjectIds.Duration),
        )
        await duration.set_writable()
        yield made


async def write(found: Connected, values: Sequence[Any]) -> list[RawResult]:
    """One value for each tag, in order."""
    assert isinstance(found.driver, Writes)
    tags = [tag for group in found.groups for tag in group.tags]
    tags.sort(key=lambda tag: tag.id)
    return await found.driver.write(
        [RawWrite(tag, value) for tag, value in zip(tags, values, strict=True)]
    )


async def now(simulator: OpcUaSimulator, address: str) -> Any:
    return await simulator.server.get_node(address).read_value()


OTHERS: list[Any] = [False, 5, 6, -7, 8, 9, 10, 2**62, 11, 2.5, -1e-300, "geändert"]


async def test_every_type_is_written_and_read_back(simulator: OpcUaSimulator) -> None:
    tags = [(address, kind) for address, kind, _ in CONSTANTS]
    async with connected(device(simulator.endpoint, tags)) as found:
        results = await write(found, OTHERS)
        assert [(item.state, item.read_back) for item in results] == [
            (WriteState.WRITTEN, value) for value in OTHERS
        ]
        node = simulator.server.get_node("ns=2;i=16")
        data = await node.read_data_value()
        assert data.Value == ua.Variant(-7, ua.VariantType.Int16)
        await write(found, [value for _, _, value in CONSTANTS])


async def test_the_value_takes_the_nodes_type_not_the_tags(simulator: OpcUaSimulator) -> None:
    tags = [
        ("ns=2;i=16", DataType.INT32),
        (SPARE[0], DataType.FLOAT64),
        (DURATION, DataType.FLOAT32),
    ]
    async with connected(device(simulator.endpoint, tags)) as found:
        results = await write(found, [-300, 12.0, 2.5])
        assert [item.read_back for item in results] == [-300, 12.0, 2.5]
        data = await simulator.server.get_node("ns=2;i=16").read_data_value()
        assert data.Value.VariantType is ua.VariantType.Int16
        too_much = await write(found, [40000, 12.5, 1.0])
        assert [item.state for item in too_much] == ["refused", "refused", "written"]
        assert "Int16" in str(too_much[0].error)
        assert "Int32" in str(too_much[1].error)
        assert await now(simulator, SPARE[0]) == 12


async def test_what_the_server_refuses_has_its_reason_and_the_others_are_written(
    simulator: OpcUaSimulator,
) -> None:
    tags = [
        (SPARE[1], DataType.INT32),
        (PLAIN, DataType.FLOAT64),
        ("ns=2;s=Nowhere", DataType.INT32),
        (ARRAY, DataType.INT64),
        ("nsu=urn:nowhere;s=X", DataType.INT32),
        (SPARE[2], DataType.STRING),
    ]
    async with connected(device(simulator.endpoint, tags)) as found:
        results = await write(found, [77, 1.0, 2, 3, 4, "text"])
    assert [item.state for item in results] == ["written", *["refused"] * 5]
    assert results[0].read_back == 77
    errors = [str(item.error) for item in results]
    assert "BadUserAccessDenied" in errors[1] or "BadNotWritable" in errors[1]
    assert results[1].error is not None
    assert "write this variable" in results[1].error.hint or "Allow" in results[1].error.hint
    assert "BadNodeIdUnknown (0x80340000)" in errors[2]
    assert "array" in errors[3]
    assert "urn:nowhere" in errors[4]
    assert "Int32" in errors[5]


@contextlib.contextmanager
def counted_writes(simulator: OpcUaSimulator, answer: Any) -> Iterator[list[int]]:
    """The sizes of write requests; `answer(params)` may raise or return in place of the server."""
    service, sizes = simulator.server.iserver.attribute_service, list[int]()
    plain = service.write

    async def watched(params: Any, *rest: Any, **more: Any) -> Any:
        sizes.append(len(params.NodesToWrite))
        found = answer(params)
        return await plain(params, *rest, **more) if found is None else found

    service.write = watched
    try:
        yield sizes
    finally:
        del service.write


async def test_many_values_go_in_one_request_and_again_smaller_only_if_all_was_refused(
    simulator: OpcUaSimulator,
) -> None:
    tags = [(address, DataType.INT32) for address in SPARE[10:30]]
    async with connected(device(simulator.endpoint, tags)) as found:
        with counted_writes(simulator, lambda _params: None) as sizes:
            results = await write(found, list(range(100, 120)))
            assert sizes == [20]
            assert [item.read_back for item in results] == list(range(100, 120))

        def at_most_six(params: Any) -> None:
            if len(params.NodesToWrite) > 6:
                raise ServiceError(Codes.BadTooManyOperations)

        with counted_writes(simulator, at_most_six) as sizes:
            results = await write(found, list(range(10, 30)))
        assert sizes == [20, 10, 5, 5, 5, 5]
        assert [item.read_back for item in results] == list(range(10, 30))


async def test_a_status_that_leaves_it_open_is_unknown(simulator: OpcUaSimulator) -> None:
    tags = [(SPARE[3], DataType.INT32), (SPARE[4], DataType.INT32)]
    async with connected(device(simulator.endpoint, tags)) as found:
        codes = [ua.StatusCode(Codes.BadNoCommunication), ua.StatusCode(Codes.BadTypeMismatch)]
        with counted_writes(simulator, lambda _params: codes) as sizes:
            results = await write(found, [1, 2])
        assert sizes == [2]
        assert [item.state for item in results] == ["unknown", "refused"]
        assert results[1].error is not None
        assert "data type" in results[1].error.hint


async def test_no_answer_is_unknown_and_is_never_sent_again(simulator: OpcUaSimulator) -> None:
    async with line_to(simulator.port) as line:
        wanted = device(
            line.endpoint, [(SPARE[5], DataType.INT32), (SPARE[6], DataType.INT32)], timeout_s=0.5
        )
        async with connected(wanted) as found:
            first = await write(found, [5, 6])  # types and limit are known now
            assert [item.state for item in first] == ["written", "written"]
            with counted_writes(simulator, lambda _params: line.cut()) as sizes:
                results = await write(found, [55, 66])
            assert sizes == [2]
    assert [item.state for item in results] == ["unknown", "unknown"]
    assert await now(simulator, SPARE[5]) == 55  # it was written, and nobody could know


async def test_nothing_is_sent_over_a_lost_connection(simulator: OpcUaSimulator) -> None:
    async with connected(device(simulator.endpoint, [(SPARE[7], DataType.INT32)])) as found:
        await write(found, [7])
        found.driver._session.drop()
        with counted_writes(simulator, lambda _params: None) as sizes:
            results = await write(found, [77])
        assert sizes == []
    assert [item.state for item in results] == ["refused"]
    assert "Not sent" in str(results[0].error)


async def test_a_write_is_in_the_trace(simulator: OpcUaSimulator) -> None:
    context = driver_context()
    wanted = device(simulator.endpoint, [(SPARE[8], DataType.INT32)])
    async with connected(wanted, context) as found:
        assert isinstance(found.driver, Browses)
        await write(found, [8])
        assert context.trace.exchanges == ()
        context.trace.switch(60)
        await write(found, [88])
        (exchange,) = context.trace.exchanges
    assert exchange.request == f"Write 1 nodes: {SPARE[8]} = 88 (Int32)"
    assert (exchange.answer, exchange.good) == ("Good (0x00000000)", True)


async def test_a_moving_signal_of_the_simulator_keeps_what_was_written() -> None:
    moving = Signal("Moving", "ns=2;s=Moving", DataType.FLOAT32, lambda t: t)
    simulator = OpcUaSimulator([moving])
    await simulator.start()
    try:
        async with connected(
            device(simulator.endpoint, [(moving.address, moving.data_type)])
        ) as it:
            (result,) = await write(it, [-5.0])
        assert (result.state, result.read_back) == (WriteState.WRITTEN, -5.0)
        await simulator._update(simulator.server, simulator._points, 100.0)
        assert await now(simulator, moving.address) == -5.0
    finally:
        await simulator.stop()
