"""Writing to S7 between stacks that are not ours: python-snap7's server, and its client."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator

import pytest
from snap7.async_client import AsyncClient
from snap7.server import Server
from snap7.type import Area, SrvArea
from snap7.util import getters

from schemas.errors import WriteRefusedError
from schemas.kinds import DataType
from schemas.messages.writes import WriteState
from spoke.drivers.s7.simulator import S7Simulator
from tests.fixtures.s7 import simulated, snap7_client

from .s7_writing import VALUES, Plant, signals


@pytest.fixture
async def simulator() -> AsyncIterator[S7Simulator]:
    async with simulated(signals()) as simulator:
        yield simulator


@pytest.fixture
async def client(simulator: S7Simulator) -> AsyncIterator[AsyncClient]:
    async with snap7_client(simulator.port) as client:
        yield client


async def test_another_client_sees_what_was_written(
    simulator: S7Simulator, client: AsyncClient
) -> None:
    async with Plant(simulator.port) as plant:
        await plant.write([*VALUES, ("T5", DataType.INT32, 127_000), ("C7", DataType.UINT16, 42)])
    data = bytearray(await client.db_read(1, 0, 125))
    timer = bytes(await client.read_area(Area.TM, 0, 5, 1))
    counter = bytes(await client.read_area(Area.CT, 0, 7, 1))
    assert getters.get_real(data, 0) == 12.5
    assert getters.get_lreal(data, 4) == -3.25
    assert getters.get_int(data, 12) == -2
    assert getters.get_lint(data, 24) == -(2**63)
    assert getters.get_string(data, 44) == "Größe"
    assert data[44] == 20
    assert getters.get_wstring(data, 68) == "Ω ≈ 5"
    assert getters.get_dtl(data, 92).isoformat() == "2024-05-06T07:08:09.123456"
    assert getters.get_dt(data, 104) == "2024-05-06T07:08:09.123000"
    assert getters.get_s5time(data, 112) == "0:00:01.230000"
    assert getters.get_date(data, 114).isoformat() == "2024-02-29"
    assert getters.get_char(data, 124) == "ü"
    assert (timer, counter) == (b"\x21\x27", b"\x00\x42")


async def test_what_another_client_writes_is_read(
    simulator: S7Simulator, client: AsyncClient
) -> None:
    await client.db_write(1, 12, bytearray(b"\x12\x34"))
    await client.write_area(Area.MK, 0, 20, bytearray(b"\x02\x01"))
    await client.write_area(Area.TM, 0, 5, bytearray(b"\x21\x27"))
    await client.write_area(Area.CT, 0, 7, bytearray(b"\x00\x42"))
    assert bytes(await client.db_read(1, 12, 2)) == b"\x12\x34"
    assert bytes(await client.read_area(Area.TM, 0, 5, 1)) == b"\x21\x27"
    assert bytes(await client.read_area(Area.CT, 0, 7, 1)) == b"\x00\x42"
    async with Plant(simulator.port) as plant:
        (frame,) = await plant.driver.read(plant.group)
        assert frame.values.tolist() == [[513]]


class Foreign:
    """The server that comes with python-snap7. It has no bit writes: they fill the whole byte."""

    def __init__(self) -> None:
        rng = random.Random(11)
        self.db1 = bytearray(rng.randbytes(200))
        self.db1[44], self.db1[45] = 20, 0
        self.db1[68:72] = b"\0\x0a\0\0"
        self.marks = bytearray(64)
        self.outputs = bytearray(64)
        self.server = Server(log=False)
        self.server.host = "127.0.0.1"
        self.server.register_area(SrvArea.DB, 1, self.db1)
        self.server.register_area(SrvArea.MK, 0, self.marks)
        self.server.register_area(SrvArea.PA, 0, self.outputs)
        self.server.start(0)
        assert self.server.server_socket is not None
        self.port = self.server.server_socket.getsockname()[1]


@pytest.fixture
def foreign() -> Iterator[Foreign]:
    foreign = Foreign()
    yield foreign
    foreign.server.stop()


async def test_writes_to_a_foreign_server(foreign: Foreign) -> None:
    async with Plant(foreign.port) as plant:
        results = await plant.write(VALUES)
        assert [(r.state, r.read_back) for r in results] == [
            (WriteState.WRITTEN, value) for _, _, value in VALUES
        ]
        error = await plant.refusal("DB7.DBW0", DataType.INT16, 1)
        assert isinstance(error, WriteRefusedError)
    assert getters.get_real(foreign.db1, 0) == 12.5
    assert getters.get_wstring(foreign.db1, 68) == "Ω ≈ 5"
    assert getters.get_dtl(foreign.db1, 92).isoformat() == "2024-05-06T07:08:09.123456"
    assert getters.get_uint(foreign.marks, 20) == 513
