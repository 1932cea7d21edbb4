"""Modbus addresses: `40001`, `HR:0`, `HR:10.3` (a bit), `HR:100:20` (a text of 20 characters).

The number forms follow the Modicon convention (first digit 0 coil, 1 discrete input, 3 input
register, 4 holding register; then the number, counted from 1). The prefixed forms are the numbers
on the wire, counted from 0.
Source: *MODBUS Application Protocol Specification V1.1b3*, sections 4.3 and 4.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from schemas.config.devices import TagConfig
from schemas.config.drivers import ModbusConfig
from schemas.errors import AddressError, ConfigError
from schemas.kinds import DataType, Kind

LAST = 65535
MAX_CHARACTERS = 250
"""125 registers, the most that one request reads."""


class Table(StrEnum):
    """The four tables of a Modbus device, by the prefix of their addresses."""

    COIL = "CO"
    DISCRETE_INPUT = "DI"
    INPUT_REGISTER = "IR"
    HOLDING_REGISTER = "HR"

    @property
    def words(self) -> str:
        return self.name.lower().replace("_", " ")

    @property
    def of_bits(self) -> bool:
        return self in (Table.COIL, Table.DISCRETE_INPUT)


@dataclass(frozen=True, slots=True)
class ModbusAddress:
    """Where a value lies: `count` registers (or one bit of a bit table) of `table` from `start`."""

    table: Table
    start: int
    count: int
    bit: int | None = None
    """Bit of the register, 0 is the lowest; None for a whole value."""
    length: int = 0
    """Characters of a text, else 0."""

    @property
    def end(self) -> int:
        """One past the last register or bit."""
        return self.start + self.count

    @property
    def words(self) -> str:
        """For messages: `holding registers 10 to 11`."""
        if self.count == 1:
            return f"{self.table.words} {self.start}"
        return f"{self.table.words}s {self.start} to {self.end - 1}"


_TABLE_OF_DIGIT = {
    "0": Table.COIL,
    "1": Table.DISCRETE_INPUT,
    "3": Table.INPUT_REGISTER,
    "4": Table.HOLDING_REGISTER,
}
_REGISTERS = {
    DataType.INT32: 2,
    DataType.UINT32: 2,
    DataType.FLOAT32: 2,
    DataType.INT64: 4,
    DataType.UINT64: 4,
    DataType.FLOAT64: 4,
}
_FORM = re.compile(
    r"(?:(?P<table>HR|IR|CO|DI):(?P<offset>0X[0-9A-F]{1,8}|[0-9]{1,8})"
    r"|(?P<digit>[0134])(?P<number>[0-9]{4,5}))"
    r"(?:\.(?P<bit>[0-9]{1,3}))?(?::(?P<length>[0-9]{1,5}))?",
    re.ASCII,
)


def parse(address: str, data_type: DataType, settings: ModbusConfig) -> ModbusAddress:
    """The place of a value of this type. Raises AddressError with a hint of what to write."""
    match = _FORM.fullmatch(address.strip().upper())
    if match is None:
        raise AddressError(
            f"{address!r} is not a Modbus address.",
            hint="Write HR:0, IR:0, CO:0 or DI:0 (counted from 0), 40001 or 400001 (counted from "
            "1), HR:10.3 for a bit of a register, HR:100:20 for a text of 20 characters.",
        )
    table, start = _place(match, address, settings)
    bit, length = match["bit"], match["length"]
    if table.of_bits:
        suffix = bit is not None or length is not None
        _check_bit_table(address, f"{table}:{start}", table, data_type, suffix)
    else:
        _check_register(address, f"{table}:{start}", data_type, bit, length)
    count = 1 if table.of_bits else _registers(data_type, length)
    found = ModbusAddress(table, start, count, None if bit is None else int(bit), int(length or 0))
    _check_range(address, found, settings)
    return found


def check(tag: TagConfig, settings: ModbusConfig) -> None:
    """Raise AddressError when the tag's address is wrong for its type or these settings."""
    parse(tag.address, tag.data_type, settings)


def overlaps(tags: Sequence[TagConfig], settings: ModbusConfig) -> list[ConfigError]:
    """One error for each tag whose registers lie partly on another's; O(n log n).

    Equal places are fine, and so are bits of a register that is, or is part of, an integer. Tags
    whose own address is wrong are passed over. Paths are `tags.<position in tags>.address`.
    """
    found: list[ConfigError] = []
    for table in Table:
        found += _sweep(tags, sorted(_placed(tags, table, settings), key=_sweep_order))
    return found


_Placed = tuple[int, ModbusAddress]


def _placed(tags: Sequence[TagConfig], table: Table, settings: ModbusConfig) -> Iterator[_Placed]:
    for index, tag in enumerate(tags):
        try:
            place = parse(tag.address, tag.data_type, settings)
        except AddressError:
            continue
        if place.table is table:
            yield index, place


