"""A gateway that stands still between select and operate writes nothing when it goes on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import nats
import pytest
from nats.aio.client import Client

from schemas import subjects
from schemas.connection import options
from schemas.messages.codec import pack, read
from schemas.messages.writes import (
    SELECT_S,
    OperateReply,
    OperateRequest,
    SelectReply,
    SelectRequest,
    WriteState,
    WriteValue,
)
from spoke.drivers.modbus.simulator import ModbusSimulator
from tests.chaos.relay import Relay
from tests.integration.spoke import test_calls
from tests.integration.spoke.conftest import PASSWORD, SPOKE
from tests.integration.spoke.gateway import workers
from tests.servers import Program, eventually

gateway, simulator = test_calls.gateway, test_calls.simulator
PLC = test_calls.PLC


@pytest.fixture
def frozen() -> Iterator[list[int]]:
    """Process ids that are stopped; they go on at the end, so that they can be ended."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


async def _select(client: Client, value: float) -> str:
    request = SelectRequest(PLC, (WriteValue(100, value),))
    answer = await client.request(subjects.command(SPOKE, "select"), pack(request), timeout=10)
    ticket = read(SelectReply, answer.data).ticket
    assert ticket
    return ticket


async def _operate(client: Client, ticket: str) -> OperateReply:
    request = pack(OperateRequest(PLC, ticket))
    answer = await client.request(subjects.command(SPOKE, "operate"), request, timeout=25)
    return read(OperateReply, answer.data)


@pytest.fixture
def written(simulator: ModbusSimulator, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every write request that reaches the PLC."""
    found: list[bytes] = []
    write = simulator._write

    def noted(function: int, body: bytes) -> bytes:
        found.append(body)
        return write(function, body)

    monkeypatch.setattr(simulator, "_write", noted)
    return found


@pytest.mark.parametrize("who", ["supervisor", "worker", "both"])
async def test_frozen_between_select_and_operate(
    who: str, gateway: Program, client: Client, written: list[bytes], frozen: list[int]
) -> None:
    ticket = await _select(client, 42.0)
    if who != "worker":
        frozen.append(gateway.pid)
    if who != "supervisor":
        frozen.extend(process.pid for process in workers(gateway))
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    asking = asyncio.ensure_future(_operate(client, ticket))
    await asyncio.sleep(SELECT_S + 0.5)  # the time itself is what is tested
    assert not asking.done()
    while frozen:
        os.kill(frozen.pop(), signal.SIGCONT)
    reply = await asking
    assert reply.error is not None
    assert "too late" in reply.error["message"]
    assert reply.results == ()
    assert written == []

    async def verified() -> bool:
        """Refused while the gateway is connecting anew, after a scan that stood still too long."""
        results = (await _operate(client, await _select(client, 43.0))).results
        return bool(results) and results[0].state is WriteState.VERIFIED

    await eventually(verified, what="a write in time")
    assert len(written) == 1, "what is seen here is what the PLC is told"


async def test_a_black_hole_between_select_and_operate(
    gateway: Program, client: Client, written: list[bytes]
) -> None:
    assert client.connected_url is not None
    relay = Relay(int(client.connected_url.port or 0))
    await relay.start()
    far = await nats.connect(
        f"nats://127.0.0.1:{relay.port}",
        user="agent",
        password=PASSWORD,
        **options("hub", subjects.hub_inbox("hub")),
    )
    try:
        ticket = await _select(client, 42.0)
        relay.cut = True
        await far.publish(subjects.command(SPOKE, "operate"), pack(OperateRequest(PLC, ticket)))
        await asyncio.sleep(SELECT_S + 0.5)
        relay.cut = False
        again = await _operate(client, ticket)  # as if TCP had brought it at last
        assert again.error is not None
        assert "too late" in again.error["message"]
        assert written == []
    finally:
        await far.close()
        await relay.stop()
