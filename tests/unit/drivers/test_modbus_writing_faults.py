"""Writes that the device refuses, or that nobody answers: what is said, and what is not sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from schemas.addresses.modbus import ModbusAddress, parse
from schemas.config.devices import ManifestTag
from schemas.config.modbus import ModbusConfig, WriteFunction
from schemas.errors import DeviceTimeoutError, ProtocolError, WriteRefusedError
from schemas.kinds import DataType
from schemas.messages.writes import WriteState
from spoke.drivers.base import RawWrite
from spoke.drivers.modbus.requests import NotSentError
from spoke.drivers.modbus.writing import write
from tests.unit.drivers.modbus_memory import Memory
from tests.unit.drivers.test_modbus_writing_requests import run, states

TEN = [(f"HR:{i}", "int16", i + 1) for i in range(10)]


def at_write(number: int, error: Exception) -> Callable[[bytes], None]:
    """Raise at the write request with this number, the first is 1."""
    seen = 0

    def fault(pdu: bytes) -> None:
        nonlocal seen
        seen += pdu[0] > 4
        if pdu[0] > 4 and seen == number:
            raise error

    return fault


def place(tag: ManifestTag) -> ModbusAddress:
    return parse(tag.address, tag.data_type, ModbusConfig(host="plc"))


def no_reads(pdu: bytes) -> None:
    if pdu[0] < 5:
        raise DeviceTimeoutError("plc did not answer within 2 s.")


@pytest.mark.parametrize("address", ["IR:4", "30005", "DI:4", "10005"])
async def test_inputs_are_refused_before_anything_is_sent(address: str) -> None:
    memory = Memory()
    kind = "bool" if address[0] in "D1" else "int16"
    first, second = await run([(address, kind, 1), ("HR:0", "int16", 1)], memory)
    assert first.state is WriteState.REFUSED
    assert isinstance(first.error, WriteRefusedError)
    assert "can only read" in first.error.message
    assert "holding register (HR) or a coil (CO)" in first.error.hint
    assert second.state is WriteState.WRITTEN  # its neighbours in the call are not held up
    assert memory.wrote == [(6, 0, 1)]


async def test_values_that_have_no_room_are_refused() -> None:
    memory = Memory()
    specs = [("HR:0:4", "string", "hello"), ("HR:9:250", "string", "x"), ("HR:5", "int16", 40_000)]
    results = await run(specs, memory)
    assert states(results) == ["refused"] * 3
    says = [result.error.message for result in results if result.error]
    assert "room for 4" in says[0]
    assert "at most 246 characters" in says[1]
    assert "does not fit a int16" in says[2]
    assert memory.asked == []


async def test_a_tag_with_a_wrong_address_is_refused() -> None:
    memory = Memory()
    tag = ManifestTag(id=1, name="Level", address="nonsense", data_type=DataType.INT16)
    settings = ModbusConfig(host="plc")
    (result,) = await write([RawWrite(tag, 1)], {}, settings, memory.exchange)
    assert result.state is WriteState.REFUSED
    assert result.error is not None
    assert "Level was not written: its address nonsense is wrong" in result.error.message


# --- exceptions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "says", "hint"),
    [
        (1, "exception 1, illegal function", "Write functions"),
        (2, "exception 2, illegal data address", "manual"),
        (3, "exception 3, illegal data value", "allowed range"),
        (4, "exception 4, server device failure", "diagnostics"),
        (6, "exception 6, server device busy", "busy"),
        (10, "exception 10, gateway path unavailable", "unit id"),
        (99, "exception 99, a code that the specification does not have", "write limits"),
    ],
)
async def test_an_exception_is_a_refusal_in_words(code: int, says: str, hint: str) -> None:
    memory = Memory(answers={6: code})
    (result,) = await run([("HR:4", "int16", 1)], memory)
    assert result.state is WriteState.REFUSED
    assert result.read_back is None
    assert result.error is not None
    assert "HR:4 (holding register 4)" in result.error.message
    assert says in result.error.message
    assert hint in result.error.hint
    assert memory.asked == [(6, 4, 1)]


@pytest.mark.parametrize("code", [5, 11])
async def test_an_exception_that_does_not_say_no_leaves_it_open(code: int) -> None:
    """A gateway whose device is silent, and a device that is still at it, may have written."""
    memory = Memory(answers={6: code})
    first, second = await run([("HR:4", "int16", 1), ("HR:9", "int16", 1)], memory)
    assert (first.state, second.state) == (WriteState.UNKNOWN, WriteState.REFUSED)
    assert first.error is not None
    assert "does not repeat it" in first.error.hint
    assert memory.asked == [(6, 4, 1)]


async def test_a_failure_among_several_values_leaves_them_open_but_they_are_read() -> None:
    memory = Memory(answers={16: 4})
    results = await run(TEN, memory)
    assert states(results) == ["unknown"] * 10
    assert [result.read_back for result in results] == [0] * 10
    assert memory.wrote == [(16, 0, 10)]


@pytest.mark.parametrize("locked", range(10))
async def test_one_locked_register_does_not_hold_up_its_neighbours(locked: int) -> None:
    memory = Memory(locked={locked})
    results = await run(TEN, memory)
    assert states(results) == ["refused" if i == locked else "written" for i in range(10)]
    assert memory.registers[:10] == [0 if i == locked else i + 1 for i in range(10)]
    assert [result.read_back for result in results] == [
        None if i == locked else i + 1 for i in range(10)
    ]
    assert len(memory.wrote) < 10


async def test_a_device_without_function_16_is_written_one_by_one() -> None:
    memory = Memory(lacking={16, 15})
    coils = [("CO:0", "bool", True), ("CO:1", "bool", True)]
    results = await run([*TEN, *coils, ("HR:20", "float32", 1.0)], memory)
    assert states(results) == ["written"] * 12 + ["refused"]
    assert [item[0] for item in memory.wrote].count(16) == 1  # asked once, not once per value
    assert memory.registers[:10] == list(range(1, 11))
    assert memory.coils[:2] == [1, 1]


async def test_a_device_that_writes_nothing_is_not_asked_a_hundred_times() -> None:
    memory = Memory(lacking={6, 16})
    results = await run([(f"HR:{i}", "int16", 1) for i in range(100)], memory)
    assert states(results) == ["refused"] * 100
    assert len(memory.asked) == 2


@pytest.mark.parametrize(
    ("lacking", "settings", "hint"),
    [
        ({22}, {"mask_write": True}, "switch off 'Write bits with function 22'"),
        ({6}, {}, "'Write functions'"),
        ({16}, {"write_function": WriteFunction.MULTIPLE}, "'Write functions'"),
    ],
)
async def test_the_hint_names_the_setting(
    lacking: set[int], settings: dict[str, object], hint: str
) -> None:
    (result,) = await run([("HR:0.1", "bool", True)], Memory(lacking=lacking), **settings)
    assert result.state is WriteState.REFUSED
    assert result.error is not None
    assert hint in result.error.hint


async def test_a_register_that_cannot_be_read_first_is_not_written() -> None:
    memory = Memory(unreadable={1})
    specs = [("HR:0.1", "bool", True), ("HR:1.1", "bool", True), ("HR:2.1", "bool", True)]
    results = await run(specs, memory)
    assert states(results) == ["written", "refused", "written"]
    assert results[1].error is not None
    assert "reading it first was answered with exception 2" in results[1].error.message
    assert "function 22" in results[1].error.hint
    assert memory.registers[:3] == [2, 0, 2]


async def test_no_answer_to_the_reading_before_means_nothing_was_written() -> None:
    memory = Memory(faults=no_reads)
    results = await run([("HR:0.1", "bool", True), ("HR:9", "int16", 1)], memory)
    assert states(results) == ["refused", "refused"]
    assert memory.wrote == []
    assert results[0].error is not None
    assert "Nothing was sent" in results[0].error.message


# --- no answer --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [DeviceTimeoutError("plc did not answer within 2 s."), ProtocolError("plc sent garbage.")],
)
async def test_no_answer_is_unknown_and_ends_the_call(error: Exception) -> None:
    memory = Memory(faults=at_write(2, error))
    results = await run([(f"HR:{3 * i}", "int16", i) for i in range(5)], memory)
    assert states(results) == ["written", "unknown", "refused", "refused", "refused"]
    assert memory.asked == [(6, 0, 1), (6, 3, 1)]  # once each, and nothing after it
    unknown, refused = results[1].error, results[2].error
    assert unknown is not None
    assert refused is not None
    assert type(unknown) is type(error)
    assert "may have been written or not" in unknown.message
    assert "does not repeat" in unknown.hint
    assert refused.message.startswith("Not tried, because what became of a value before it")
    assert str(error) in refused.message


async def test_no_answer_to_a_merged_request_leaves_all_its_values_open() -> None:
    memory = Memory(faults=at_write(1, DeviceTimeoutError("late.")))
    results = await run([*TEN, ("CO:0", "bool", True)], memory)
    assert states(results) == ["unknown"] * 10 + ["refused"]
    assert memory.asked == [(16, 0, 10)]


async def test_what_lies_over_an_unknown_value_is_not_tried() -> None:
    memory = Memory(faults=at_write(1, DeviceTimeoutError("late.")))
    results = await run([("HR:0", "int16", 1), ("HR:0", "int16", 2)], memory)
    assert states(results) == ["unknown", "refused"]


async def test_what_was_not_sent_is_refused() -> None:
    memory = Memory(faults=at_write(2, NotSentError("plc: the connection was lost before.")))
    results = await run([(f"HR:{3 * i}", "int16", i) for i in range(3)], memory)
    assert states(results) == ["written", "refused", "refused"]
    assert results[1].error is not None
    assert "Nothing was sent: plc: the connection was lost before." in results[1].error.message
    assert results[2].error is not None
    assert "could not be sent" in results[2].error.message
    assert len(memory.asked) == 2


async def test_an_answer_to_another_request_is_no_confirmation() -> None:
    memory = Memory()

    async def confused(pdu: bytes) -> bytes:
        answer = await memory.exchange(pdu)
        return answer[:2] + bytes((answer[2] ^ 1,)) + answer[3:]  # another address

    tag = ManifestTag(id=1, name="a", address="HR:0", data_type=DataType.FLOAT32)
    settings = ModbusConfig(host="plc")
    (result,) = await write([RawWrite(tag, 1.0)], {1: place(tag)}, settings, confused)
    assert result.state is WriteState.UNKNOWN
    assert isinstance(result.error, ProtocolError)


async def test_cancelled_in_the_middle_nothing_more_is_sent() -> None:
    memory = Memory()
    waiting = asyncio.Event()

    async def stuck(pdu: bytes) -> bytes:
        if len(memory.asked) == 1:
            waiting.set()
            await asyncio.Event().wait()
        return await memory.exchange(pdu)

    tags = [
        ManifestTag(id=i, name=f"t{i}", address=f"CO:{2 * i}", data_type=DataType.BOOL)
        for i in (1, 2, 3)
    ]
    settings = ModbusConfig(host="plc")
    places = dict(zip((1, 2, 3), map(place, tags), strict=True))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(
            write([RawWrite(tag, True) for tag in tags], places, settings, stuck)
        )
        await waiting.wait()
        task.cancel()
    assert task.cancelled()
    assert memory.asked == [(5, 2, 1)]