def _sweep_order(item: _Placed) -> tuple[int, int, bool]:
    """By start; of those the longest first, whole values before bits."""
    return item[1].start, -item[1].end, item[1].bit is not None


def _sweep(tags: Sequence[TagConfig], placed: Sequence[_Placed]) -> Iterator[ConfigError]:
    """Each place against the one before it that reaches furthest; twins share the verdict."""
    furthest: _Placed | None = None  # of all whole values
    floats: _Placed | None = None  # of those in which a bit has no meaning
    across: _Placed | None = None  # the furthest one before `spot`
    spot: tuple[int, int] | None = None
    for index, place in placed:
        if place.bit is None and spot != (place.start, place.end):
            spot, across = (place.start, place.end), furthest
        other = across if place.bit is None else floats
        if other is not None and other[1].end > place.start:
            yield _overlap(tags, (index, place), other)
        if place.bit is not None:
            continue
        furthest = _further(furthest, (index, place))
        if tags[index].data_type.kind in (Kind.FLOAT, Kind.TEXT):
            floats = _further(floats, (index, place))


def _further(one: _Placed | None, other: _Placed) -> _Placed:
    return other if one is None or other[1].end > one[1].end else one


def _overlap(tags: Sequence[TagConfig], one: _Placed, other: _Placed) -> ConfigError:
    name, name_of_other = tags[one[0]].name, tags[other[0]].name
    what = one[1].words if one[1].bit is None else f"bit {one[1].bit} of {one[1].words}"
    return ConfigError(
        f"{name}: {what} lies across {name_of_other}, which has {other[1].words}.",
        hint=f"Correct the address or the data type of {name} or {name_of_other}; one of them "
        "would read half of the other's value.",
        path=f"tags.{one[0]}.address",
    )


def _place(match: re.Match[str], address: str, settings: ModbusConfig) -> tuple[Table, int]:
    if match["table"]:
        return Table(match["table"]), int(match["offset"], 0 if "X" in match["offset"] else 10)
    table, number = _TABLE_OF_DIGIT[match["digit"]], int(match["number"])
    if settings.zero_based:
        return table, number
    if number == 0:
        raise AddressError(
            f"{address!r}: there is no number 0, because these addresses count from 1.",
            hint=f"Write {table}:0 or {match['digit']}{1:0{len(match['number'])}} for the first "
            f"{table.words}, or switch on 'Addresses count from 0' for this device.",
        )
    return table, number - 1


def _check_bit_table(
    address: str, here: str, table: Table, data_type: DataType, suffix: bool
) -> None:
    if data_type is not DataType.BOOL:
        raise AddressError(
            f"{address!r}: a {table.words} is one bit and cannot hold a {data_type}.",
            hint="Choose the data type bool, or a register such as HR:0.",
        )
    if suffix:
        raise AddressError(
            f"{address!r}: a {table.words} has no bits or characters of its own.",
            hint=f"Write {here}.",
        )


def _check_register(
    address: str, here: str, data_type: DataType, bit: str | None, length: str | None
) -> None:
    """Bit and length must fit the data type; `here` is the plain address of the register."""
    problem = hint = ""
    if data_type is DataType.BOOL:
        if bit is None or length is not None or int(bit) > 15:
            problem = "a bool in a register is one of its bits, 0 to 15"
            hint = f"Write {here}.0 for the lowest bit, or a coil such as CO:0."
    elif bit is not None:
        problem = f"a bit of a register is a bool, not a {data_type}"
        hint = f"Choose the data type bool, or write {here} for the whole value."
    elif data_type is DataType.STRING:
        if length is None or not 1 <= int(length) <= MAX_CHARACTERS:
            problem = f"a string needs its number of characters, 1 to {MAX_CHARACTERS}"
            hint = f"Write {here}:20 for 20 characters, two in each register."
    elif length is not None:
        problem = f"only a string has a number of characters, not a {data_type}"
        hint = f"Choose the data type string, or write {here}."
    if problem:
        raise AddressError(f"{address!r}: {problem}.", hint=hint)


def _registers(data_type: DataType, length: str | None) -> int:
    return _REGISTERS.get(data_type, 1) if length is None else (int(length) + 1) // 2


def _check_range(address: str, place: ModbusAddress, settings: ModbusConfig) -> None:
    if place.end > LAST + 1:
        raise AddressError(
            f"{address!r}: {place.words} would be needed, but the last {place.table.words} is "
            f"{LAST}.",
            hint=f"The highest address for this type is {place.table}:{LAST + 1 - place.count}.",
        )
    if not place.table.of_bits and place.count > settings.max_block:
        raise AddressError(
            f"{address!r}: the value has {place.count} registers, but this device is read with at "
            f"most {settings.max_block} per request.",
            hint=f"Raise 'Registers per request' to {place.count} or more, or shorten the text.",
        )
