"""Times, dates, BCD and texts of S7, both ways, with python-snap7's accessors as the oracle."""

from __future__ import annotations

import struct
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snap7.util import getters, setters

from schemas.addresses.s7 import S7_TYPES
from schemas.kinds import DataType
from spoke.drivers.s7.addresses import parse
from spoke.drivers.s7.values import encode
from tests.unit.drivers.test_s7_codec import decoded

LATIN = st.text(st.characters(max_codepoint=255, exclude_characters="\x00"), max_size=20)
WIDE = st.text(
    st.characters(max_codepoint=0xFFFF, exclude_characters="\x00", exclude_categories=["Cs"]),
    max_size=20,
)


def read(memory: bytes, kind: str, data_type: DataType | None = None) -> tuple[object, bool]:
    """(value, out of range) of a value at the beginning of the memory."""
    wanted = data_type or S7_TYPES[kind.split("[")[0]].data_type
    ((found),) = decoded(memory.ljust(64, b"\0"), [(f"DB1.0:{kind}", wanted)]).values()
    return found


def write(value: float | str, kind: str, data_type: DataType | None = None) -> bytes:
    wanted = data_type or S7_TYPES[kind.split("[")[0]].data_type
    return encode(value, wanted, parse(f"DB1.0:{kind}", wanted))


# --- times --------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(0, 3), st.integers(0, 999))
def test_s5time(base: int, count: int) -> None:
    memory = bytearray.fromhex(f"{base}{count:03}")
    ms, wrong = read(bytes(memory), "S5TIME")
    assert not wrong
    assert str(timedelta(milliseconds=int(str(ms)))) == getters.get_s5time(memory, 0)
    again = write(int(str(ms)), "S5TIME")
    assert read(again, "S5TIME") == (ms, False)
    assert read(bytes(memory), "S5TIME", DataType.UINT32) == (ms, False)


def test_the_irrelevant_bits_of_an_s5time() -> None:
    assert read(b"\xc1\x23", "S5TIME") == read(b"\x01\x23", "S5TIME") == (1230, False)


@pytest.mark.parametrize("memory", [b"\x0a\x00", b"\x00\xa0", b"\x00\x0f", b"\x3f\xff"])
def test_an_s5time_with_a_digit_past_nine_is_no_value(memory: bytes) -> None:
    assert read(memory, "S5TIME") == (0, True)


def test_a_timer_and_a_counter() -> None:
    assert read(b"\x21\x27", "TIMER") == (127_000, False)
    assert read(b"\x01\x27", "COUNTER") == (127, False)
    assert read(b"\x09\x99", "COUNTER") == (999, False)
    assert read(b"\x00\x9a", "COUNTER") == (0, True)
    assert write(127, "COUNTER") == b"\x01\x27"


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_time_of_day(ms: int) -> None:
    memory = ms.to_bytes(4, "big")
    try:
        expected = getters.get_tod(bytearray(memory), 0) / timedelta(milliseconds=1)
    except ValueError:
        assert read(memory, "TOD") == (0, True)
        return
    assert read(memory, "TOD") == (expected, False)
    assert write(ms, "TOD") == memory


@pytest.mark.parametrize(("ms", "good"), [(86_399_999, True), (86_400_000, False), (2**31, False)])
def test_time_of_day_at_midnight(ms: int, good: bool) -> None:
    memory = ms.to_bytes(4, "big")
    for data_type in (DataType.INT32, DataType.UINT32):
        assert read(memory, "TOD", data_type) == ((ms, False) if good else (0, True))
    memory = (ms * 1_000_000).to_bytes(8, "big")
    assert read(memory, "LTOD") == ((ms * 1_000_000, False) if good else (0, True))


@settings(deadline=None)
@given(st.integers(-(2 * 10**9), 2 * 10**9))  # the library's setter stops before the limits
def test_time(ms: int) -> None:
    memory = bytearray(4)
    setters.set_time(memory, 0, getters.get_time(bytearray(struct.pack(">i", ms)), 0))
    assert read(bytes(memory), "TIME") == (ms, False)
    assert write(ms, "TIME") == bytes(memory)


