"""Absolute addresses of S7 CPUs, as TIA Portal and STEP 7 write them.

| form | meaning |
|---|---|
| `DB1.DBX0.3`, `DB1.0.3`, `M0.3`, `I0.0` or `E0.0`, `Q0.0` or `A0.0` | one bit |
| `DB1.DBB10`, `MB20`, `IB0`, `QB2` | one byte |
| `DB1.DBW10`, `MW20`, `IW0`, `QW2` | two bytes |
| `DB1.DBD10`, `MD20`, `ID0`, `QD2` | four bytes |
| `DB1.10`, `M20`, `I0`, `Q0` | as many bytes as the data type has |
| `DB1.10:REAL`, `DB1.10.3:BOOL`, `M10:S5TIME`, `DB1.DBW4:DATE` | a type of `s7_types.S7_TYPES` |
| `DB1.20:STRING[30]`, `DB1.20:30` | an S7 `STRING[30]`; without a length it has 254 |
| `DB1.60:WSTRING[30]` | the same with two bytes a character |
| `T5`, `C7` or `Z7` | an S5 timer, a counter |
| `V10.3`, `VB10`, `VW10`, `VD10` | LOGO! and S7-200 SMART: their V memory, which is DB1 |

Upper and lower case are the same, and the `%` of TIA Portal is allowed in front. `DB1.DBD10[5]` is
five tags: see `arrays.py`. Source of the forms: IEC 61131-3 section 6.5.5 (directly represented
variables) and the STEP 7 manuals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from schemas.addresses.s7_places import Area, S7Address
from schemas.addresses.s7_types import (
    MAX_STRING,
    MAX_WSTRING,
    PLAIN_TYPES,
    S7_TYPES,
    Form,
    S7Type,
    text_bytes,
)
from schemas.config.devices import TagConfig
from schemas.config.s7 import S7Config, S7Family
from schemas.errors import AddressError
from schemas.kinds import DataType

__all__ = ["S7_TYPES", "Area", "Form", "S7Address", "check", "data_type_of", "element", "parse"]

MAX_DB = 65_535
MAX_BYTES = 65_536  # a block that may be read by absolute address has at most 64 kB

_LETTER_BYTES = {"B": 1, "W": 2, "D": 4}
_AREAS = {"M": Area.M, "I": Area.I, "E": Area.I, "Q": Area.Q, "A": Area.Q}
_AREAS |= {"T": Area.T, "C": Area.C, "Z": Area.C, "V": Area.DB}
_NUMBERED = {Area.T: "TIMER", Area.C: "COUNTER"}
_TEXTS = (Form.STRING, Form.WSTRING)
_TAIL = (
    r"(?P<start>\d{1,6})(?:\.(?P<bit>\d+))?"
    r"(?::(?:(?P<length>\d+)|(?P<type>[A-Z_]\w*)(?:\[(?P<size>\d+)\])?))?"
)
_FORM = re.compile(
    r"%?(?:DB(?P<db>\d{1,6})\.(?:DB(?P<letter>[XBWD]))?"
    r"|(?P<area>[MIEQAV])(?P<area_letter>[XBWD])?"
    r"|(?P<numbered>[TCZ]))" + _TAIL,
    re.ASCII,
)
_ARRAY = re.compile(r"(.*)(?<!STRING)\[\s*\d+\s*\]", re.ASCII | re.DOTALL)
_FORMS = (
    "Write for example DB1.DBD10, DB1.DBX0.3, DB1.10:REAL, MW20, M0.3, IW0, Q0.0, T5, C7 or "
    "DB1.20:STRING[30]."
)
_WITHOUT_TIMERS = frozenset({S7Family.S7_1200, S7Family.LOGO, S7Family.S7_200_SMART})
_WITH_V = frozenset({S7Family.LOGO, S7Family.S7_200_SMART})


@dataclass(frozen=True, slots=True)
class _Written:
    """An address in its parts, not checked yet."""

    text: str
    match: re.Match[str]
    area: Area
    db: int
    letter: str
    start: int
    bit: int | None

    @property
    def length(self) -> int | None:
        """The declared length of a text."""
        found = self.match["length"] or self.match["size"]
        return None if found is None else int(found)

    @property
    def type_name(self) -> str:
        """Empty where the tag's data type decides."""
        return self.match["type"] or _NUMBERED.get(self.area, "")

    def better(self, letter: str, tail: str = "") -> str:
        """The same place in another form, for a hint."""
        if self.area is Area.DB:
            return f"DB{self.db}.{'DB' if letter else ''}{letter}{self.start}{tail}"
        return f"{self.area}{letter}{self.start}{tail}"


