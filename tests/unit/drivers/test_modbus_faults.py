"""The Modbus driver and client when connections break, answers are late, and bytes are wrong."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from schemas.config.drivers import ModbusConfig
from schemas.errors import DeviceTimeoutError, ProtocolError, UnreachableError
from spoke.drivers.modbus.client import ModbusClient
from spoke.drivers.modbus.requests import read_request
from spoke.drivers.modbus.transports import open_connection

from .modbus_bench import FLOATS, bench, constant, counter

# --- broken connections -----------------------------------------------------------------------


async def test_a_frozen_device_times_out() -> None:
    async with bench(FLOATS, timeout_s=0.2) as b:
        await b.read()
        b.simulator.faults.frozen = True
        start = asyncio.get_running_loop().time()
        with pytest.raises(DeviceTimeoutError, match=r"within 0\.2 s"):
            await b.read()
        assert 0.15 < asyncio.get_running_loop().time() - start < 1.5


async def test_the_timeout_is_per_answer_not_per_scan() -> None:
    signals = [constant(f"HR:{1000 * i}", 0.0) for i in range(6)]
    async with bench(signals, timeout_s=0.6) as b:
        b.simulator.faults.delay_s = 0.15
        assert await b.bad() == set()  # 0.9 s in all


async def test_a_late_answer_is_drained_and_never_taken_for_another() -> None:
    """After a timeout the old answer arrives during a later scan; its id is old."""
    async with bench([constant("HR:0", 1.0), constant("HR:500", 2.0)]) as b:
        place = {"host": "127.0.0.1", "port": b.simulator.port, "timeout_s": 0.2}
        client = await open_connection(ModbusConfig.model_validate(place))
        one, two = [read_request(3, 0, 2, 1)], [read_request(3, 500, 2, 1)]
        b.simulator.faults.delay_s = 0.3
        with pytest.raises(DeviceTimeoutError):
            await client.scan(one)
        b.simulator.faults.delay_s = 0.0
        async with asyncio.timeout(5):
            while client.stale_answers == 0:
                assert await client.scan(two) == [struct.pack(">f", 2.0)]
        assert await client.scan(one) == [struct.pack(">f", 1.0)]
        assert client.stale_answers == 1
        client.close()


async def test_a_cancelled_scan_is_answered_before_the_next_one_goes_out() -> None:
    async with bench([constant("HR:0", 1.0), constant("HR:500", 2.0)]) as b:
        place = {"host": "127.0.0.1", "port": b.simulator.port, "timeout_s": 2.0}
        client = await open_connection(ModbusConfig.model_validate(place))
        b.simulator.faults.delay_s = 0.2
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.scan([read_request(3, 0, 2, 1), read_request(3, 2, 2, 1)])
        before = b.simulator.requests
        next_scan = asyncio.ensure_future(client.scan([read_request(3, 500, 2, 1)]))
        await asyncio.sleep(0.05)
        assert b.simulator.requests == before  # it waits: the device has one request at a time
        assert await next_scan == [struct.pack(">f", 2.0)]
        assert client.stale_answers == 0
        client.close()


async def test_answers_with_an_old_transaction_id_are_counted() -> None:
    signals = [counter("HR:0"), counter("HR:1000"), counter("HR:2000")]
    async with bench(signals, depth=2) as b:
        await b.read()
        b.simulator.faults.stale_answers = 3
        assert {value for value, _ in (await b.read()).values()} == {2}
        assert b.driver.stale_answers == 9


GARBAGE = {
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "five bytes": b"SSH-2",
    "wrong function": bytes.fromhex("0001 0000 0007 01 04 04 00000000"),
    "wrong unit": bytes.fromhex("0001 0000 0007 02 03 04 00000000"),
    "byte count too small": bytes.fromhex("0001 0000 0007 01 03 02 00000000"),
    "too few registers": bytes.fromhex("0001 0000 0005 01 03 02 0000"),
    "length of nothing": bytes.fromhex("0001 0000 0002 01 03 04 00000000"),
    "length of a novel": bytes.fromhex("0001 0000 FFFF 01 03 04 00000000"),
    "long exception": bytes.fromhex("0001 0000 0004 01 83 02 00"),
}


@pytest.mark.parametrize("what", GARBAGE)
async def test_garbage_is_a_protocol_error(what: str) -> None:
    async with bench([constant("HR:0", 1.0)]) as b:
        b.simulator.faults.garbage = GARBAGE[what]
        with pytest.raises(ProtocolError):
            await b.read()
        with pytest.raises(ProtocolError):  # and the connection is of no more use
            await b.read()


async def test_a_reset_is_unreachable() -> None:
    async with bench(FLOATS) as b:
        await b.read()
        b.simulator.faults.reset = True
        with pytest.raises(UnreachableError):
            await b.read()


async def test_a_connection_closed_between_two_scans_is_unreachable() -> None:
    async with bench(FLOATS) as b:
        await b.read()
        await b.simulator.stop()
        with pytest.raises(UnreachableError, match="closed the connection"):
            await b.read()


async def test_a_port_where_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings = ModbusConfig(host="127.0.0.1", port=free.getsockname()[1])
        with pytest.raises(UnreachableError, match="nothing listens"):
            await open_connection(settings)


async def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(UnreachableError) as caught:
        await open_connection(ModbusConfig(host="no-such-plc.invalid"))
    assert caught.value.hint


async def test_a_cancelled_scan_leaves_a_closable_driver() -> None:
    async with bench(FLOATS) as b:
        b.simulator.faults.frozen = True
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await b.read()
        await b.driver.close()
        async with asyncio.timeout(2):
            while b.simulator.sessions:  # noqa: ASYNC110  # the simulator has no such event
                await asyncio.sleep(0.005)


# --- the client's bytes -----------------------------------------------------------------------


class InFours(asyncio.Protocol):
    """Answers when four requests are there, all at once: one outstanding less and it waits."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport, self.have = transport, b""

    def data_received(self, data: bytes) -> None:
        self.have += data
        if len(self.have) < 48:
            return
        assert len(self.have) == 48  # never more than the depth
        heads = [self.have[start : start + 4] for start in range(0, 48, 12)]
        self.have = b""
        self.transport.write(b"".join(head + b"\0\5\1\3\2\0\7" for head in heads))


