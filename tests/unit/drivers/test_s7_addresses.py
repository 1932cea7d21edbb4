"""The address grammar of S7: forms, ranges, hints, overlaps."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.addresses.s7 import Area, Form, S7Address, check, parse
from schemas.addresses.s7_overlaps import overlaps
from schemas.config.devices import TagConfig
from schemas.config.drivers import S7Config
from schemas.errors import AddressError
from schemas.kinds import DataType

SETTINGS = S7Config(host="cpu")


def tag(name: str, address: str, data_type: DataType) -> TagConfig:
    return TagConfig(name=name, address=address, data_type=data_type)


@pytest.mark.parametrize(
    ("address", "data_type", "expected"),
    [
        ("DB1.DBD10", DataType.FLOAT32, S7Address(Area.DB, 1, 10, None, 4)),
        ("db1.dbd10", DataType.UINT32, S7Address(Area.DB, 1, 10, None, 4)),
        ("DB1.DBW10", DataType.INT16, S7Address(Area.DB, 1, 10, None, 2)),
        ("DB1.DBB10", DataType.UINT8, S7Address(Area.DB, 1, 10, None, 1)),
        ("DB1.DBX0.3", DataType.BOOL, S7Address(Area.DB, 1, 0, 3, 1)),
        ("DB1.0.3", DataType.BOOL, S7Address(Area.DB, 1, 0, 3, 1)),
        ("DB1.10", DataType.FLOAT64, S7Address(Area.DB, 1, 10, None, 8)),
        ("DB1.10", DataType.INT8, S7Address(Area.DB, 1, 10, None, 1)),
        ("MW20", DataType.INT16, S7Address(Area.M, 0, 20, None, 2)),
        ("%MD20", DataType.INT32, S7Address(Area.M, 0, 20, None, 4)),
        ("MB20", DataType.INT8, S7Address(Area.M, 0, 20, None, 1)),
        ("M20", DataType.INT64, S7Address(Area.M, 0, 20, None, 8)),
        ("M0.3", DataType.BOOL, S7Address(Area.M, 0, 0, 3, 1)),
        ("I0.0", DataType.BOOL, S7Address(Area.I, 0, 0, 0, 1)),
        ("E0.0", DataType.BOOL, S7Address(Area.I, 0, 0, 0, 1)),
        ("IW0", DataType.UINT16, S7Address(Area.I, 0, 0, None, 2)),
        ("Q0.0", DataType.BOOL, S7Address(Area.Q, 0, 0, 0, 1)),
        ("A0.7", DataType.BOOL, S7Address(Area.Q, 0, 0, 7, 1)),
        ("QW2", DataType.UINT16, S7Address(Area.Q, 0, 2, None, 2)),
        ("DB1.20:30", DataType.STRING, S7Address(Area.DB, 1, 20, None, 32, 30, Form.STRING)),
        ("DB1.DBB20:30", DataType.STRING, S7Address(Area.DB, 1, 20, None, 32, 30, Form.STRING)),
        ("DB1.DBB20", DataType.STRING, S7Address(Area.DB, 1, 20, None, 256, 254, Form.STRING)),
        ("DB1.10:REAL", DataType.FLOAT32, S7Address(Area.DB, 1, 10, None, 4)),
        ("DB1.DBD10:REAL", DataType.FLOAT32, S7Address(Area.DB, 1, 10, None, 4)),
        ("DB1.10.3:BOOL", DataType.BOOL, S7Address(Area.DB, 1, 10, 3, 1)),
        ("m10:int", DataType.INT16, S7Address(Area.M, 0, 10, None, 2)),
        ("MW10:BCD", DataType.BCD16, S7Address(Area.M, 0, 10, None, 2, 0, Form.BCD16)),
        ("MD10:BCD", DataType.BCD32, S7Address(Area.M, 0, 10, None, 4, 0, Form.BCD32)),
        ("MW10", DataType.BCD16, S7Address(Area.M, 0, 10, None, 2, 0, Form.BCD16)),
        ("DB1.4:S5TIME", DataType.INT32, S7Address(Area.DB, 1, 4, None, 2, 0, Form.S5TIME)),
        ("DB1.DBD4:TOD", DataType.UINT32, S7Address(Area.DB, 1, 4, None, 4, 0, Form.TOD)),
        ("DB1.4:DATE_AND_TIME", DataType.STRING, S7Address(Area.DB, 1, 4, None, 8, 0, Form.DT)),
        ("DB1.4:DTL", DataType.STRING, S7Address(Area.DB, 1, 4, None, 12, 0, Form.DTL)),
        ("DB1.4:STRING[20]", DataType.STRING, S7Address(Area.DB, 1, 4, None, 22, 20, Form.STRING)),
        ("DB1.4:WSTRING[9]", DataType.STRING, S7Address(Area.DB, 1, 4, None, 22, 9, Form.WSTRING)),
        ("DB1.4:STRING", DataType.STRING, S7Address(Area.DB, 1, 4, None, 256, 254, Form.STRING)),
        ("T5", DataType.INT32, S7Address(Area.T, 0, 10, None, 2, 0, Form.S5TIME)),
        ("%T5", DataType.UINT32, S7Address(Area.T, 0, 10, None, 2, 0, Form.S5TIME)),
        ("C7", DataType.UINT16, S7Address(Area.C, 0, 14, None, 2, 0, Form.COUNTER)),
        ("Z7", DataType.UINT16, S7Address(Area.C, 0, 14, None, 2, 0, Form.COUNTER)),
        ("V10", DataType.UINT8, S7Address(Area.DB, 1, 10, None, 1)),
        ("VW10", DataType.INT16, S7Address(Area.DB, 1, 10, None, 2)),
        ("VD10", DataType.FLOAT32, S7Address(Area.DB, 1, 10, None, 4)),
        ("V10.3", DataType.BOOL, S7Address(Area.DB, 1, 10, 3, 1)),
        ("DB65535.DBB65535", DataType.UINT8, S7Address(Area.DB, 65535, 65535, None, 1)),
    ],
)
def test_forms(address: str, data_type: DataType, expected: S7Address) -> None:
    assert parse(address, data_type) == expected


@pytest.mark.parametrize(
    ("address", "data_type", "message", "hint"),
    [
        ("HR:0", DataType.INT16, "is not an S7 address", "DB1.DBD10"),
        ("DB1", DataType.INT16, "is not an S7 address", "DB1.DBD10"),
        ("DB1.DBD-4", DataType.INT32, "is not an S7 address", "DB1.DBD10"),
        ("DB1.DBW\u0661", DataType.INT16, "is not an S7 address", "DB1.DBD10"),
        ("DB0.DBW1", DataType.INT16, "there is no DB0", "1 to 65535"),
        ("DB65536.DBW1", DataType.INT16, "there is no DB65536", "1 to 65535"),
        ("DB1.DBD10", DataType.INT16, "4 bytes, but int16 has 2", "Write DB1.DBW10"),
        ("DB1.DBW10", DataType.FLOAT32, "2 bytes, but float32 has 4", "Write DB1.DBD10"),
        ("DB1.DBD10", DataType.FLOAT64, "4 bytes, but float64 has 8", "Write DB1.10"),
        ("MW2", DataType.UINT8, "2 bytes, but uint8 has 1", "Write MB2"),
        ("DB1.DBW4:30", DataType.STRING, "2 bytes, but string has 32", "Write DB1.4:30"),
        ("DB1.DBX0.3", DataType.INT16, "is one bit", "Choose the data type bool"),
        ("M0.3", DataType.FLOAT32, "is one bit", "write M0"),
        ("DB1.DBB3", DataType.BOOL, "names no bit", "DB1.DBX3.0"),
        ("M3", DataType.BOOL, "names no bit", "M3.0"),
        ("DB1.DBX3", DataType.BOOL, "names no bit", "DB1.DBX3.0"),
        ("M0.8", DataType.BOOL, "no bit 8", "0 to 7"),
        ("DB1.20:0", DataType.STRING, "cannot have 0 characters", "1 to 254"),
        ("DB1.20:255", DataType.STRING, "cannot have 255 characters", "1 to 254"),
        ("DB1.20:30", DataType.INT16, "has a text length", "data type string"),
        ("DB1.10:REAL", DataType.INT32, "is a REAL, but the data type", "data type float32"),
        ("DB1.10:DTL", DataType.INT64, "is a DTL, but the data type", "data type string"),
        ("DB1.10:TIME", DataType.STRING, "is a TIME, but the data type", "data type int32"),
        ("DB1.DBW10:REAL", DataType.FLOAT32, "2 bytes, but REAL has 4", "Write DB1.DBD10:REAL"),
        ("DB1.10:FLOAT", DataType.FLOAT32, "there is no S7 type FLOAT", "REAL"),
        ("DB1.10:REAL[5]", DataType.FLOAT32, "is an array", "DB1.10:REAL"),
        ("DB1.10:WSTRING[16383]", DataType.STRING, "cannot have 16383", "1 to 16382"),
        ("DB1.10", DataType.FLOAT16, "have no float16", "float32"),
        ("T5", DataType.FLOAT32, "is a TIMER, but", "data type int32"),
        ("C5", DataType.INT32, "is a COUNTER, but", "data type uint16"),
        ("T5.1", DataType.INT32, "have a number and nothing else", "Write T5"),
        ("T5:REAL", DataType.FLOAT32, "have a number and nothing else", "Write T5"),
        ("TW5", DataType.INT32, "is not an S7 address", "T5"),
        ("V10.3", DataType.BOOL, "no V memory", "LOGO!"),
        ("DB1.DBD65533", DataType.INT32, "ends at byte 65536", "65535"),
    ],
)
def test_errors_teach(address: str, data_type: DataType, message: str, hint: str) -> None:
    with pytest.raises(AddressError) as caught:
        check(tag("t", address, data_type), SETTINGS)
    assert message in caught.value.message
    assert hint in caught.value.hint


@settings(deadline=None)
@given(
    st.text(max_size=20)
    | st.from_regex(
        r"\A%?(DB\d{1,6}\.(DB[XBWD])?|[MIEQAVTCZ][BWD]?)\d{1,6}(\.\d+)?(:(\d+|[A-Z]{3,7}(\[\d\])?))?\Z"
    ),
    st.sampled_from(DataType),
)
def test_any_text_is_an_address_or_an_address_error(text: str, data_type: DataType) -> None:
    with suppress(AddressError):
        place = parse(text, data_type)
        assert 0 <= place.start_byte < place.end_byte <= 65536


def test_half_of_a_float_names_both_tags() -> None:
    tags = [
        tag("level", "DB1.DBD10", DataType.FLOAT32),
        tag("status", "DB1.DBW12", DataType.INT16),
        tag("far", "DB1.DBD14", DataType.FLOAT32),
        tag("other block", "DB2.DBW12", DataType.INT16),
    ]
    (error,) = overlaps(tags, SETTINGS)
    assert "status" in error.message
    assert "level" in error.message
    assert error.path == "tags.1.address"


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        (("DB1.DBW0", DataType.INT16), ("DB1.DBX1.7", DataType.BOOL), 0),
        (("DB1.DBX1.7", DataType.BOOL), ("DB1.DBX1.7", DataType.BOOL), 0),
        (("DB1.DBX1.7", DataType.BOOL), ("DB1.DBB1", DataType.UINT8), 0),
        (("DB1.DBD0", DataType.FLOAT32), ("DB1.DBD0", DataType.UINT32), 0),
        (("DB1.DBD0", DataType.FLOAT32), ("DB1.DBX3.0", DataType.BOOL), 1),
        (("DB1.DBD0", DataType.UINT32), ("DB1.DBW0", DataType.UINT16), 1),
        (("DB1.DBW1", DataType.INT16), ("DB1.DBW0", DataType.INT16), 1),
        (("DB1.0:30", DataType.STRING), ("DB1.DBW31", DataType.INT16), 1),
        (("DB1.0:30", DataType.STRING), ("DB1.DBW32", DataType.INT16), 0),
        (("MW0", DataType.INT16), ("IW0", DataType.INT16), 0),
        (("MW0", DataType.INT16), ("MW1", DataType.INT16), 1),
    ],
)
def test_which_overlaps_are_mistakes(
    first: tuple[str, DataType], second: tuple[str, DataType], count: int
) -> None:
    for pair in ((first, second), (second, first)):
        tags = [tag("a", *pair[0]), tag("b", *pair[1])]
        assert len(overlaps(tags, SETTINGS)) == count


SIZES = {1: DataType.UINT8, 2: DataType.INT16, 4: DataType.FLOAT32, 8: DataType.FLOAT64}


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from(sorted(SIZES))), max_size=12))
def test_overlaps_agree_with_comparing_all_pairs(places: list[tuple[int, int]]) -> None:
    tags = [tag(f"t{i}", f"DB1.{at}", SIZES[size]) for i, (at, size) in enumerate(places)]
    partial = any(
        a != b and a[0] < b[0] + b[1] and b[0] < a[0] + a[1] for a in places for b in places
    )
    assert bool(overlaps(tags, SETTINGS)) == partial


def test_ten_thousand_tags_are_compared_quickly() -> None:
    tags = [
        tag(f"t{i}", f"DB{i % 7 + 1}.DBD{4 * (i // 7)}", DataType.FLOAT32) for i in range(10_000)
    ]
    started = time.process_time()
    assert overlaps(tags, SETTINGS) == []
    assert time.process_time() - started < 2