def parse(address: str, data_type: DataType) -> S7Address:
    """The place that an address names for a value of this type. Raises AddressError."""
    return _place(_split(address), data_type)


def check(tag: TagConfig, settings: S7Config) -> None:
    """Raises AddressError for an address that does not fit the tag's data type or the CPU."""
    written = _split(tag.address)
    _place(written, tag.data_type)
    family = settings.family
    if written.match["area"] == "V" and family not in _WITH_V:
        raise AddressError(
            f"{tag.address!r}: an {family} has no V memory.",
            hint="V is for LOGO! and S7-200 SMART. Write M for bit memory, or a data block.",
        )
    if written.area.of_words and family in _WITHOUT_TIMERS:
        raise AddressError(
            f"{tag.address!r}: this CPU, {family}, has no S5 timers and counters to read.",
            hint="Move the value into a data block or V memory in the PLC, and read it there.",
        )
    if written.area is Area.DB and written.db != 1 and family in _WITH_V:
        raise AddressError(
            f"{tag.address!r}: a {family} has only DB1, its V memory.",
            hint=f"Write V{written.start}, or DB1.",
        )


def data_type_of(address: str) -> DataType | None:
    """The data type that an address names by itself, `DB1.10:REAL` or `M0.3` or `T5`; None where
    it leaves a choice, `MW20`, or is no address. An array has the type of its elements."""
    array = _ARRAY.fullmatch(address.strip().upper())
    try:
        written = _split(array[1] if array else address)
        if written.type_name:
            return _named(written, None).data_type
    except AddressError:
        return None
    if written.match["length"] is not None:
        return DataType.STRING
    return DataType.BOOL if written.bit is not None or written.letter == "X" else None


def element(address: str, data_type: DataType, index: int) -> str:
    """The address of element `index` of an array that begins at `address`, in the same form.

    Bits follow each other bit by bit, texts begin at even bytes, and the rest has no gaps. Raises
    AddressError for an address that is none.
    """
    written = _split(address)
    place = _place(written, data_type)
    start, bit = written.start, place.bit
    if bit is not None:
        more, bit = divmod(bit + index, 8)
        start += more
    elif written.area.of_words:
        start += index
    else:
        start += index * (place.size_bytes + (place.size_bytes % 2 if place.length else 0))
    text, match = written.match.string, written.match
    tail = text[match.end("start" if bit is None else "bit") :]
    return f"{text[: match.start('start')]}{start}{'' if bit is None else f'.{bit}'}{tail}"


def _split(address: str) -> _Written:
    match = _FORM.fullmatch(address.strip().upper())
    if match is None:
        raise AddressError(f"{address!r} is not an S7 address.", hint=_FORMS)
    name = match["area"] or match["numbered"]
    area = _AREAS[name] if name else Area.DB
    db = 1 if name == "V" else int(match["db"] or 0)
    if area is Area.DB and not 1 <= db <= MAX_DB:
        raise AddressError(
            f"{address!r}: there is no DB{db} in any CPU.",
            hint=f"Data blocks count from 1 to {MAX_DB}.",
        )
    bit = None if match["bit"] is None else int(match["bit"])
    letter = match["letter"] or match["area_letter"] or ""
    return _Written(address, match, area, db, letter, int(match["start"]), bit)