async def test_depth_requests_are_outstanding_all_the_time() -> None:
    loop = asyncio.get_running_loop()
    async with await loop.create_server(InFours, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = await open_connection(ModbusConfig(host="127.0.0.1", port=port, depth=4))
        requests = [read_request(3, start, 1, 1) for start in range(12)]
        assert await client.scan(requests) == [b"\0\7"] * 12
        client.close()
        await asyncio.sleep(0)


class Piecewise(asyncio.Protocol):
    """Answers two requests at once, the second first, in pieces of `piece` bytes."""

    def __init__(self, piece: int) -> None:
        self.piece, self.have = piece, b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.have += data
        if len(self.have) < 24:
            return
        answers = [
            self.have[start : start + 4] + bytes((0, 5, 1, 3, 2)) + value
            for start, value in ((12, b"\3\4"), (0, b"\1\2"))
        ]
        self._send(b"".join(answers))

    def _send(self, wire: bytes) -> None:
        self.transport.write(wire[: self.piece])
        if wire:
            asyncio.get_running_loop().call_later(0.001, self._send, wire[self.piece :])


@pytest.mark.parametrize("piece", [1, 2, 7, 8, 9, 10, 100])
async def test_answers_may_come_in_pieces_together_and_out_of_order(piece: int) -> None:
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: Piecewise(piece), "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = await open_connection(ModbusConfig(host="127.0.0.1", port=port, depth=2))
        requests = [read_request(3, start, 1, 1) for start in (0, 50)]
        assert await client.scan(requests) == [b"\1\2", b"\3\4"]
        client.close()
        await asyncio.sleep(0)


async def test_transaction_ids_go_round() -> None:
    async with bench([constant("HR:0", 1.0), constant("HR:500", 2.0)]) as b:
        client = b.driver._unit._connection
        assert isinstance(client, ModbusClient)
        client._next_id = 0xFFFF
        assert await b.bad() == set()
        assert client._next_id == 1
        assert await b.bad() == set()


# --- the simulator ----------------------------------------------------------------------------


async def test_gaps_read_zero_and_past_the_end_is_refused() -> None:
    async with bench([constant("HR:10", 7, "int16")]) as b:
        client = b.driver._unit._connection
        assert isinstance(client, ModbusClient)
        gap, beyond, silly = await client.scan(
            [read_request(3, 0, 10, 1), read_request(3, 10, 2, 1), read_request(3, 0, 126, 1)]
        )
        assert gap == bytes(20)
        assert [answer.code for answer in (beyond, silly)] == [2, 3]
