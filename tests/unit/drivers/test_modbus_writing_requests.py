"""What is sent for a write: functions, merging, what stays untouched, the order of the caller."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from schemas.config.devices import ManifestTag
from schemas.config.modbus import ModbusConfig, WriteFunction
from schemas.kinds import DataType
from schemas.messages.writes import WriteState
from spoke.drivers.base import RawResult, RawWrite
from spoke.drivers.modbus.addresses import locate
from spoke.drivers.modbus.writing import write
from tests.unit.drivers.modbus_memory import Memory
from tests.unit.drivers.test_modbus_codec_types import tagged

PLC = ModbusConfig(host="plc")


def wanted(specs: list[tuple[str, str, Any]]) -> list[RawWrite]:
    """Writes of (address, data type, value); the name of a tag is its address."""
    return [
        RawWrite(
            ManifestTag(
                id=i + 1, name=address, address=address, data_type=DataType(kind), access="rw"
            ),
            value,
        )
        for i, (address, kind, value) in enumerate(specs)
    ]


async def run(
    specs: list[tuple[str, str, Any]], memory: Memory, **settings: Any
) -> list[RawResult]:
    config = PLC.model_copy(update=settings)
    writes = wanted(specs)
    places, problems = locate([one.tag for one in writes], config)
    assert not problems
    return await write(writes, places, config, memory.exchange)


def states(results: list[RawResult]) -> list[str]:
    return [result.state.value for result in results]


# --- functions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "settings", "function"),
    [
        (("CO:7", "bool", True), {}, 5),
        (("CO:7", "bool", True), {"write_function": WriteFunction.MULTIPLE}, 15),
        (("HR:7", "int16", -5), {}, 6),
        (("HR:7", "int16", -5), {"write_function": WriteFunction.MULTIPLE}, 16),
        (("HR:7", "float32", 1.5), {}, 16),
        (("HR:7.3", "bool", True), {"mask_write": True}, 22),
        (("HR:7.3", "bool", True), {}, 6),
        (("HR:7", "uint8", 200), {"mask_write": True}, 22),
        (("HR:7:4", "string", "ab"), {}, 16),
    ],
)
async def test_the_function_that_is_used(
    spec: tuple[str, str, Any], settings: dict[str, Any], function: int
) -> None:
    memory = Memory()
    (result,) = await run([spec], memory, **settings)
    assert [item[0] for item in memory.wrote] == [function]
    assert (result.state, result.read_back, result.error) == (WriteState.WRITTEN, spec[2], None)


async def test_pdus_of_the_specification() -> None:
    """The examples of sections 6.5, 6.6, 6.11 and 6.12; 6.16 with bits that are one tag each."""
    sent: list[bytes] = []
    memory = Memory(faults=sent.append)
    await run([("00173", "bool", True)], memory)
    await run([("40002", "uint16", 3)], memory)
    coils = [("CO:%d" % (19 + i), "bool", bool(0x1CD >> i & 1)) for i in range(10)]  # noqa: UP031
    await run(coils, memory)
    await run([("HR:1", "uint16", 10), ("HR:2", "uint16", 0x102)], memory)
    await run([("HR:4.0", "bool", True), ("HR:4.2", "bool", True)], memory, mask_write=True)
    assert [pdu.hex() for pdu in sent if pdu[0] > 4] == [
        "0500acff00",
        "0600010003",
        "0f0013000a02cd01",
        "1000010002" + "04" + "000a0102",
        "160004fffa0005",
    ]


# --- merging ----------------------------------------------------------------------------------


async def test_a_hundred_registers_take_a_handful_of_requests() -> None:
    memory = Memory()
    specs = [(f"HR:{i}", "int16", i - 50) for i in range(100)]
    results = await run(specs, memory)
    assert memory.asked == [(16, 0, 100), (3, 0, 100)]
    assert [result.read_back for result in results] == list(range(-50, 50))
    assert memory.registers[:100] == [(i - 50) % 65536 for i in range(100)]

    memory = Memory()
    floats = [(f"HR:{2 * i}@CDAB", "float32", i / 4) for i in range(100)]
    results = await run(floats[::-1], memory)
    assert memory.asked == [(16, 122, 78), (16, 0, 122), (3, 0, 124), (3, 124, 76)]
    assert [result.read_back for result in results] == [i / 4 for i in range(99, -1, -1)]


async def test_limits_of_a_request() -> None:
    memory = Memory()
    await run([(f"HR:{i}", "int16", 1) for i in range(130)], memory)
    await run([(f"HR:{i}", "int16", 1) for i in range(25)], memory, max_block=10)
    assert memory.wrote == [(16, 0, 123), (16, 123, 7), (16, 0, 10), (16, 10, 10), (16, 20, 5)]
    memory = Memory()
    results = await run([(f"CO:{i}", "bool", i % 3 == 0) for i in range(2000)], memory)
    assert memory.wrote == [(15, 0, 1968), (15, 1968, 32)]
    assert [result.read_back for result in results] == [i % 3 == 0 for i in range(2000)]


async def test_nothing_between_is_written() -> None:
    memory = Memory(registers=[7] * 65536)
    await run([("HR:0", "int16", 1), ("HR:2", "int16", 2), ("IR:1", "int16", 3)], memory)
    assert memory.wrote == [(6, 0, 1), (6, 2, 1)]
    assert memory.registers[:4] == [1, 7, 2, 7]


async def test_requests_go_out_in_the_order_of_the_caller() -> None:
    """First the recipe, then the coil that starts it; and the other way round when asked so."""
    recipe, start = [("HR:4", "int16", 4), ("HR:5", "int16", 5)], [("CO:0", "bool", True)]
    memory = Memory()
    await run(recipe + start, memory)
    assert [item[0] for item in memory.wrote] == [16, 5]
    memory = Memory()
    await run(start + recipe, memory)
    assert [item[0] for item in memory.wrote] == [5, 16]


async def test_of_overlapping_values_the_later_one_stays() -> None:
    memory = Memory()
    specs = [("HR:0", "uint32", 0x11112222), ("CO:0", "bool", True), ("HR:1", "int16", 5)]
    results = await run([*specs, ("CO:0", "bool", False)], memory)
    assert memory.registers[:2] == [0x1111, 5]
    assert memory.coils[0] == 0
    assert [item[:2] for item in memory.wrote] == [(16, 0), (5, 0), (6, 1), (5, 0)]
    assert [result.read_back for result in results] == [0x1111_0005, False, 5, False]


# --- bits of a register -----------------------------------------------------------------------


@pytest.mark.parametrize("mask_write", [True, False])
async def test_the_other_bits_stay(mask_write: bool) -> None:
    memory = Memory(registers=[0b1010_1010_1010_1010] * 65536)
    specs = [
        ("HR:0.0", "bool", True),
        ("HR:0.15", "bool", False),
        ("HR:1.0@BA", "bool", True),  # bit 8 of the register
        ("HR:2", "uint8", 0xFF),
        ("HR:3@BA", "int8", 0),
    ]
    results = await run(specs, memory, mask_write=mask_write)
    assert memory.registers[:5] == [0x2AAB, 0xABAA, 0xAAFF, 0x00AA, 0xAAAA]
    assert [result.read_back for result in results] == [spec[2] for spec in specs]
    expected = [(22, 0, 1), (22, 1, 1), (22, 2, 1), (22, 3, 1)] if mask_write else [(16, 0, 4)]
    assert memory.wrote == expected
    assert len(memory.read) == (1 if mask_write else 2)  # one of them before


async def test_the_last_byte_of_an_odd_text_is_not_its_own() -> None:
    memory = Memory(registers=[0x7777] * 65536)
    (result,) = await run([("HR:0:3", "string", "ab")], memory)
    assert memory.registers[:3] == [0x6162, 0x0077, 0x7777]
    assert result.read_back == "ab"
    assert memory.asked == [(3, 0, 2), (16, 0, 2), (3, 0, 2)]


async def test_bits_between_whole_registers_go_out_with_them() -> None:
    memory = Memory(registers=[0xF0F0] * 65536)
    specs = [("HR:0", "int16", 1), ("HR:1.0", "bool", True), ("HR:2", "int16", 3)]
    await run(specs, memory)
    assert memory.wrote == [(16, 0, 3)]
    assert memory.registers[:4] == [1, 0xF0F1, 3, 0xF0F0]


# --- properties -------------------------------------------------------------------------------


@budget(max_examples=150, deadline=None)
@given(
    st.lists(tagged(), min_size=1, max_size=20),
    st.lists(st.integers(0, 2), min_size=20, max_size=20),
    st.permutations(range(20)),
    st.booleans(),
    st.sampled_from(WriteFunction),
    st.integers(10, 125),
)
async def test_what_is_written_is_read_back_and_nothing_else_changes(
    tags: list[tuple[DataType, str, Any]],
    gaps: list[int],
    order: list[int],
    mask_write: bool,
    function: WriteFunction,
    max_block: int,
) -> None:
    specs: list[tuple[str, str, Any]] = []
    at = 0
    own: set[int] = set()
    for gap, (data_type, tail, value) in zip(gaps, tags, strict=False):
        address = f"HR:{at + gap}{tail}"
        place = locate([wanted([(address, data_type.value, value)])[0].tag], PLC)[0][1]
        own |= set(range(place.start, place.end))
        at = place.end
        specs.append((address, data_type.value, value))
    mixed = [specs[i] for i in order if i < len(specs)]
    memory = Memory(registers=[0x5AA5] * 65536)
    results = await run(
        mixed, memory, mask_write=mask_write, write_function=function, max_block=max_block
    )
    assert states(results) == ["written"] * len(mixed)
    assert [result.read_back for result in results] == [spec[2] for spec in mixed]
    assert all(memory.registers[i] == 0x5AA5 for i in range(at + 5) if i not in own)
    assert len(memory.wrote) <= len(mixed)
    assert all(count <= min(123, max_block) for _, _, count in memory.wrote)


@budget(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("HR:{}"), st.integers(0, 6), st.just("uint16"), st.integers(0, 9)),
            st.tuples(st.just("HR:{}"), st.integers(0, 5), st.just("uint32"), st.integers(0, 9)),
            st.tuples(st.just("HR:{}.1"), st.integers(0, 6), st.just("bool"), st.booleans()),
            st.tuples(st.just("CO:{}"), st.integers(0, 4), st.just("bool"), st.booleans()),
        ),
        max_size=15,
    ),
    st.booleans(),
)
async def test_overlapping_values_leave_the_memory_as_if_written_one_by_one(
    items: list[tuple[str, int, str, Any]], mask_write: bool
) -> None:
    specs = [(form.format(at), kind, value) for form, at, kind, value in items]
    together, single = Memory(), Memory()
    await run(specs, together, mask_write=mask_write)
    for spec in specs:
        await run([spec], single, mask_write=mask_write)
    assert together.registers == single.registers
    assert together.coils == single.coils


async def test_a_nan_can_be_written() -> None:
    (result,) = await run([("HR:0@DCBA", "float64", math.nan)], Memory())
    assert result.state is WriteState.WRITTEN
    assert isinstance(result.read_back, float)
    assert math.isnan(result.read_back)


async def test_a_hundred_writes_cost_little() -> None:
    specs = [(f"HR:{2 * i}", "float32", float(i)) for i in range(100)]
    writes = wanted(specs)
    places, _ = locate([one.tag for one in writes], PLC)
    memory = Memory()
    start = time.process_time()
    for _ in range(10):
        await write(writes, places, PLC, memory.exchange)
    assert (time.process_time() - start) / 10 < 0.05  # of 100 ms that a call may take; measured 3
