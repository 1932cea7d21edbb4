"""The table of S7 types, the data type of an address, arrays, and what each family has."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.addresses import check_tags, expand
from schemas.addresses.s7 import S7_TYPES, data_type_of, element, parse
from schemas.addresses.s7_types import PLAIN_TYPES, Form
from schemas.config.devices import TagConfig
from schemas.config.s7 import S7Config, S7Connection, S7Family, Tsaps
from schemas.errors import AddressError
from schemas.kinds import DataType

SETTINGS = S7Config(host="cpu")


def tag(address: str, data_type: DataType) -> TagConfig:
    return TagConfig(name="t", address=address, data_type=data_type)


@pytest.mark.parametrize("name", sorted(set(S7_TYPES) - {"BCD", "TIMER", "COUNTER"}))
def test_every_type_is_an_address_of_its_size(name: str) -> None:
    kind = S7_TYPES[name]
    address = "DB1.10.0:BOOL" if name == "BOOL" else f"DB1.10:{name}"
    assert data_type_of(address) is kind.data_type
    assert parse(address, kind.data_type).size_bytes == kind.size_bytes
    for data_type in DataType:
        if not kind.fits(data_type):
            with pytest.raises(AddressError) as caught:
                parse(address, data_type)
            assert str(kind.data_type) in caught.value.hint


def test_a_number_has_room_in_its_data_type() -> None:
    """A type with fewer bytes than its data type is widened, one with more would be cut."""
    sizes = {kind: PLAIN_TYPES[kind].bits for kind in PLAIN_TYPES}
    for name, kind in S7_TYPES.items():
        if kind.data_type is not DataType.STRING:
            assert kind.bits <= sizes[kind.data_type], name
            assert all(kind.bits <= sizes[other] for other in kind.also), name
        assert kind.even == (kind.bits > 8), name


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("DB1.10:REAL", DataType.FLOAT32),
        ("DB1.10:real[5]", DataType.FLOAT32),
        ("DB1.10:STRING[5]", DataType.STRING),
        ("DB1.10:STRING[5][3]", DataType.STRING),
        ("DB1.10:30", DataType.STRING),
        ("M0.3", DataType.BOOL),
        ("DB1.DBX0.3[8]", DataType.BOOL),
        ("DB1.10:S5TIME", DataType.INT32),
        ("T5", DataType.INT32),
        ("C5", DataType.UINT16),
        ("MW20", None),
        ("DB1.10", None),
        ("DB1.10:FOO", None),
        ("HR:0", None),
    ],
)
def test_the_data_type_of_an_address(address: str, expected: DataType | None) -> None:
    assert data_type_of(address) is expected


@pytest.mark.parametrize(
    ("address", "data_type", "index", "expected"),
    [
        ("DB1.DBD10", DataType.FLOAT32, 2, "DB1.DBD18"),
        ("db1.10:real", DataType.FLOAT32, 2, "DB1.18:REAL"),
        ("%MW20", DataType.INT16, 3, "%MW26"),
        ("DB1.DBX0.6", DataType.BOOL, 3, "DB1.DBX1.1"),
        ("I1.0", DataType.BOOL, 16, "I3.0"),
        ("DB1.3:CHAR", DataType.STRING, 5, "DB1.8:CHAR"),
        ("DB1.0:STRING[30]", DataType.STRING, 1, "DB1.32:STRING[30]"),
        ("DB1.0:STRING[31]", DataType.STRING, 1, "DB1.34:STRING[31]"),
        ("DB1.0:31", DataType.STRING, 2, "DB1.68:31"),
        ("DB1.0:WSTRING[3]", DataType.STRING, 2, "DB1.20:WSTRING[3]"),
        ("DB1.0:DTL", DataType.STRING, 2, "DB1.24:DTL"),
        ("DB1.0:S5TIME", DataType.INT32, 2, "DB1.4:S5TIME"),
        ("T5", DataType.INT32, 2, "T7"),
        ("V10.7", DataType.BOOL, 1, "V11.0"),
    ],
)
def test_elements(address: str, data_type: DataType, index: int, expected: str) -> None:
    assert element(address, data_type, index) == expected


@settings(deadline=None)
@given(st.text(max_size=12), st.sampled_from(DataType), st.integers(0, 100))
def test_no_text_breaks_these_functions(text: str, data_type: DataType, index: int) -> None:
    data_type_of(text)
    with suppress(AddressError):
        element(text, data_type, index)


def test_arrays_expand() -> None:
    found = expand([tag("DB1.10:STRING[20][3]", DataType.STRING)], SETTINGS)
    assert [t.address for t in found] == [f"DB1.{at}:STRING[20]" for at in (10, 32, 54)]
    found = expand([tag("DB1.DBX0.6[4]", DataType.BOOL)], SETTINGS)
    assert [t.address for t in found] == ["DB1.DBX0.6", "DB1.DBX0.7", "DB1.DBX1.0", "DB1.DBX1.1"]
    assert [t.name for t in found] == ["t[0]", "t[1]", "t[2]", "t[3]"]
    with pytest.raises(AddressError, match="65536"):
        expand([tag("DB1.DBD65528[3]", DataType.FLOAT32)], SETTINGS)


@pytest.mark.parametrize(
    ("family", "address", "data_type", "message"),
    [
        (S7Family.LOGO, "VW10", DataType.INT16, ""),
        (S7Family.LOGO, "DB1.DBW10", DataType.INT16, ""),
        (S7Family.LOGO, "DB2.DBW10", DataType.INT16, "only DB1"),
        (S7Family.LOGO, "C1", DataType.UINT16, "no S5 timers"),
        (S7Family.S7_200_SMART, "V10.3", DataType.BOOL, ""),
        (S7Family.S7_200_SMART, "T1", DataType.INT32, "no S5 timers"),
        (S7Family.S7_1200, "T1", DataType.INT32, "no S5 timers"),
        (S7Family.S7_1500, "T1", DataType.INT32, ""),
        (S7Family.S7_300, "T1", DataType.INT32, ""),
        (S7Family.S7_300, "VW10", DataType.INT16, "no V memory"),
    ],
)
def test_what_a_family_has(
    family: S7Family, address: str, data_type: DataType, message: str
) -> None:
    problems = check_tags([tag(address, data_type)], S7Config(host="cpu", family=family))
    assert [message in problem.message for problem in problems] == ([True] if message else [])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (0x0100, 0x0101)),
        ({"family": S7Family.S7_1200}, (0x0100, 0x0101)),
        ({"family": S7Family.S7_300}, (0x0100, 0x0102)),
        ({"family": S7Family.S7_400}, (0x0100, 0x0103)),
        ({"family": S7Family.S7_400, "rack": 1, "slot": 4}, (0x0100, 0x0124)),
        ({"slot": 0}, (0x0100, 0x0100)),
        ({"connection_type": S7Connection.OP}, (0x0100, 0x0201)),
        ({"connection_type": S7Connection.BASIC, "rack": 2}, (0x0100, 0x0341)),
        ({"family": S7Family.LOGO}, (0x1000, 0x2000)),
        ({"family": S7Family.S7_200_SMART}, (0x1000, 0x0300)),
        ({"family": S7Family.S7_200_SMART, "rack": 0, "slot": 1}, (0x0100, 0x0101)),
        ({"family": S7Family.LOGO, "remote_tsap": "02.00"}, (0x1000, 0x0200)),
        ({"local_tsap": "4D57", "remote_tsap": "4d.58", "slot": 3}, (0x4D57, 0x4D58)),
    ],
)
def test_tsaps_by_family(fields: dict[str, object], expected: tuple[int, int]) -> None:
    assert S7Config.model_validate({"host": "cpu", **fields}).tsaps == Tsaps(*expected)


def test_the_forms_are_those_of_the_table() -> None:
    assert {kind.form for kind in S7_TYPES.values()} == set(Form)
