"""Writing to S7: what arrives in the CPU, what is refused and why, and what nobody knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from schemas.errors import (
    DeviceError,
    DeviceTimeoutError,
    UnreachableError,
    WriteRefusedError,
)
from schemas.kinds import DataType
from schemas.messages.writes import WriteState
from spoke.drivers.base import Writes
from spoke.drivers.s7.addresses import Area
from spoke.drivers.s7.driver import S7Driver
from spoke.drivers.s7.simulator import S7Simulator
from spoke.drivers.sim.signals import Signal, Value

from .s7_writing import VALUES, Plant, signals


@pytest.fixture
async def simulator() -> AsyncIterator[S7Simulator]:
    bits = [Signal(f"b{i}", f"DB1.DBX42.{i}", DataType.BOOL, lambda _t: True) for i in range(8)]
    simulator = S7Simulator([*signals(), *bits])
    await simulator.start()
    yield simulator
    await simulator.stop()


def test_the_driver_can_write() -> None:
    assert issubclass(S7Driver, Writes)


async def test_every_type_is_written_and_read_back(simulator: S7Simulator) -> None:
    async with Plant(simulator.port) as plant:
        results = await plant.write(VALUES)
    assert [(r.state, r.read_back) for r in results] == [
        (WriteState.WRITTEN, value) for _, _, value in VALUES
    ]


async def test_a_bit_leaves_its_neighbours_alone(simulator: S7Simulator) -> None:
    async with Plant(simulator.port) as plant:
        (result,) = await plant.write([("DB1.DBX42.3", DataType.BOOL, False)])
        assert (result.state, result.read_back) == (WriteState.WRITTEN, False)
        assert simulator.memory.read(Area.DB, 1, 42, 1) == b"\xf7"
        await plant.write([("DB1.DBX42.3", DataType.BOOL, True)])
        assert simulator.memory.read(Area.DB, 1, 42, 1) == b"\xff"


# --- refused --------------------------------------------------------------------------------------


async def test_protection_is_told_with_the_menu_path(simulator: S7Simulator) -> None:
    simulator.faults.protected = True
    async with Plant(simulator.port) as plant:
        error = await plant.refusal("DB1.DBW12", DataType.INT16, 5)
        assert isinstance(error, WriteRefusedError)
        assert "does not allow writing DB1 bytes 12 to 13" in error.message
        assert "PUT/GET" in error.hint
        assert "full access" in error.hint
        (frame,) = await plant.driver.read(plant.group)
        assert frame.quality is None


@pytest.mark.parametrize(
    ("code", "hint"), [(0x8104, "PUT/GET"), (0xD241, "Access level"), (0x8402, "STOP")]
)
async def test_a_refused_request_is_not_a_lost_connection(
    simulator: S7Simulator, code: int, hint: str
) -> None:
    simulator.faults.write_error = code
    async with Plant(simulator.port) as plant:
        error = await plant.refusal("DB1.DBW12", DataType.INT16, 5)
        assert isinstance(error, WriteRefusedError)
        assert hint in error.hint
        await plant.driver.read(plant.group)


async def test_a_missing_block_and_one_that_is_too_short(simulator: S7Simulator) -> None:
    async with Plant(simulator.port) as plant:
        missing = await plant.refusal("DB9.DBW0", DataType.INT16, 5)
        assert "DB9 bytes 0 to 1: this does not exist" in missing.message
        assert "Optimized block access" in missing.hint
        short = await plant.refusal("DB1.DBW5000", DataType.INT16, 5)
        assert "beyond the end" in short.message
        good, bad = await plant.write(
            [("DB1.DBW12", DataType.INT16, 3), ("DB9.DBW0", DataType.INT16, 4)]
        )
        assert (good.state, good.read_back) == (WriteState.WRITTEN, 3)
        assert bad.state is WriteState.REFUSED


async def test_a_text_longer_than_in_the_cpu_is_refused_before_it_is_written(
    simulator: S7Simulator,
) -> None:
    """The address says 40 characters, the CPU 20: the CPU is right."""
    async with Plant(simulator.port) as plant:
        error = await plant.refusal("DB1.44:STRING[40]", DataType.STRING, "x" * 21)
        assert "21 characters" in error.message
        assert "room for 20" in error.message
        assert simulator.writes == 0
        (result,) = await plant.write([("DB1.44:STRING[40]", DataType.STRING, "x" * 20)])
        assert (result.state, result.read_back) == (WriteState.WRITTEN, "x" * 20)
        error = await plant.refusal("DB1.68:WSTRING[40]", DataType.STRING, "Ω" * 11)
        assert "room for 10" in error.message


@pytest.mark.parametrize(
    ("address", "data_type", "value", "reason"),
    [
        ("DB1.112:S5TIME", DataType.INT32, 15, "steps of 10"),
        ("DB1.92:DTL", DataType.STRING, "noon", "2024-05-06T07:08:09.123"),
        ("DB1.44:STRING[20]", DataType.STRING, "Ω", "Latin-1"),
        ("HR:0", DataType.INT16, 1, "not an S7 address"),
    ],
)
async def test_what_cannot_be_written_is_not_sent(
    simulator: S7Simulator, address: str, data_type: DataType, value: Value, reason: str
) -> None:
    async with Plant(simulator.port) as plant:
        error = await plant.refusal(address, data_type, value)
        assert reason in error.message
        assert simulator.writes == 0


async def test_a_date_in_other_words_is_the_same_date(simulator: S7Simulator) -> None:
    """The runner compares texts; the CPU keeps nanoseconds, and DT only milliseconds."""
    dates: list[tuple[str, DataType, Value]] = [
        ("DB1.92:DTL", DataType.STRING, "2024-05-06 07:08"),
        ("DB1.104:DT", DataType.STRING, "2024-05-06T07:08:09.123456"),
        ("DB1.114:DATE", DataType.STRING, "2024-05-06T00:00:00"),
    ]
    async with Plant(simulator.port) as plant:
        results = await plant.write(dates)
    assert [result.read_back for result in results] == [value for _, _, value in dates]


# --- unknown --------------------------------------------------------------------------------------


async def test_no_answer_is_unknown_and_nothing_is_sent_again(simulator: S7Simulator) -> None:
    """The CPU writes and is silent: only the first value was sent, and it was sent once."""
    async with Plant(simulator.port, timeout_s=0.2) as plant:
        simulator.faults.silent_writes = True
        first, second = await plant.write(
            [("DB1.DBW12", DataType.INT16, 3), ("MW20", DataType.UINT16, 4)]
        )
        assert first.state is WriteState.UNKNOWN
        assert isinstance(first.error, DeviceTimeoutError)
        assert second.state is WriteState.REFUSED
        assert second.error is not None
        assert "not sent" in second.error.message
        simulator.faults.silent_writes = False
        with pytest.raises(DeviceError):
            await plant.driver.read(plant.group)
    assert simulator.writes == 1


async def test_a_connection_that_breaks_after_sending_is_unknown(simulator: S7Simulator) -> None:
    async with Plant(simulator.port) as plant:
        simulator.faults.drop = True
        (result,) = await plant.write([("MW20", DataType.UINT16, 4)])
        assert result.state is WriteState.UNKNOWN
        simulator.faults.drop = False
        (again,) = await plant.write([("MW20", DataType.UINT16, 4)])
        assert again.state is WriteState.REFUSED
    assert simulator.writes == 0


async def test_a_cancelled_write_leaves_no_connection_behind(simulator: S7Simulator) -> None:
    """Nobody knows what became of it, so nothing more is said on this connection."""
    simulator.faults.silent_writes = True
    async with Plant(simulator.port) as plant:
        task = asyncio.ensure_future(plant.write([("MW20", DataType.UINT16, 4)]))
        async with asyncio.timeout(5):
            while simulator.writes == 0:  # noqa: ASYNC110 - the simulator has no event for this
                await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(DeviceError):
            await plant.driver.read(plant.group)
    assert simulator.writes == 1


async def test_without_a_connection_nothing_is_written(simulator: S7Simulator) -> None:
    plant = Plant(simulator.port)
    with pytest.raises(UnreachableError):
        await plant.write([("MW20", DataType.UINT16, 4)])
