"""Every data type in every byte order: golden bytes, both directions, orders mixed in a column."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from schemas.addresses.modbus import parse
from schemas.config.devices import ManifestDevice, ManifestTag
from schemas.config.drivers import ModbusConfig
from schemas.kinds import Array, DataType, Value
from spoke.drivers.base import layouts
from spoke.drivers.modbus.addresses import locate
from spoke.drivers.modbus.codec import (
    decode,
    from_registers,
    mask_of,
    out_of_range,
    simulated,
    to_registers,
)
from spoke.drivers.modbus.gathers import Gather
from spoke.drivers.modbus.planner import HEAD, assemble, plan_blocks

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
PLC = ModbusConfig(host="plc", max_gap=2)


def gathered(
    specs: Sequence[tuple[str, DataType]], memory: bytes
) -> list[tuple[Gather, Array, Array | None]]:
    """(gather, values, out of range) of each column; `memory` are the holding registers from 0."""
    tags = tuple(
        ManifestTag(id=i + 1, name=f"t{i}", address=address, data_type=data_type)
        for i, (address, data_type) in enumerate(specs)
    )
    (group,) = layouts(ManifestDevice(id=1, name="d", connection=PLC, tags=tags))
    places, problems = locate(tags, PLC)
    assert not problems
    plan = assemble(group, places, plan_blocks(places.values(), PLC), PLC)
    payloads = [memory[2 * block.start : 2 * block.end] for block in plan.blocks]
    buffer = b"".join([HEAD, *payloads])
    columns = [(gather, decode(gather, buffer)) for gather in plan.gathers]
    assert all(values.dtype == gather.column.wire for gather, values in columns)
    return [(gather, values, out_of_range(gather, values)) for gather, values in columns]


def one(address: str, data_type: DataType, memory: bytes) -> object:
    ((_, values, wrong),) = gathered([(address, data_type)], memory)
    return values.tolist()[0] if wrong is None else None


# Written by hand: where each order puts the bytes of a value that a calculator shows.
GOLDEN = [
    (DataType.FLOAT32, 123.456, {"": "42F6E979", "@ABCD": "42F6 E979", "@CDAB": "E979 42F6",
                                 "@BADC": "F642 79E9", "@DCBA": "79E9 F642"}),
    (DataType.UINT32, 0x01020304, {"@ABCD": "0102 0304", "@CDAB": "0304 0102",
                                   "@BADC": "0201 0403", "@DCBA": "0403 0201"}),
    (DataType.INT32, -2, {"@CDAB": "FFFE FFFF", "@DCBA": "FEFF FFFF"}),
    (DataType.BCD32, 12345678, {"@ABCD": "1234 5678", "@CDAB": "5678 1234",
                                "@BADC": "3412 7856", "@DCBA": "7856 3412"}),
    (DataType.INT64, 0x0102030405060708, {"@ABCD": "0102 0304 0506 0708",
                                          "@CDAB": "0708 0506 0304 0102",
                                          "@BADC": "0201 0403 0605 0807",
                                          "@DCBA": "0807 0605 0403 0201",
                                          "@GHEFCDAB": "0708 0506 0304 0102"}),
    (DataType.FLOAT64, 1.5, {"@ABCD": "3FF8 0000 0000 0000", "@DCBA": "0000 0000 0000 F83F",
                             "@CDAB": "0000 0000 0000 3FF8", "@BADC": "F83F 0000 0000 0000"}),
    (DataType.UINT64, 1, {"@ABCD": "0000 0000 0000 0001", "@DCBA": "0100 0000 0000 0000"}),
    (DataType.UINT16, 0x1234, {"": "1234", "@AB": "1234", "@BA": "3412", "@CDAB": "1234",
                               "@BADC": "3412", "@DCBA": "3412"}),
    (DataType.INT16, -2, {"": "FFFE", "@BA": "FEFF"}),
    (DataType.FLOAT16, -1.5, {"": "BE00", "@BA": "00BE"}),
    (DataType.BCD16, 1234, {"": "1234", "@BA": "3412"}),
    (DataType.INT8, -2, {"": "00FE", "@BA": "FE00"}),
    (DataType.UINT8, 200, {"": "00C8", "@BA": "C800"}),
]  # fmt: skip


@pytest.mark.parametrize(("data_type", "value", "wires"), GOLDEN)
def test_golden_bytes_in_both_directions(
    data_type: DataType, value: float, wires: dict[str, str]
) -> None:
    for suffix, wire in wires.items():
        octets = bytes.fromhex(wire)
        found = one(f"HR:0{suffix}", data_type, octets)
        assert found == pytest.approx(value, rel=1e-6)
        place = parse(f"HR:0{suffix}", data_type, PLC)
        assert to_registers(value, data_type, place) == octets
        assert from_registers(octets, data_type, place) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(
    ("suffix", "wire"),
    [(":5", "4142 4344 4500"), (":5@BA", "4241 4443 0045"), (":5@CDAB", "4142 4344 4500")],
)
def test_golden_texts(suffix: str, wire: str) -> None:
    octets = bytes.fromhex(wire)
    place = parse(f"HR:0{suffix}", DataType.STRING, PLC)
    assert one(f"HR:0{suffix}", DataType.STRING, octets) == "ABCDE"
    assert to_registers("ABCDE", DataType.STRING, place) == octets
    assert from_registers(octets, DataType.STRING, place) == "ABCDE"


def test_bits_of_a_swapped_register() -> None:
    memory = bytes.fromhex("0180")
    for bit in range(16):
        assert one(f"HR:0.{bit}", DataType.BOOL, memory) is (bit in (7, 8))
        swapped = one(f"HR:0.{bit}@BA", DataType.BOOL, memory)
        assert swapped is (bit in (0, 15))
        place = parse(f"HR:0.{bit}@BA", DataType.BOOL, PLC)
        assert from_registers(memory, DataType.BOOL, place) is swapped
        assert to_registers(True, DataType.BOOL, place) == mask_of(DataType.BOOL, place)
    assert mask_of(DataType.BOOL, parse("HR:0.3@BA", DataType.BOOL, PLC)) == b"\x08\x00"


@pytest.mark.parametrize(
    ("address", "data_type", "mask"),
    [
        ("HR:0", "float32", "FFFFFFFF"),
        ("HR:0", "int8", "00FF"),
        ("HR:0@BA", "uint8", "FF00"),
        ("HR:0.15", "bool", "8000"),
        ("HR:0:3", "string", "FFFFFF00"),
        ("HR:0:3@BA", "string", "FFFF00FF"),
        ("HR:0:4", "string", "FFFFFFFF"),
    ],
)
def test_what_is_a_values_own(address: str, data_type: str, mask: str) -> None:
    kind = DataType(data_type)
    assert mask_of(kind, parse(address, kind, PLC)) == bytes.fromhex(mask)


def numbers(data_type: DataType) -> st.SearchStrategy[Value]:
    """Values that a type holds exactly."""
    if data_type is DataType.STRING:
        return st.text(st.sampled_from("abcÄ€ 1"), max_size=6)
    if data_type is DataType.BOOL:
        return st.booleans()
    if data_type in (DataType.BCD16, DataType.BCD32):
        return st.integers(0, 10 ** (4 if data_type is DataType.BCD16 else 8) - 1)
    bits = int(data_type.value.lstrip("uintfloa"))
    if data_type.value.startswith("float"):
        return st.floats(width=bits, allow_nan=False)
    if data_type.value.startswith("u"):
        return st.integers(0, 2 ** min(bits, 63) - 1)
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@st.composite
def tagged(draw: st.DrawFn) -> tuple[DataType, str, Value]:
    data_type = draw(st.sampled_from(DataType))
    tail = {DataType.BOOL: f".{draw(st.integers(0, 15))}", DataType.STRING: ":20"}
    order = draw(st.sampled_from(["", *(f"@{order}" for order in ORDERS)]))
    return data_type, tail.get(data_type, "") + order, draw(numbers(data_type))


@budget(max_examples=200)
@given(st.lists(tagged(), min_size=1, max_size=25), st.integers(0, 2))
def test_columns_of_all_types_and_orders_hold_what_was_put_in(
    tags: list[tuple[DataType, str, Value]], gap: int
) -> None:
    """Types that share a column (float16 and float32, uint16 and bcd16) and orders are mixed."""
    specs, memory = [], b""
    for data_type, tail, value in tags:
        address = f"HR:{len(memory) // 2}{tail}"
        place = parse(address, data_type, PLC)
        octets = to_registers(value, data_type, place)
        assert from_registers(octets, data_type, place) == value
        specs.append((address, data_type))
        memory += octets + bytes(2 * gap)
    for gather, values, wrong in gathered(specs, memory):
        assert wrong is None
        assert gather.complete
        for tag, found in zip(gather.column.tags, values.tolist(), strict=True):
            assert found == tags[tag.id - 1][2]


@budget(max_examples=100)
@given(st.lists(st.integers(0, 0xFFFF_FFFF), min_size=1, max_size=20), st.sampled_from(ORDERS))
def test_bcd_is_what_its_hexadecimal_digits_say(words: list[int], order: str) -> None:
    specs, memory = [], b""
    for i, word in enumerate(words):
        specs += [(f"HR:{4 * i}@{order}", DataType.BCD32), (f"HR:{4 * i + 2}", DataType.BCD16)]
        specs += [(f"HR:{4 * i + 3}", DataType.UINT16)]
        swap = parse(specs[3 * i][0], DataType.UINT32, PLC)
        low = (word & 0xFFFF).to_bytes(2, "big")
        memory += to_registers(word, DataType.UINT32, swap) + low + low
    for gather, values, wrong in gathered(specs, memory):
        bad = np.zeros(len(values), bool) if wrong is None else wrong
        for tag, found, out in zip(gather.column.tags, values.tolist(), bad.tolist(), strict=True):
            word = words[(tag.id - 1) // 3]
            if tag.data_type is DataType.UINT16:
                assert (found, out) == (word & 0xFFFF, False)
                continue
            digits = f"{word:08x}" if tag.data_type is DataType.BCD32 else f"{word & 0xFFFF:04x}"
            assert out == (not digits.isdecimal())
            assert out or found == int(digits)


def test_float16_has_its_infinities_and_smallest_numbers() -> None:
    specs = [(f"HR:{i}", DataType.FLOAT16) for i in range(4)]
    ((_, values, _),) = gathered(specs, bytes.fromhex("7C00 FC00 0001 7E00"))
    assert values.tolist()[:2] == [math.inf, -math.inf]
    assert values[2] == 2.0**-24
    assert np.isnan(values[3])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("gap", [0, 1])
def test_one_order_is_one_gather_of_registers(order: str, gap: int) -> None:
    """The quick way stays: a slice, or registers; bytes only where bytes differ."""
    specs = [(f"HR:{(2 + gap) * i}@{order}", DataType.FLOAT32) for i in range(5)]
    ((gather, _, _),) = gathered(specs, bytes(60))
    (part,) = gather.parts
    assert not part.of_bytes
    assert isinstance(part.index, slice) == (order in ("ABCD", "DCBA") and gap == 0)


def test_mixed_orders_are_still_one_gather() -> None:
    for orders, of_bytes in ((("ABCD", "CDAB"), False), (ORDERS, True)):
        specs = [(f"HR:{2 * i}@{orders[i % len(orders)]}", DataType.FLOAT32) for i in range(12)]
        ((gather, _, _),) = gathered(specs, bytes(48))
        (part,) = gather.parts
        assert part.of_bytes == of_bytes
        assert part.where is None


@pytest.mark.parametrize("orders", [("ABCD",), ("DCBA",), ORDERS])
@pytest.mark.parametrize("data_type", ["uint8", "bcd32", "float32", "uint64"])
def test_tags_that_nobody_asks_for_read_zero(data_type: str, orders: tuple[str, ...]) -> None:
    """They are BAD by `block_of`; the values of the others are in their places."""
    kind = DataType(data_type)
    width = parse("HR:0", kind, PLC).count
    tags = tuple(
        ManifestTag(
            id=i + 1,
            name=f"t{i}",
            address=f"HR:{i * width}@{orders[i % len(orders)]}",
            data_type=kind,
        )
        for i in range(9)
    )
    (group,) = layouts(ManifestDevice(id=1, name="d", connection=PLC, tags=tags))
    places, _ = locate(tags, PLC)
    asked = {i: place for i, place in places.items() if i % 3}
    memory = b"".join(to_registers(i, kind, place) for i, place in places.items())
    blocks = plan_blocks(asked.values(), PLC)
    plan = assemble(group, places, blocks, PLC)
    payloads = [memory[2 * block.start : 2 * block.end] for block in plan.blocks]
    (gather,) = plan.gathers
    values = decode(gather, b"".join([HEAD, *payloads]))
    assert values.tolist() == [i if i % 3 else 0 for i in range(1, 10)]
    assert [number == -1 for number in gather.block_of] == [i % 3 == 0 for i in range(1, 10)]
    assert not gather.complete
    assert out_of_range(gather, values) is None


@pytest.mark.parametrize(
    ("value", "data_type", "says"),
    [
        (40_000, "int16", "does not fit"),
        (-1, "uint64", "does not fit"),
        (1e39, "float32", "does not fit"),
        (70_000.0, "float16", "does not fit"),
        (10_000, "bcd16", "more than 4 digits"),
        (-1, "bcd32", "more than 8 digits"),
        ("sixsix", "string", "6 bytes, and there is room for 4"),
        ("€€", "string", "6 bytes"),
    ],
)
def test_what_does_not_fit_is_refused(value: Value, data_type: str, says: str) -> None:
    kind = DataType(data_type)
    place = parse("HR:0:4" if kind is DataType.STRING else "HR:0", kind, PLC)
    with pytest.raises(ValueError, match=says):
        to_registers(value, kind, place)


def test_simulators_wrap_around() -> None:
    for value, data_type, wire in (
        (65_537, DataType.UINT16, "0001"),
        (40_000, DataType.INT16, "9C40"),
        (12_345, DataType.BCD16, "2345"),
        (-1, DataType.INT8, "00FF"),
    ):
        place = parse("HR:0", data_type, PLC)
        assert simulated(value, data_type, place) == bytes.fromhex(wire)
    place = parse("HR:0@DCBA", DataType.UINT32, PLC)
    assert simulated(2**32 + 0x01020304, DataType.UINT32, place) == bytes.fromhex("0403 0201")
    assert simulated("Füller", DataType.STRING, parse("HR:0:2", DataType.STRING, PLC)) == b"F\0"