def _place(written: _Written, data_type: DataType) -> S7Address:
    found = _type(written, data_type)
    length = _length(written, found.form)
    bit = _bit(written, data_type)
    size = text_bytes(found.form, length) if length else found.size_bytes
    _letter_fits(written, data_type, size, text=found.form in _TEXTS)
    start = written.start * (2 if written.area.of_words else 1)
    place = S7Address(written.area, written.db, start, bit, size, length, found.form)
    if place.end_byte > MAX_BYTES:
        raise AddressError(
            f"{written.text!r} ends at byte {place.end_byte - 1}.",
            hint=f"The last byte that an absolute address can reach is {MAX_BYTES - 1}.",
        )
    return place


def _type(written: _Written, data_type: DataType) -> S7Type:
    """The S7 type of the value. Raises AddressError when the data type does not fit it."""
    if written.type_name:
        found = _named(written, data_type)
        if not found.fits(data_type):
            raise AddressError(
                f"{written.text!r} is a {written.type_name}, but the data type is {data_type}.",
                hint=f"Choose the data type {found.data_type}.",
            )
        return found
    if written.match["length"] is not None and data_type is not DataType.STRING:
        raise AddressError(
            f"{written.text!r} has a text length, but the data type is {data_type}.",
            hint=f"Write {written.better('')}, or choose the data type string.",
        )
    plain = PLAIN_TYPES.get(data_type)
    if plain is None:
        raise AddressError(
            f"{written.text!r}: S7 CPUs have no {data_type}.",
            hint="Choose float32 for a REAL and float64 for an LREAL.",
        )
    return plain


def _named(written: _Written, data_type: DataType | None) -> S7Type:
    """The type that the address names. Raises AddressError."""
    name = written.type_name
    if written.area.of_words and (written.bit is not None or name != _NUMBERED[written.area]):
        raise AddressError(
            f"{written.text!r}: timers and counters have a number and nothing else.",
            hint=f"Write {written.better('')}.",
        )
    if name == "BCD" and data_type is DataType.BCD32:
        name = "BCD32"
    found = S7_TYPES.get(name)
    if found is None:
        raise AddressError(
            f"{written.text!r}: there is no S7 type {name}.",
            hint="Write one of " + ", ".join(S7_TYPES) + ".",
        )
    if written.match["size"] is not None and found.form not in _TEXTS:
        raise AddressError(
            f"{written.text!r} is an array and not one value.",
            hint=f"Write one element, for example {written.better('', f':{name}')}.",
        )
    return found


def _length(written: _Written, form: Form) -> int:
    """The declared length of a STRING or WSTRING; 0 for other types."""
    if form not in _TEXTS:
        return 0
    most = MAX_WSTRING if form is Form.WSTRING else MAX_STRING
    length = MAX_STRING if written.length is None else written.length
    if not 1 <= length <= most:
        raise AddressError(
            f"{written.text!r}: a {form} cannot have {length} characters.",
            hint=f"Write the declared length, 1 to {most}: {written.better('', f':{form}[30]')}.",
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


def _letter_fits(written: _Written, data_type: DataType, size: int, *, text: bool) -> None:
    """Raises AddressError when B, W or D does not have as many bytes as the value."""
    named = _LETTER_BYTES.get(written.letter)
    if named is None or named == size or (text and written.letter == "B"):
        return
    what = written.type_name or data_type
    right = {1: "B", 2: "W", 4: "D"}.get(size, "")
    tail = f":{written.type_name}" if written.type_name else ""
    better = written.better("", ":30") if text else written.better(right, tail)
    raise AddressError(
        f"{written.text!r} is {named} byte{'s' if named > 1 else ''}, but {what} has {size}.",
        hint=f"Write {better}, or choose a data type of {named} byte{'s' if named > 1 else ''}.",
    )
