"""What a hub may ask of a running gateway about one device: why is it bad, and writing to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeVar

import pytest
from nats.aio.client import Client

from schemas import subjects
from schemas.kinds import DataType
from schemas.messages.codec import pack, read
from schemas.messages.diagnosis import DiagnoseReply, DiagnoseRequest
from schemas.messages.writes import (
    OperateReply,
    OperateRequest,
    SelectReply,
    SelectRequest,
    WriteState,
    WriteValue,
)
from spoke.drivers.modbus.simulator import ModbusSimulator
from spoke.drivers.sim.signals import Signal
from spoke.settings import SpokeSettings
from tests.integration.spoke.conftest import SPOKE
from tests.integration.spoke.gateway import cache, device, grows, manifest
from tests.servers import Program, eventually

T = TypeVar("T")
PLC = 7


def _signal(number: int) -> Signal:
    return Signal(f"Setpoint{number}", f"HR:{2 * number}", DataType.FLOAT32, lambda t: 20.0)


@pytest.fixture
async def simulator() -> AsyncIterator[ModbusSimulator]:
    made = ModbusSimulator([_signal(number) for number in range(10)])
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def gateway(
    spoke: Program, settings: SpokeSettings, client: Client, simulator: ModbusSimulator
) -> Program:
    """A gateway that reads a PLC with nine setpoints and a register that is not there."""
    tags = [
        {"id": 100 + number, "name": f"Setpoint{number}", "address": f"HR:{2 * number}"}
        | {"access": "rw", "write_high": 90}
        for number in range(9)
    ]
    tags.append({"id": 199, "name": "Gone", "address": "HR:5000"})
    connection = {"driver": "modbus", "host": "127.0.0.1", "port": simulator.port}
    plc = device(PLC, connection=connection, tags=tags)
    cache(settings, manifest(1, device(1), plc))
    spoke.start()
    await grows(client)
    await eventually(lambda: _is_running(client), what="the PLC is read")
    return spoke


async def _ask(client: Client, verb: str, request: Any, kind: type[T]) -> T:
    answer = await client.request(subjects.command(SPOKE, verb), pack(request), timeout=10)
    return read(kind, answer.data)


async def _is_running(client: Client) -> bool:
    reply = await _ask(client, "diagnose", DiagnoseRequest(PLC), DiagnoseReply)
    return reply.health is not None and reply.health.scans > 3


async def _write(client: Client, values: dict[int, Any]) -> OperateReply:
    wanted = tuple(WriteValue(tag_id, value) for tag_id, value in values.items())
    selected = await _ask(client, "select", SelectRequest(PLC, wanted), SelectReply)
    assert selected.ticket, selected.problems
    return await _ask(client, "operate", OperateRequest(PLC, selected.ticket), OperateReply)


async def test_a_device_explains_itself(gateway: Program, client: Client) -> None:
    reply = await _ask(client, "diagnose", DiagnoseRequest(PLC, trace_s=60), DiagnoseReply)
    assert reply.health is not None
    assert reply.health.state == "running"
    assert "exception 2" in reply.health.tag_problems["199"]["message"]
    (group,) = reply.groups
    assert (group.tags, group.request_count) == (10, 1)
    assert "holding registers 0 to 17" in group.requests[0].words
    assert (group.requests[0].tags, group.requests[0].bytes) == (9, 36)
    assert group.requests_per_s == 20
    assert 0 < group.mean_ms <= group.worst_ms
    assert reply.link.startswith("modbus tcp 127.0.0.1")

    async def traced() -> DiagnoseReply | None:
        found = await _ask(client, "diagnose", DiagnoseRequest(PLC), DiagnoseReply)
        return found if len(found.trace) == 50 else None

    full = await eventually(traced, what="fifty exchanges")
    assert full is not None
    assert full.tracing
    newest = full.trace[-1]
    assert newest.good
    assert "holding registers 0 to 17" in newest.request
    assert newest.sent.endswith("03 00 00 00 12")
    assert newest.took_ms > 0
    off = await _ask(client, "diagnose", DiagnoseRequest(PLC, trace_s=0), DiagnoseReply)
    assert not off.tracing


async def test_values_are_written_read_back_and_seen_in_the_plc(
    gateway: Program, client: Client, simulator: ModbusSimulator
) -> None:
    reply = await _write(client, {100: 42.5, 104: 0.1})
    assert reply.error is None
    assert [item.state for item in reply.results] == [WriteState.VERIFIED] * 2
    assert reply.results[0].read_back == 42.5


async def test_one_bad_value_and_nothing_is_written(gateway: Program, client: Client) -> None:
    wanted = (WriteValue(100, 50.0), WriteValue(101, 91.0), WriteValue(199, 1.0))
    reply = await _ask(client, "select", SelectRequest(PLC, wanted), SelectReply)
    assert reply.ticket == ""
    assert [item["path"] for item in reply.problems] == ["values.1", "values.2"]
    assert (await _write(client, {102: 1.0})).results[0].state is WriteState.VERIFIED


async def test_an_answer_that_never_comes_leaves_the_write_unknown(
    gateway: Program, client: Client, simulator: ModbusSimulator
) -> None:
    selected = await _ask(
        client, "select", SelectRequest(PLC, (WriteValue(100, 1.0),)), SelectReply
    )
    simulator.faults.frozen = True
    reply = await _ask(client, "operate", OperateRequest(PLC, selected.ticket), OperateReply)
    states = {item.state for item in reply.results}
    assert states <= {WriteState.UNKNOWN, WriteState.REFUSED}
    assert reply.error is not None or states
    simulator.faults.frozen = False
    again = await _ask(client, "operate", OperateRequest(PLC, selected.ticket), OperateReply)
    assert again.error is not None, "a ticket is good once"


async def test_a_device_that_is_not_there_and_a_request_that_is_none(
    gateway: Program, client: Client
) -> None:
    reply = await _ask(client, "diagnose", DiagnoseRequest(12345), DiagnoseReply)
    assert reply.error is not None
    assert reply.error["kind"] == "NotFoundError"
    subject = subjects.command(SPOKE, "select")
    for garbage in (b"", b"\xc1", b"\x93\x01\x02\x03", pack({"device_id": "seven"})):
        answer = await client.request(subject, garbage, timeout=10)
        assert read(SelectReply, answer.data).error is not None