@settings(deadline=None)
@given(st.integers(-(2**63), 2**63 - 1))
def test_long_time(ns: int) -> None:
    memory = struct.pack(">q", ns)
    assert getters.get_ltime(bytearray(memory), 0) == timedelta(microseconds=ns // 1000)
    assert read(memory, "LTIME") == (ns, False)


# --- BCD ----------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.binary(min_size=4, max_size=4))
def test_bcd(memory: bytes) -> None:
    for kind, size in (("BCD16", 2), ("BCD32", 4)):
        digits = memory[:size].hex()
        good = digits.isdecimal()
        assert read(memory, kind) == ((int(digits), False) if good else (0, True))
        if good:
            assert write(int(digits), kind) == memory[:size]


# --- dates --------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.dates(date(1990, 1, 1), date(2168, 12, 31)))
def test_date(day: date) -> None:
    memory = bytearray(2)
    setters.set_date(memory, 0, day)
    assert read(bytes(memory), "DATE") == (day.isoformat(), False)
    assert write(day.isoformat(), "DATE") == bytes(memory)


@settings(deadline=None)
@given(st.datetimes(datetime(1990, 1, 1), datetime(2089, 12, 31)))  # noqa: DTZ001
def test_date_and_time(moment: datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    memory = bytearray(8)
    setters.set_dt(memory, 0, moment)
    text = moment.isoformat(timespec="milliseconds")
    assert read(bytes(memory), "DT") == (text, False)
    assert getters.get_date_time_object(bytearray(write(text, "DT")), 0) == moment
    assert write(text, "DT") == bytes(memory)


@settings(deadline=None)
@given(st.datetimes(datetime(1970, 1, 1), datetime(2262, 1, 1)))  # noqa: DTZ001
def test_long_dates(moment: datetime) -> None:
    text = moment.isoformat(timespec="microseconds") + "000"
    for kind, setter, size in (("DTL", setters.set_dtl, 12), ("LDT", setters.set_ldt, 8)):
        memory = bytearray(size)
        setter(memory, 0, moment)
        assert read(bytes(memory), kind) == (text, False)
        assert write(text, kind) == bytes(memory)


def test_nanoseconds_are_kept() -> None:
    text = "2024-05-06T07:08:09.123456789"
    assert read(write(text, "DTL"), "DTL") == (text, False)
    assert read(write(text, "LDT"), "LDT") == (text, False)


@pytest.mark.parametrize(
    ("kind", "memory"),
    [
        ("DT", "0000000000000000"),  # month 0: a value that was never set
        ("DT", "24023008090a0001"),
        ("DT", "2402300809100001"),  # 30 February
        ("DT", "2401012409100001"),
        ("DT", "240101230910a001"),
        ("DTL", "000000000000000000000000"),
        ("DTL", "07e8021e0100000000000000"),
        ("DTL", "07e8010101000000" + "3b9aca00"),  # a whole second of nanoseconds
        ("DTL", "07b1010101000000" + "00000000"),  # 1969
        ("LDT", "ffffffffffffffff"),
    ],
)
def test_a_date_that_no_calendar_has_is_no_value(kind: str, memory: str) -> None:
    assert read(bytes.fromhex(memory), kind) == ("", True)


# --- characters and texts -----------------------------------------------------------------------


@settings(deadline=None)
@given(LATIN)
def test_strings(text: str) -> None:
    memory = bytearray(30)
    setters.set_string(memory, 0, text, 20)
    assert read(bytes(memory), "STRING[20]") == (text, False)
    assert getters.get_string(bytearray(write(text, "STRING[20]").ljust(30, b"\0")), 0) == text


@settings(deadline=None)
@given(WIDE)
def test_wide_strings(text: str) -> None:
    memory = bytearray(60)
    setters.set_wstring(memory, 0, text, 20)
    assert read(bytes(memory), "WSTRING[20]") == (text, False)
    assert getters.get_wstring(bytearray(write(text, "WSTRING[20]").ljust(60, b"\0")), 0) == text


@pytest.mark.parametrize(
    ("kind", "memory", "expected"),
    [
        ("CHAR", b"\xe4", ("ä", False)),
        ("CHAR", b"\0", ("", False)),
        ("WCHAR", "Ω".encode("utf-16-be"), ("Ω", False)),
        ("WCHAR", b"\xd8\x00", ("", True)),  # half of a character
        ("WSTRING[4]", b"\0\4\0\1\xdc\x00", ("", True)),
        ("WSTRING[4]", b"\0\4\0\5" + b"\0a" * 5, ("", True)),
        ("WSTRING[4]", b"\0\x09\0\5" + b"\0a" * 5, ("", True)),
    ],
)
def test_odd_characters(kind: str, memory: bytes, expected: tuple[str, bool]) -> None:
    assert read(memory, kind) == expected


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("S5TIME", 9_991, "steps of 10"),
        ("S5TIME", 10_000_000, "steps of 10"),
        ("S5TIME", -10, "steps of 10"),
        ("TOD", 86_400_000, "0 to 86399999"),
        ("LTOD", -1, "0 to 86399999999999"),
        ("BCD16", 10_000, "0 to 9999"),
        ("COUNTER", 1000, "0 to 999"),
        ("DATE", "2024-02-30", "calendar"),
        ("DATE", "1989-12-31", "1990"),
        ("DATE", "yesterday", "2024-05-06"),
        ("DT", "2090-01-01T00:00:00", "1990 to 2089"),
        ("DTL", "1969-12-31T23:59:59", "1970"),
        ("LDT", "2262-04-12T00:00:00", "1970 to 2262"),
        ("CHAR", "ab", "at most 1 character"),
        ("CHAR", "Ω", "Latin-1"),
        ("STRING[5]", "Ω", "Latin-1"),
        ("STRING[5]", "abcdef", "at most 5"),
        ("WCHAR", "\U0001f600", "at most 1"),
        ("WSTRING[3]", "abcd", "at most 3"),
    ],
)
def test_what_does_not_fit_is_told(kind: str, value: float | str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        write(value, kind)


def test_special_and_plain_values_in_one_column() -> None:
    """Each row keeps its own reading, and one bad value does not touch its neighbours."""
    memory = bytes.fromhex("0123 00000fff fa00 05265c00 00000007")
    found = decoded(
        memory,
        [
            ("DB1.0:S5TIME", DataType.INT32),
            ("DB1.2", DataType.INT32),
            ("DB1.6:S5TIME", DataType.INT32),
            ("DB1.8:TOD", DataType.INT32),
            ("DB1.12:TIME", DataType.INT32),
        ],
    )
    assert list(found.values()) == [(1230, False), (4095, False), (0, True), (0, True), (7, False)]
