"""Reading back what was written: what is seen, and what a value is without it."""

from __future__ import annotations

from schemas.config.devices import ManifestTag
from schemas.config.modbus import ModbusConfig
from schemas.errors import TagReadError
from schemas.kinds import DataType
from schemas.messages.writes import WriteState
from spoke.drivers.base import RawWrite
from spoke.drivers.modbus.writing import write
from tests.unit.drivers.modbus_memory import Memory
from tests.unit.drivers.test_modbus_writing_faults import TEN, no_reads, place
from tests.unit.drivers.test_modbus_writing_requests import run, states


async def test_what_cannot_be_read_back_is_written_all_the_same() -> None:
    memory = Memory(unreadable={3})
    results = await run(TEN, memory)
    assert states(results) == ["written"] * 10
    assert [result.read_back for result in results] == [1, 2, 3, None, 5, 6, 7, 8, 9, 10]
    assert isinstance(results[3].error, TagReadError)
    assert "could not be read back: exception 2, illegal data address." in results[3].error.message
    assert all(result.error is None for i, result in enumerate(results) if i != 3)
    assert memory.wrote == [(16, 0, 10)]


async def test_reading_back_ends_with_the_first_silence() -> None:
    memory = Memory(faults=no_reads)
    results = await run([("HR:0", "int16", 1), ("HR:9", "int16", 2)], memory)
    assert states(results) == ["written", "written"]
    assert [result.read_back for result in results] == [None, None]
    assert len(memory.read) == 1


async def test_what_the_plc_made_of_it_is_read_back() -> None:
    memory = Memory()

    async def limited(pdu: bytes) -> bytes:
        answer = await memory.exchange(pdu)
        memory.registers[0] = min(memory.registers[0], 100)
        return answer[:3] + b"\0\x64" if pdu[0] == 6 else answer

    tag = ManifestTag(id=1, name="a", address="HR:0", data_type=DataType.UINT16)
    settings = ModbusConfig(host="plc")
    (result,) = await write([RawWrite(tag, 500)], {1: place(tag)}, settings, limited)
    assert (result.state, result.read_back) == (WriteState.WRITTEN, 100)


async def test_registers_without_digits_are_no_read_back() -> None:
    memory = Memory()

    async def broken(pdu: bytes) -> bytes:
        answer = await memory.exchange(pdu)
        memory.registers[0] = 0x12FA
        return answer

    tag = ManifestTag(id=1, name="a", address="HR:0", data_type=DataType.BCD16)
    settings = ModbusConfig(host="plc")
    (result,) = await write([RawWrite(tag, 1234)], {1: place(tag)}, settings, broken)
    assert (result.state, result.read_back) == (WriteState.WRITTEN, None)
    assert result.error is not None
    assert "no decimal digits" in result.error.message
