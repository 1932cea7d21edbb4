"""Absolute addresses of S7 CPUs, as TIA Portal and STEP 7 write them.

| form | meaning |
|---|---|
| `DB1.DBX0.3`, `DB1.0.3`, `M0.3`, `I0.0` or `E0.0`, `Q0.0` or `A0.0` | one bit |
| `DB1.DBB10`, `MB20`, `IB0`, `QB2` | one byte |
| `DB1.DBW10`, `MW20`, `IW0`, `QW2` | two bytes |
| `DB1.DBD10`, `MD20`, `ID0`, `QD2` | four bytes |
| `DB1.10`, `M20`, `I0`, `Q0` | as many bytes as the data type has |
| `DB1.20:30`, `DB1.DBB20:30` | an S7 `STRING[30]`; without a length `STRING` has 254 |

Upper and lower case are the same, and the `%` of TIA Portal is allowed in front. Source of the
forms: IEC 61131-3 section 6.5.5 (directly represented variables) and the STEP 7 manuals.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from schemas.config.devices import TagConfig
from schemas.errors import AddressError, ConfigError
from schemas.kinds import DataType, Kind


class Area(StrEnum):
    """Where a value lies in the CPU: data block, bit memory (Merker), process images."""

    DB = "DB"
    M = "M"
    I = "I"  # noqa: E741 - the CPU's own name of its input image
    Q = "Q"


@dataclass(frozen=True, slots=True, order=True)
class S7Address:
    """A place in the CPU's memory: bytes [start_byte, start_byte + size_bytes).

    `db` is 0 outside data blocks. `bit` is 0 to 7 for a bool and None otherwise. `length` is the
    declared maximum of characters of a STRING and 0 otherwise.
    """

    area: Area
    db: int
    start_byte: int
    bit: int | None
    size_bytes: int
    length: int = 0

    @property
    def end_byte(self) -> int:
        return self.start_byte + self.size_bytes


MAX_DB = 65_535
MAX_BYTES = 65_536  # a block that may be read by absolute address has at most 64 kB
MAX_STRING = 254
STRING_HEADER_BYTES = 2  # maximum length, actual length

SIZE_BYTES = {
    DataType.BOOL: 1,
    DataType.INT8: 1,
    DataType.UINT8: 1,
    DataType.INT16: 2,
    DataType.UINT16: 2,
    DataType.INT32: 4,
    DataType.UINT32: 4,
    DataType.INT64: 8,
    DataType.UINT64: 8,
    DataType.FLOAT32: 4,
    DataType.FLOAT64: 8,
}
_LETTER_BYTES = {"B": 1, "W": 2, "D": 4}
_AREAS = {"M": Area.M, "I": Area.I, "E": Area.I, "Q": Area.Q, "A": Area.Q}
_TAIL = r"(?P<start>\d{1,6})(?:\.(?P<bit>\d+))?(?::(?P<length>\d+))?"
_IN_DB = re.compile(r"DB(?P<db>\d{1,6})\.(?:DB(?P<letter>[XBWD]))?" + _TAIL, re.ASCII)
_IN_AREA = re.compile(r"(?P<area>[MIEQA])(?P<letter>[XBWD])?" + _TAIL, re.ASCII)
_FORMS = "Write for example DB1.DBD10, DB1.DBX0.3, DB1.10, MW20, M0.3, IW0, Q0.0 or DB1.20:30."


@dataclass(frozen=True, slots=True)
class _Written:
    """An address in its parts, not checked yet."""

    text: str
    area: Area
    db: int
    letter: str
    start: int
    bit: int | None
    length: int | None

    def better(self, letter: str, tail: str = "") -> str:
        """The same place in another form, for a hint."""
        if self.area is Area.DB:
            return f"DB{self.db}.{'DB' if letter else ''}{letter}{self.start}{tail}"
        return f"{self.area}{letter}{self.start}{tail}"


def parse(address: str, data_type: DataType) -> S7Address:
    """The place that an address names for a value of this type. Raises AddressError."""
    written = _split(address)
    length = _length(written, data_type)
    bit = _bit(written, data_type)
    size = SIZE_BYTES.get(data_type, STRING_HEADER_BYTES + length)
    _letter_fits(written, data_type, size)
    parsed = S7Address(written.area, written.db, written.start, bit, size, length)
    if parsed.end_byte > MAX_BYTES:
        raise AddressError(
            f"{address!r} ends at byte {parsed.end_byte - 1}.",
            hint=f"The last byte that an absolute address can reach is {MAX_BYTES - 1}.",
        )
    return parsed


def check(tag: TagConfig, _settings: Any) -> None:
    """Raises AddressError for an address that does not fit the tag's data type."""
    parse(tag.address, tag.data_type)


