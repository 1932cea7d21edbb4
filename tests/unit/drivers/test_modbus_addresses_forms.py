"""Forms of Modbus addresses that people type, byte orders per tag, and elements of arrays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.addresses.modbus import ModbusAddress, Table, element, parse
from schemas.config.drivers import ByteOrder, ModbusConfig
from schemas.errors import AddressError
from schemas.kinds import DataType

PLC = ModbusConfig(host="plc")
SWAPPED = ModbusConfig(host="plc", byte_order=ByteOrder.DCBA)
HR, IR, CO, DI = Table.HOLDING_REGISTER, Table.INPUT_REGISTER, Table.COIL, Table.DISCRETE_INPUT


@pytest.mark.parametrize(
    ("address", "data_type", "expected"),
    [
        ("hr0", "int16", ModbusAddress(HR, 0, 1)),
        ("Hr10.3", "bool", ModbusAddress(HR, 10, 1, bit=3)),
        ("co7", "bool", ModbusAddress(CO, 7, 1)),
        ("HR0x1f", "int16", ModbusAddress(HR, 31, 1)),
        ("HR:1Fh", "int16", ModbusAddress(HR, 31, 1)),
        ("hr:0ffh", "bcd32", ModbusAddress(HR, 255, 2)),
        ("4x0001", "float16", ModbusAddress(HR, 0, 1)),
        ("4X00001", "bcd16", ModbusAddress(HR, 0, 1)),
        ("3x10", "float32", ModbusAddress(IR, 9, 2)),
        ("1x1", "bool", ModbusAddress(DI, 0, 1)),
        ("4x65536", "int16", ModbusAddress(HR, 65535, 1)),
    ],
)
def test_forms_that_people_type(address: str, data_type: str, expected: ModbusAddress) -> None:
    assert parse(address, DataType(data_type), PLC) == expected


@pytest.mark.parametrize(
    ("address", "data_type", "says", "hints"),
    [
        ("0x0001", "bool", "coil number 1 or a hexadecimal", "00001"),
        ("0x0010", "int16", "coil number 10 or a hexadecimal", "HR:0x0010"),
        ("%MW10", "int16", "another Modbus address", "Schneider: write HR:10. WAGO"),
        ("%mw10", "int16", "another Modbus address", "HR:12298"),
        ("%M3", "bool", "another Modbus address", "CO:3"),
        ("%MD10", "float32", "PLC variable", "Modbus table"),
        ("%IX0.1", "bool", "PLC variable", "HR:10"),
        ("4x0", "int16", "count from 1", "4x1"),
        ("HR:0[3]", "int16", "array", "HR:0[10]"),
        ("HR:0@", "float32", "nothing is not a byte order", "CDAB"),
        ("HR:0@ACBD", "float32", "ACBD is not a byte order", "CDAB"),
        ("HR:0@BA", "float32", "BA is not a byte order", "DCBA"),
        ("HR:0@ABCDEFGH", "float32", "ABCDEFGH is not a byte order", "DCBA"),
        ("HR:0@CBA", "int16", "not a byte order of a int16", "BA (bytes swapped)"),
        ("CO:0@BA", "bool", "byte order", "CO:0"),
    ],
)
def test_what_means_two_things_is_refused(
    address: str, data_type: str, says: str, hints: str
) -> None:
    with pytest.raises(AddressError) as caught:
        parse(address, DataType(data_type), PLC)
    assert says in caught.value.message
    assert hints in caught.value.hint


@pytest.mark.parametrize(
    ("address", "data_type", "order"),
    [
        ("HR:0", "float32", "DCBA"),  # the device's own
        ("HR:0@cdab", "float32", "CDAB"),
        ("40001@ABCD", "int64", "ABCD"),
        ("HR:0@GHEFCDAB", "int64", "CDAB"),
        ("HR:0@HGFEDCBA", "float64", "DCBA"),
        ("HR:0", "int16", "ABCD"),  # 16 bits and texts only by their own order
        ("HR:0:4", "string", "ABCD"),
        ("HR:0.3", "bool", "ABCD"),
        ("HR:0@BA", "int16", "BADC"),
        ("HR:0@AB", "bcd16", "ABCD"),
        ("HR:0@DCBA", "float16", "BADC"),
        ("HR:0@CDAB", "int16", "ABCD"),  # one register has no words to swap
        ("HR:0:4@BADC", "string", "BADC"),
        ("HR:0:4@CDAB", "string", "ABCD"),  # a text is in reading order
        ("HR:0.3@BA", "bool", "BADC"),
        ("HR:0@BA", "uint8", "BADC"),
        ("CO:0", "bool", "ABCD"),
    ],
)
def test_the_order_of_a_tag(address: str, data_type: str, order: str) -> None:
    assert parse(address, DataType(data_type), SWAPPED).order == order


@pytest.mark.parametrize(
    ("address", "data_type", "third"),
    [
        ("HR:0", "int16", "HR:2"),
        ("hr10", "float32", "HR14"),
        ("HR:0x0F", "int16", "HR:0x11"),
        ("HR:9Fh", "int16", "HR:0A1h"),
        ("40001", "float64", "40009"),
        ("49999", "int16", "410001"),
        ("400001", "bcd32", "400005"),
        ("4x0001@DCBA", "uint32", "4x0005@DCBA"),
        ("HR:10.15", "bool", "HR:11.1"),
        ("HR:100:21@BA", "string", "HR:122:21@BA"),
        ("00007", "bool", "00009"),
        ("DI:7", "bool", "DI:9"),
        ("HR:5", "uint8", "HR:7"),
    ],
)
def test_an_element_keeps_the_form(address: str, data_type: str, third: str) -> None:
    assert element(address, DataType(data_type), 2) == third


FORMS = st.sampled_from(["HR:{}", "IR{}", "HR:{:#x}", "HR:0{:X}h", "CO:{}", "4{:05}", "3x{}"])
TAILS = st.sampled_from(["", ".0", ".9", ":7", ":8", "@CDAB", "@BA", ".15@BA", ":3@BA"])


@given(FORMS, TAILS, st.integers(1, 60_000), st.sampled_from(DataType), st.integers(0, 999))
def test_elements_follow_each_other_without_holes(
    form: str, tail: str, start: int, data_type: DataType, index: int
) -> None:
    address = form.format(start) + tail
    try:
        first = parse(address, data_type, PLC)
        place = parse(element(address, data_type, index), data_type, PLC)
        after = parse(element(address, data_type, index + 1), data_type, PLC)
    except AddressError:
        return  # not an address for this type, or past the end
    assert (place.order, place.length, place.table) == (first.order, first.length, first.table)
    if first.bit is None:
        assert place.start == first.start + index * first.count
        assert after.start == place.end
    else:
        assert place.bit is not None
        assert 16 * place.start + place.bit == 16 * first.start + first.bit + index
