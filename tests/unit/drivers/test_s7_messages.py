"""Requests as python-snap7 builds them, and answers of all shapes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snap7.datatypes import S7Area, S7WordLen
from snap7.s7protocol import S7Protocol

from spoke.drivers.s7.addresses import AREA_CODE, Area
from spoke.drivers.s7.messages import (
    MalformedError,
    Request,
    answer_of,
    read_request,
    reference_of,
    write_request,
)

AREAS = st.sampled_from([Area.DB, Area.M, Area.I, Area.Q])
NUMBERED = {Area.T: S7WordLen.TIMER, Area.C: S7WordLen.COUNTER}


def message(request: Request, reference: int = 1) -> bytes:
    """The S7 message; TPKT and DT in front of it are checked here."""
    packet = request.head + reference.to_bytes(2, "big") + request.tail
    assert packet[:7] == struct.pack(">BBH", 3, 0, len(packet)) + b"\x02\xf0\x80"
    return packet[7:]


@settings(deadline=None)
@given(AREAS, st.integers(0, 65535), st.integers(0, 65535), st.integers(1, 900))
def test_reads_of_bytes(area: Area, db: int, start: int, size: int) -> None:
    db = db if area is Area.DB else 0
    expected = S7Protocol().build_read_request(
        S7Area(AREA_CODE[area]), db, start, S7WordLen.BYTE, size
    )
    assert message(read_request(area, db, start, size)) == expected


@settings(deadline=None)
@given(st.sampled_from(sorted(NUMBERED)), st.integers(0, 2047), st.integers(1, 200))
def test_reads_of_timers_and_counters(area: Area, number: int, count: int) -> None:
    expected = S7Protocol().build_read_request(
        S7Area(AREA_CODE[area]), 0, number, NUMBERED[area], count
    )
    assert message(read_request(area, 0, 2 * number, 2 * count)) == expected


@settings(deadline=None)
@given(AREAS, st.integers(0, 65535), st.integers(0, 65535), st.binary(min_size=1, max_size=200))
def test_writes_of_bytes(area: Area, db: int, start: int, data: bytes) -> None:
    db = db if area is Area.DB else 0
    expected = S7Protocol().build_write_request(
        S7Area(AREA_CODE[area]), db, start, S7WordLen.BYTE, data
    )
    assert message(write_request(area, db, start, data)) == expected


def test_a_write_of_one_bit() -> None:
    """Item type BIT with the bit in the address, transport size BIT, length 1."""
    found = message(write_request(Area.DB, 5, 10, b"\x01", bit=3))
    assert found.hex(" ") == (
        "32 01 00 00 00 01 00 0e 00 05 05 01 12 0a 10 01 00 01 00 05 84 00 00 53 00 03 00 01 01"
    )


def test_a_write_of_a_timer() -> None:
    found = message(write_request(Area.T, 0, 10, b"\x21\x27"))
    assert found[12:].hex(" ") == "12 0a 10 1d 00 01 00 00 1d 00 00 05 00 09 00 02 21 27"


READ = read_request(Area.DB, 1, 0, 4)
GOOD = "32 03 0000 0007 0002 0008 0000 0401 ff 04 0020 01020304"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (GOOD, b"\1\2\3\4"),
        ("32 03 0000 0007 0002 0008 0000 0401 ff 09 0004 01020304", b"\1\2\3\4"),  # in bytes
        ("32 03 0000 0007 0002 0008 0000 0401 ff 05 0020 01020304", b"\1\2\3\4"),
        ("32 03 0000 0007 0002 0004 0000 0401 0a 00 0000", 0x0A),
        ("32 03 0000 0007 0002 0001 0000 0401 05", 0x05),
        ("32 03 0000 0007 0002 0004 0000 0401 0a 00 0004", 0x0A),  # a length without data
        ("32 02 0000 0007 0000 0000 8104", 0x8104),
        ("32 03 0000 0007 0000 0000 8500", 0x8500),
    ],
)
def test_answers(answer: str, expected: bytes | int) -> None:
    for around in (b"", b"xx"):  # in the middle of other bytes, too
        data = around + bytes.fromhex(answer) + around
        start, end = len(around), len(data) - len(around)
        assert reference_of(data, start, end) == 7
        assert answer_of(READ, data, start, end) == expected


def test_a_message_that_is_no_answer_has_no_reference() -> None:
    assert reference_of(bytes.fromhex("32 07 0000 0007 0002 0008 0000"), 0, 12) is None
    with pytest.raises(MalformedError):
        reference_of(b"GET / HTTP/1.1", 0, 14)


@settings(deadline=None)
@given(st.integers(0, 21))
def test_an_answer_that_is_cut_is_told(length: int) -> None:
    data = bytes.fromhex(GOOD)[:length]
    with pytest.raises(MalformedError):
        answer_of(READ, data, 0, length)


@settings(deadline=None)
@given(st.binary(min_size=8, max_size=60))
def test_no_bytes_break_it(data: bytes) -> None:
    data = b"\x32\x03" + data
    try:
        found = answer_of(READ, data, 0, len(data))
    except MalformedError:
        return
    assert isinstance(found, int) or len(found) == 4
