"""The address grammar of S7: forms, ranges, hints, overlaps."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.addresses.s7 import Area, S7Address, check, overlaps, parse
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
        ("DB1.20:30", DataType.STRING, S7Address(Area.DB, 1, 20, None, 32, 30)),
        ("DB1.DBB20:30", DataType.STRING, S7Address(Area.DB, 1, 20, None, 32, 30)),
        ("DB1.DBB20", DataType.STRING, S7Address(Area.DB, 1, 20, None, 256, 254)),
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
        ("DB1.DBD65533", DataType.INT32, "ends at byte 65536", "65535"),
    ],
)
def test_errors_teach(address: str, data_type: DataType, message: str, hint: str) -> None:
    with pytest.raises(AddressError) as caught:
        check(tag("t", address, data_type), SETTINGS)
    assert message in caught.value.message
    assert hint in caught.value.hint


@given(
    st.text(max_size=20)
    | st.from_regex(r"\A%?(DB\d{1,6}\.(DB[XBWD])?|[MIEQA][BWD]?)\d{1,6}(\.\d+)?(:\d+)?\Z"),
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
