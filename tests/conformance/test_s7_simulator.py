"""The S7 simulator seen by python-snap7's own client, which is not our driver."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator

import pytest
from snap7.async_client import AsyncClient
from snap7.error import S7Error
from snap7.type import Area

from schemas.errors import AddressError
from schemas.kinds import DataType
from spoke.drivers.s7 import addresses
from spoke.drivers.s7.memory import CACHE_S, Memory
from spoke.drivers.s7.simulator import S7Simulator
from spoke.drivers.sim.signals import Signal, ramp, steps
from tests.fixtures.s7 import simulated, snap7_client

SIGNALS = [
    Signal("level", "DB1.DBD0", DataType.FLOAT32, lambda _t: 42.5),
    Signal("state", "DB1.DBW4", DataType.INT16, lambda _t: -3),
    Signal("run", "DB1.DBX6.2", DataType.BOOL, lambda _t: True),
    Signal("recipe", "DB1.8:20", DataType.STRING, steps(["Müsli"], 10)),
    Signal("scans", "DB2.DBD0", DataType.UINT32, lambda _t: 0, counts_reads=True),
    Signal("marks", "MW10", DataType.UINT16, lambda _t: 0x1234),
    Signal("input", "I1.0", DataType.BOOL, lambda _t: True),
]


@pytest.fixture
async def simulator() -> AsyncIterator[S7Simulator]:
    async with simulated(SIGNALS) as simulator:
        yield simulator


@pytest.fixture
async def client(simulator: S7Simulator) -> AsyncIterator[AsyncClient]:
    async with snap7_client(simulator.port) as client:
        yield client


async def test_values_of_all_areas(client: AsyncClient) -> None:
    data = bytes(await client.db_read(1, 0, 30))
    assert struct.unpack_from(">fhB", data) == (42.5, -3, 0b100)
    assert await client.db_read_string(1, 8) == "Müsli"
    assert bytes(await client.read_area(Area.MK, 0, 10, 2)) == b"\x12\x34"
    assert bytes(await client.read_area(Area.PE, 0, 1, 1)) == b"\x01"


async def test_the_negotiated_pdu_length() -> None:
    small = S7Simulator(SIGNALS, max_pdu_bytes=240)
    await small.start()
    client = AsyncClient()
    await client.connect("127.0.0.1", 0, 1, small.port)
    assert client.pdu_length == 240
    await client.disconnect()
    await small.stop()


async def test_refusals(client: AsyncClient, simulator: S7Simulator) -> None:
    for db, start, size, code in [(3, 0, 1, "0x0a"), (1, 28, 8, "0x05")]:
        with pytest.raises(S7Error, match=code):
            await client.db_read(db, start, size)
    simulator.faults.refused_dbs.add(1)
    with pytest.raises(S7Error, match="0x03"):
        await client.db_read(1, 0, 1)
    assert len(await client.db_read(2, 0, 4)) == 4


async def test_a_counter_counts_each_request_once(client: AsyncClient) -> None:
    counts = [await client.db_read_udint(2, 0) for _ in range(5)]
    assert counts == [1, 2, 3, 4, 5]
    await client.db_read(1, 0, 4)
    assert await client.db_read_udint(2, 0) == 6


async def test_several_items_in_one_request_and_rubbish(simulator: S7Simulator) -> None:
    """Items are padded to an even length; an unknown function gets an error, rubbish a hang-up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    confirm = bytes.fromhex("0300001611e00000000100c1020100c2020101c0010a")
    setup = bytes.fromhex("0300001902f080320100000001000800 00f0000001000101e0")
    items = bytes.fromhex("120a10020001000184000030 120a10020002000184000020")
    read = bytes.fromhex("0300002b02f080320100000002001a00000402") + items
    upload = bytes.fromhex("0300001302f08032010000000300020000 1d01")

    async def exchange(request: bytes) -> bytes:
        writer.write(request)
        head = await reader.readexactly(4)
        return await reader.readexactly(int.from_bytes(head[2:], "big") - 4)

    assert (await exchange(confirm))[1] == 0xD0
    assert (await exchange(setup))[-2:] == (480).to_bytes(2, "big")
    answer = await exchange(read)
    assert answer[15:] == bytes.fromhex("0402 ff040008 04 00 ff040010 fffd")
    assert (await exchange(upload))[13:15] == bytes.fromhex("8104")
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_stop_ends_all_connections(simulator: S7Simulator) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    async with asyncio.timeout(2):
        await simulator.stop()
        assert await reader.read() == b""
    await simulator.stop()
    writer.close()
    await writer.wait_closed()


def test_values_are_computed_when_read_and_kept_for_a_moment() -> None:
    now_s, calls = [100.0], [0]
    climb = ramp(0, 100, 100)

    def curve(t: float) -> float:
        calls[0] += 1
        return float(climb(t))

    memory = Memory([Signal("v", "MD0", DataType.FLOAT32, curve)], lambda: now_s[0])
    assert calls == [0]
    read = [memory.read(addresses.Area.M, 0, 0, 4) for _ in range(2)]
    assert calls == [1]
    assert read == [struct.pack(">f", 0.0)] * 2
    now_s[0] += 10 + CACHE_S
    assert memory.read(addresses.Area.M, 0, 0, 4) == struct.pack(">f", 10.02)
    assert calls == [2]


def test_whole_numbers_wrap_around_as_in_a_cpu() -> None:
    memory = Memory(
        [
            Signal("a", "MB0", DataType.UINT8, lambda _t: 256 + 7),
            Signal("b", "MW2", DataType.INT16, lambda _t: 2**15),
        ]
    )
    assert memory.read(addresses.Area.M, 0, 0, 4) == b"\x07\x00\x80\x00"


def test_a_signal_at_no_address_is_refused_at_once() -> None:
    with pytest.raises(AddressError, match="HR:0"):
        S7Simulator([Signal("x", "HR:0", DataType.INT16, lambda _t: 0)])