def overlaps(tags: Sequence[TagConfig], _settings: Any) -> list[ConfigError]:
    """One error for each tag that lies partly across another one; O(n log n).

    Equal places are two views of one value and fine; so are bits of an integer. The paths count
    in the given sequence.
    """
    placed = sorted(
        ((parse(tag.address, tag.data_type), index) for index, tag in enumerate(tags)),
        key=lambda item: (*_range(item[0])[:3], -item[0].size_bytes, item[0].bit is not None),
    )
    found = []
    reach: tuple[S7Address, int] | None = None  # of all before, the one that ends last
    for address, index in placed:
        if reach is not None and _collide(reach[0], reach[1], address, tags):
            found.append(_overlap(tags, index, reach[1]))
        if reach is None or _end(address) > _end(reach[0]):
            reach = (address, index)
    return found


def _collide(
    first: S7Address, first_index: int, second: S7Address, tags: Sequence[TagConfig]
) -> bool:
    """Whether `second`, which does not start before `first`, lies partly across it."""
    apart = _range(first)[:2] != _range(second)[:2] or second.start_byte >= first.end_byte
    if apart or _range(first) == _range(second):
        return False
    if second.bit is not None:
        return tags[first_index].data_type.kind is not Kind.INT
    return True


def _range(address: S7Address) -> tuple[Area, int, int, int]:
    return address.area, address.db, address.start_byte, address.end_byte


def _end(address: S7Address) -> tuple[Area, int, int]:
    return address.area, address.db, address.end_byte


def _overlap(tags: Sequence[TagConfig], index: int, other: int) -> ConfigError:
    mine, theirs = tags[index], tags[other]
    return ConfigError(
        f"{mine.name} ({mine.address}, {mine.data_type}) lies across part of "
        f"{theirs.name} ({theirs.address}, {theirs.data_type}).",
        hint="Compare both with the block's offsets in TIA Portal; one of them is wrong.",
        path=f"tags.{index}.address",
    )


def _split(address: str) -> _Written:
    text = address.strip().upper().removeprefix("%")
    match = _IN_DB.fullmatch(text) or _IN_AREA.fullmatch(text)
    if match is None:
        raise AddressError(f"{address!r} is not an S7 address.", hint=_FORMS)
    found = match.groupdict()
    area = _AREAS[found["area"]] if "area" in found else Area.DB
    db = int(found.get("db") or 0)
    if area is Area.DB and not 1 <= db <= MAX_DB:
        raise AddressError(
            f"{address!r}: there is no DB{db} in any CPU.",
            hint=f"Data blocks count from 1 to {MAX_DB}.",
        )
    bit = None if found["bit"] is None else int(found["bit"])
    length = None if found["length"] is None else int(found["length"])
    letter = found["letter"] or ""
    return _Written(address, area, db, letter, int(found["start"]), bit, length)


def _length(written: _Written, data_type: DataType) -> int:
    """The declared length of a STRING; 0 for other types."""
    if data_type is not DataType.STRING:
        if written.length is None:
            return 0
        raise AddressError(
            f"{written.text!r} has a text length, but the data type is {data_type}.",
            hint=f"Write {written.better('')}, or choose the data type string.",
        )
    length = MAX_STRING if written.length is None else written.length
    if not 1 <= length <= MAX_STRING:
        raise AddressError(
            f"{written.text!r}: a STRING cannot have {length} characters.",
            hint=f"Write the declared length, 1 to {MAX_STRING}: {written.better('', ':30')}.",
        )
    return length


def _bit(written: _Written, data_type: DataType) -> int | None:
    """The bit of a bool; None for other types."""
    named = written.bit is not None or written.letter == "X"
    bit_letter = "X" if written.area is Area.DB else ""
    if data_type is not DataType.BOOL:
        if not named:
            return None
        raise AddressError(
            f"{written.text!r} is one bit, but the data type is {data_type}.",
            hint=f"Choose the data type bool, or write {written.better('')}.",
        )
    if written.bit is None or written.letter not in ("", "X"):
        raise AddressError(
            f"{written.text!r} names no bit, and a bool is one bit.",
            hint=f"Write the bit, 0 to 7: {written.better(bit_letter, '.0')}.",
        )
    if written.bit > 7:
        raise AddressError(
            f"{written.text!r}: a byte has no bit {written.bit}.",
            hint="Bits count from 0 to 7; bit 8 is bit 0 of the next byte.",
        )
    return written.bit


def _letter_fits(written: _Written, data_type: DataType, size: int) -> None:
    """Raises AddressError when B, W or D does not have as many bytes as the data type."""
    named = _LETTER_BYTES.get(written.letter)
    text = data_type is DataType.STRING
    if named is None or named == size or (text and written.letter == "B"):
        return
    right = {1: "B", 2: "W", 4: "D"}.get(size, "")
    better = written.better("", ":30") if text else written.better(right)
    raise AddressError(
        f"{written.text!r} is {named} byte{'s' if named > 1 else ''}, but {data_type} has {size}.",
        hint=f"Write {better}, or choose a data type of {named} byte{'s' if named > 1 else ''}.",
    )
