"""Columns out of registers, with pymodbus' own conversion as the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.client.mixin import ModbusClientMixin

from schemas.addresses.modbus import parse
from schemas.config.devices import ManifestDevice, ManifestTag
from schemas.config.drivers import ByteOrder, ModbusConfig
from schemas.kinds import Array, DataType
from spoke.drivers.base import Column, layouts
from spoke.drivers.modbus.addresses import locate
from spoke.drivers.modbus.codec import decode, out_of_range, simulated, text
from spoke.drivers.modbus.planner import HEAD, assemble, plan_blocks

ORACLE = ModbusClientMixin
PYMODBUS = {
    DataType.INT16: ORACLE.DATATYPE.INT16,
    DataType.UINT16: ORACLE.DATATYPE.UINT16,
    DataType.INT32: ORACLE.DATATYPE.INT32,
    DataType.UINT32: ORACLE.DATATYPE.UINT32,
    DataType.INT64: ORACLE.DATATYPE.INT64,
    DataType.UINT64: ORACLE.DATATYPE.UINT64,
    DataType.FLOAT32: ORACLE.DATATYPE.FLOAT32,
    DataType.FLOAT64: ORACLE.DATATYPE.FLOAT64,
}
WIDTH = {data_type: PYMODBUS[data_type].value[1] for data_type in PYMODBUS}


def columns_of(
    specs: list[tuple[str, DataType]], memory: dict[str, bytes], order: ByteOrder = ByteOrder.ABCD
) -> list[tuple[Column, Array, Array | None]]:
    """(column, values, out of range) of these tags; `memory` holds each table from 0 on."""
    config = ModbusConfig(host="plc", byte_order=order, max_gap=3)
    tags = tuple(
        ManifestTag(id=i + 1, name=f"t{i}", address=address, data_type=data_type)
        for i, (address, data_type) in enumerate(specs)
    )
    (group,) = layouts(ManifestDevice(id=1, name="d", connection=config, tags=tags))
    places, problems = locate(tags, config)
    assert not problems
    plan = assemble(group, places, plan_blocks(places.values(), config), config)
    payloads = [_payload(memory[block.table], block) for block in plan.blocks]
    buffer = b"".join([HEAD, *payloads])
    found = []
    for gather in plan.gathers:
        values = decode(gather, buffer)
        assert values.shape == (len(gather.column.tags),)
        assert gather.complete
        found.append((gather.column, values, out_of_range(gather, values)))
    return found


def _payload(memory: bytes, block) -> bytes:
    if not block.table.of_bits:
        return memory[2 * block.start : 2 * block.end]
    bits = memory[block.start : block.end]  # one byte per bit
    return np.packbits(np.frombuffer(bits, dtype=np.uint8), bitorder="little").tobytes()


def swap(registers: list[int]) -> list[int]:
    return [(r >> 8) | (r & 0xFF) << 8 for r in registers]


@pytest.mark.parametrize("order", ByteOrder)
@pytest.mark.parametrize("data_type", PYMODBUS)
@settings(max_examples=25)
@given(data=st.data())
def test_numbers_agree_with_pymodbus(
    data: st.DataObject, data_type: DataType, order: ByteOrder
) -> None:
    width = WIDTH[data_type]
    count = data.draw(st.integers(1, 12))
    gap = data.draw(st.integers(0, 2))  # with and without the slice in place of the gather
    size = count * (width + gap)
    registers = data.draw(st.lists(st.integers(0, 65535), min_size=size, max_size=size))
    memory = b"".join(register.to_bytes(2, "big") for register in registers)
    starts = [i * (width + gap) for i in range(count)]
    ((column, values, wrong),) = columns_of(
        [(f"HR:{start}", data_type) for start in starts], {"HR": memory}, order
    )
    assert values.dtype.str == column.wire == data_type.wire
    for i, start in enumerate(starts):
        mine = registers[start : start + width]
        swapped = width > 1 and order in (ByteOrder.BADC, ByteOrder.DCBA)
        little = order in (ByteOrder.CDAB, ByteOrder.DCBA)
        expected = ORACLE.convert_from_registers(
            swap(mine) if swapped else mine, PYMODBUS[data_type], "little" if little else "big"
        )
        if data_type is DataType.UINT64 and expected > 2**63 - 1:
            assert wrong is not None
            assert wrong[i]
            continue
        assert wrong is None or not wrong[i]
        np.testing.assert_equal(values[i].item(), expected)


@pytest.mark.parametrize("order", ByteOrder)
@pytest.mark.parametrize("data_type", PYMODBUS)
def test_simulated_is_the_other_direction(data_type: DataType, order: ByteOrder) -> None:
    for value in (0, 1, 77, 12345):
        place = parse("HR:0", data_type, ModbusConfig(host="plc", byte_order=order))
        octets = simulated(value, data_type, place)
        ((_, values, wrong),) = columns_of([("HR:0", data_type)], {"HR": octets}, order)
        assert values[0] == value
        assert wrong is None


def test_bytes_are_the_low_half_of_their_register() -> None:
    memory = bytes.fromhex("00FF 1280 007F")
    specs = [(f"HR:{i}", kind) for kind in (DataType.INT8, DataType.UINT8) for i in range(3)]
    (_, signed, _), (_, unsigned, _) = columns_of(specs, {"HR": memory})
    assert signed.tolist() == [-1, -128, 127]
    assert unsigned.tolist() == [255, 128, 127]


BITS = st.tuples(st.integers(0, 9), st.integers(0, 15))


@given(st.binary(min_size=20, max_size=20), st.lists(BITS, min_size=1, max_size=20))
def test_bits_of_registers(memory: bytes, bits: list[tuple[int, int]]) -> None:
    specs = [(f"HR:{register}.{bit}", DataType.BOOL) for register, bit in bits]
    ((_, values, _),) = columns_of(specs, {"HR": memory})
    words = [int.from_bytes(memory[2 * i : 2 * i + 2], "big") for i in range(10)]
    assert values.tolist() == [bool(words[register] >> bit & 1) for register, bit in bits]


@given(
    coils=st.binary(min_size=300, max_size=300).map(lambda raw: bytes(b & 1 for b in raw)),
    wanted=st.lists(st.integers(0, 299), min_size=1, max_size=30),
)
def test_coils_inputs_and_register_bits_in_one_column(coils: bytes, wanted: list[int]) -> None:
    specs = [(f"CO:{i}", DataType.BOOL) for i in wanted]
    specs += [(f"DI:{i}", DataType.BOOL) for i in wanted] + [("HR:0.15", DataType.BOOL)]
    memory = {"CO": coils, "DI": bytes(1 - bit for bit in coils), "HR": b"\x80\x00"}
    ((_, values, _),) = columns_of(specs, memory)
    bits = [bool(coils[i]) for i in wanted]
    assert values.tolist() == [*bits, *(not bit for bit in bits), True]


def test_uint64_and_int64_share_a_column_and_only_uint64_goes_out_of_range() -> None:
    memory = b"\xff" * 8 + b"\xff" * 8 + b"\x7f" + b"\xff" * 7
    specs = [("HR:0", DataType.INT64), ("HR:4", DataType.UINT64), ("HR:8", DataType.UINT64)]
    ((column, values, wrong),) = columns_of(specs, {"HR": memory})
    assert len(column.tags) == 3
    assert values[0] == -1
    assert values[2] == 2**63 - 1
    assert wrong is not None
    assert wrong.tolist() == [False, True, False]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20))
def test_texts_agree_with_pymodbus(words: str) -> None:
    length = max(1, len(words.encode()))
    place = parse(f"HR:0:{length}", DataType.STRING, ModbusConfig(host="plc"))
    octets = simulated(words, DataType.STRING, place)
    registers = [int.from_bytes(octets[i : i + 2], "big") for i in range(0, len(octets), 2)]
    ((_, values, _),) = columns_of([(f"HR:0:{length}", DataType.STRING)], {"HR": octets})
    assert values[0] == words
    assert values[0] == ORACLE.convert_from_registers(registers, ORACLE.DATATYPE.STRING)


def test_a_text_ends_at_zero_and_may_be_latin_1() -> None:
    assert text(b"abc\0rest") == "abc"
    assert text("Füller".encode()) == "Füller"
    assert text("Füller".encode("latin-1")) == "Füller"
    ((_, values, _),) = columns_of([("HR:0:3", DataType.STRING)], {"HR": b"abcd"})
    assert values[0] == "abc"  # the fourth byte is not its own
