"""Values that become text: CHAR and STRING with their wide forms, dates and times of day.

A date is ISO 8601 as the PLC has it, without a zone: `2024-05-06`, `2024-05-06T07:08:09.123` (DT),
`2024-05-06T07:08:09.123456789` (DTL, LDT). Source: Siemens, *STEP 7 Professional: valid data
types*; STRING also in the STEP 7 help, "Format of the data type STRING".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from datetime import date, datetime, timedelta

from schemas.addresses.s7_types import STRING_HEADER_BYTES, WSTRING_HEADER_BYTES, Form

_LATIN = "latin-1"  # one byte, one character, for every byte
_WIDE = "utf-16-be"
_DAY_ZERO = date(1990, 1, 1)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a PLC's clock has no zone
_DTL = struct.Struct(">HBBBBBBI")
_DTL_YEARS = range(1970, 2555)
_DT_YEARS = range(1990, 2090)
_NS = 1_000_000_000
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?", re.ASCII
)


def decode_text(form: Form, data: bytes, at: int, length: int) -> str | None:
    """The text at `at`; None for bytes that are no such value. `length` as the address declares."""
    if form is Form.STRING:
        return _string(data, at, length)
    if form is Form.WSTRING:
        return _wstring(data, at, length)
    try:
        return _DECODERS[form](data, at)
    except (ValueError, OverflowError):
        return None


def encode_text(form: Form, text: str, length: int) -> bytes:
    """The bytes of a text or date. Raises ValueError, with what would fit, for one that cannot be.

    A STRING begins with its lengths; its bytes end with the last character.
    """
    if form in (Form.STRING, Form.CHAR) and not _is_latin(text):
        raise ValueError(f"made of Latin-1 characters: a {form} has one byte for each")
    if form is Form.STRING:
        body = _fitting(text.encode(_LATIN), length, 1)
        return bytes((length, len(body))) + body
    if form is Form.WSTRING:
        body = _fitting(_wide(text), length, 2)
        return struct.pack(">HH", length, len(body) // 2) + body
    if form in (Form.CHAR, Form.WCHAR):
        body = _wide(text) if form is Form.WCHAR else text.encode(_LATIN)
        width = 2 if form is Form.WCHAR else 1
        return _fitting(body, 1, width).ljust(width, b"\0")
    return _encode_date(form, text)


def _is_latin(text: str) -> bool:
    return all(ord(character) < 256 for character in text)


def _wide(text: str) -> bytes:
    return text.encode(_WIDE)  # a lone surrogate raises UnicodeEncodeError, a ValueError


def _fitting(body: bytes, length: int, width: int) -> bytes:
    if len(body) > length * width:
        raise ValueError(f"a text of at most {length} character{'s' if length > 1 else ''}")
    return body


def _string(data: bytes, at: int, declared: int) -> str | None:
    maximum, actual = data[at], data[at + 1]
    if actual > min(maximum, declared):
        return None
    body = at + STRING_HEADER_BYTES
    # A database text cannot hold NUL, and in a STRING it means nothing.
    return data[body : body + actual].decode(_LATIN).replace("\x00", "")


def _wstring(data: bytes, at: int, declared: int) -> str | None:
    maximum, actual = struct.unpack_from(">HH", data, at)
    if actual > min(maximum, declared):
        return None
    body = at + WSTRING_HEADER_BYTES
    try:
        return data[body : body + 2 * actual].decode(_WIDE).replace("\x00", "")
    except UnicodeDecodeError:
        return None


def _char(data: bytes, at: int) -> str:
    return data[at : at + 1].decode(_LATIN).replace("\x00", "")


def _wchar(data: bytes, at: int) -> str:
    return data[at : at + 2].decode(_WIDE).replace("\x00", "")


def _date(data: bytes, at: int) -> str:
    return (_DAY_ZERO + timedelta(days=int.from_bytes(data[at : at + 2], "big"))).isoformat()


def _dt(data: bytes, at: int) -> str:
    digits = data[at : at + 8].hex()[:15]  # the last nibble is the day of the week
    if not digits.isdecimal():
        raise ValueError(digits)
    year, month, day, hour, minute, second = (int(digits[i : i + 2]) for i in range(0, 12, 2))
    moment = datetime(year + (1900 if year >= 90 else 2000), month, day, hour, minute, second)  # noqa: DTZ001
    return f"{moment.isoformat()}.{digits[12:]}"


def _ldt(data: bytes, at: int) -> str:
    seconds, ns = divmod(int.from_bytes(data[at : at + 8], "big", signed=True), _NS)
    if seconds < 0:
        raise ValueError(seconds)
    return f"{(_EPOCH + timedelta(seconds=seconds)).isoformat()}.{ns:09}"


def _dtl(data: bytes, at: int) -> str:
    year, month, day, _, hour, minute, second, ns = _DTL.unpack_from(data, at)
    if year not in _DTL_YEARS or ns >= _NS:
        raise ValueError(year)
    return f"{datetime(year, month, day, hour, minute, second).isoformat()}.{ns:09}"  # noqa: DTZ001


_DECODERS: dict[Form, Callable[[bytes, int], str]] = {
    Form.CHAR: _char,
    Form.WCHAR: _wchar,
    Form.DATE: _date,
    Form.DT: _dt,
    Form.LDT: _ldt,
    Form.DTL: _dtl,
}


def _encode_date(form: Form, text: str) -> bytes:
    match = _ISO.fullmatch(text.strip())
    if match is None:
        raise ValueError("a date like 2024-05-06T07:08:09.123")
    ns = int((match[7] or "").ljust(9, "0"))
    try:
        moment = datetime(*(int(part or 0) for part in match.groups()[:6]))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError as error:
        raise ValueError("a date that the calendar has") from error
    weekday = moment.isoweekday() % 7 + 1  # Sunday is 1
    if form is Form.DATE:
        days = (moment.date() - _DAY_ZERO).days
        _check(0 <= days <= 0xFFFF, "1990-01-01 to 2169-06-06")
        return days.to_bytes(2, "big")
    if form is Form.DT:
        _check(moment.year in _DT_YEARS, "1990 to 2089")
        digits = f"{moment:%y%m%d%H%M%S}{ns // 1_000_000:03}{weekday}"
        return bytes.fromhex(digits)
    if form is Form.LDT:
        seconds = int((moment - _EPOCH).total_seconds())
        total = seconds * _NS + ns
        _check(0 <= total < 2**63, "1970 to 2262")
        return total.to_bytes(8, "big")
    _check(moment.year in _DTL_YEARS, "1970 to 2554")
    day = (moment.year, moment.month, moment.day, weekday)
    return _DTL.pack(*day, moment.hour, moment.minute, moment.second, ns)


def _check(good: bool, span: str) -> None:
    if not good:
        raise ValueError(f"a date from {span}")
