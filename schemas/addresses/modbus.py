"""Modbus addresses.

| form | meaning |
|---|---|
| `HR:0`, `IR:0`, `CO:0`, `DI:0`, `HR0` | the numbers on the wire, counted from 0 |
| `HR:0x1F`, `HR:1Fh` | the same, hexadecimal |
| `40001`, `400001`, `4x1` | the Modicon convention: table 0, 1, 3 or 4, then counted from 1 |
| `HR:10.3` | bit 3 of a register, 0 is the lowest |
| `HR:100:20` | a text of 20 characters |
| `HR:10@CDAB` | this value's own byte order; `@BA` for one register or a text |

Upper and lower case are the same. `HR:0[10]` is ten tags: see `schemas/addresses/arrays.py`.
Source: *MODBUS Application Protocol Specification V1.1b3*, sections 4.3 and 4.4.
"""

from __future__ import annotations

import re

from schemas.addresses.modbus_places import (
    LAST,
    MAX_CHARACTERS,
    ModbusAddress,
    Table,
    registers,
)
from schemas.config.devices import TagConfig
from schemas.config.modbus import ByteOrder, ModbusConfig
from schemas.errors import AddressError
from schemas.kinds import DataType

__all__ = ["ModbusAddress", "Table", "check", "element", "parse"]

_TABLE_OF_DIGIT = {
    "0": Table.COIL,
    "1": Table.DISCRETE_INPUT,
    "3": Table.INPUT_REGISTER,
    "4": Table.HOLDING_REGISTER,
}
_FORM = re.compile(
    r"(?:(?P<table>HR|IR|CO|DI)(?P<colon>:?)"
    r"(?P<offset>0X[0-9A-F]{1,8}|[0-9][0-9A-F]{0,7}H|[0-9]{1,8})"
    r"|(?P<digit>[0134])(?P<number>[0-9]{4,5})"
    r"|(?P<digit_x>[134])X(?P<number_x>[0-9]{1,5}))"
    r"(?:\.(?P<bit>[0-9]{1,3}))?(?::(?P<length>[0-9]{1,5}))?(?:@(?P<order>[A-Z]*))?",
    re.ASCII,
)
_HINT = (
    "Write HR:0, IR:0, CO:0 or DI:0 (counted from 0), 40001 or 400001 (counted from 1), HR:10.3 "
    "for a bit of a register, HR:100:20 for a text of 20 characters, HR:10@CDAB for another byte "
    "order."
)
_ORDERS = {order.value: order for order in ByteOrder}
_SHORT_ORDERS = {"AB": ByteOrder.ABCD, "BA": ByteOrder.BADC}
_LONG_ORDERS = {
    "ABCDEFGH": ByteOrder.ABCD,
    "GHEFCDAB": ByteOrder.CDAB,
    "BADCFEHG": ByteOrder.BADC,
    "HGFEDCBA": ByteOrder.DCBA,
}


def parse(address: str, data_type: DataType, settings: ModbusConfig) -> ModbusAddress:
    """The place of a value of this type. Raises AddressError with a hint of what to write."""
    match = _match(address)
    table, start = _place(match, address, settings)
    bit, length = match["bit"], match["length"]
    if table.of_bits:
        suffix = bit is not None or length is not None or match["order"] is not None
        _check_bit_table(address, f"{table}:{start}", table, data_type, suffix)
        count, order = 1, ByteOrder.ABCD
    else:
        _check_register(address, f"{table}:{start}", data_type, bit, length)
        count = registers(data_type, int(length or 0))
        order = _order(address, match["order"], data_type, count, settings)
    found = ModbusAddress(
        table, start, count, None if bit is None else int(bit), int(length or 0), order
    )
    _check_range(address, found, settings)
    return found


def check(tag: TagConfig, settings: ModbusConfig) -> None:
    """Raise AddressError when the tag's address is wrong for its type or these settings."""
    parse(tag.address, tag.data_type, settings)


def element(address: str, data_type: DataType, index: int) -> str:
    """The address of element `index` of an array that begins at `address`, in the same form.

    Elements follow each other: numbers and texts by their registers, bits by bits (after bit 15
    comes bit 0 of the next register). Raises AddressError for an address that is none.
    """
    match = _match(address)
    table = Table(match["table"]) if match["table"] else _TABLE_OF_DIGIT[_digit(match)]
    bit, length = match["bit"], match["length"]
    step = index
    if bit is not None:
        step, bit = divmod(int(bit) + index, 16)
    elif not table.of_bits:
        step = index * registers(data_type, int(length or 0))
    tail = f".{bit}" if bit is not None else ""
    tail += f":{length}" if length is not None else ""
    tail += f"@{match['order']}" if match["order"] is not None else ""
    return _moved(match, step) + tail


def _moved(match: re.Match[str], step: int) -> str:
    """The address without its tail, `step` registers or bits further."""
    if match["number"]:
        return f"{match['digit']}{int(match['number']) + step:0{len(match['number'])}}"
    if match["number_x"]:
        return f"{match['digit_x']}x{int(match['number_x']) + step:0{len(match['number_x'])}}"
    offset, head = match["offset"], match["table"] + match["colon"]
    if offset.startswith("0X"):
        return f"{head}0x{_offset(offset) + step:0{len(offset) - 2}X}"
    if offset.endswith("H"):
        return f"{head}0{_offset(offset) + step:X}h"  # it must begin with a digit
    return f"{head}{_offset(offset) + step}"


def _match(address: str) -> re.Match[str]:
    """The parts of an address. Raises AddressError where it has none of the forms."""
    text = address.strip().upper()
    match = _FORM.fullmatch(text)
    if match is None:
        raise _unknown(address, text)
    return match


def _unknown(address: str, text: str) -> AddressError:
    """What to say about forms that other programs have, and that mean several things."""
    memory = re.fullmatch(r"%?MW?([0-9]{1,5})(?:\.[0-9]+)?", text, re.ASCII)
    if memory is not None:
        table = "HR" if "W" in text else "CO"
        number = int(memory[1])
        return AddressError(
            f"{address!r} is a PLC variable, and each maker gives it another Modbus address.",
            hint=f"Schneider: write {table}:{number}. WAGO and Beckhoff: {table}:{12288 + number}. "
            "Others: look it up in the PLC's Modbus table.",
        )
    if text.startswith("%"):
        return AddressError(
            f"{address!r} is a PLC variable and not a Modbus address.",
            hint="Look up its register in the PLC's Modbus table and write it like HR:10.",
        )
    coil = re.fullmatch(r"0X([0-9]{1,5})", text, re.ASCII)
    if coil is not None:
        number = int(coil[1])
        return AddressError(
            f"{address!r} can be coil number {number} or a hexadecimal number.",
            hint=f"Write {max(number, 1):05} for the coil, or HR:{address.strip()} for the "
            "holding register.",
        )
    if "[" in text:
        return AddressError(
            f"{address!r} is not an element of an array that Spindle knows.",
            hint="Write the number of elements behind the first address: HR:0[10].",
        )
    return AddressError(f"{address!r} is not a Modbus address.", hint=_HINT)


def _digit(match: re.Match[str]) -> str:
    return match["digit"] or match["digit_x"]


def _offset(text: str) -> int:
    """`31`, `0X1F` or `1FH` as a number."""
    return int(text.removesuffix("H"), 16 if "X" in text or text.endswith("H") else 10)


def _place(match: re.Match[str], address: str, settings: ModbusConfig) -> tuple[Table, int]:
    if match["table"]:
        return Table(match["table"]), _offset(match["offset"])
    digits = match["number"] or match["number_x"]
    table, number = _TABLE_OF_DIGIT[_digit(match)], int(digits)
    if settings.zero_based:
        return table, number
    if number == 0:
        first = f"{_digit(match)}{'' if match['number'] else 'x'}{1:0{len(digits)}}"
        raise AddressError(
            f"{address!r}: there is no number 0, because these addresses count from 1.",
            hint=f"Write {table}:0 or {first} for the first {table.words}, or switch on "
            "'Addresses count from 0' for this device.",
        )
    return table, number - 1


def _order(
    address: str, suffix: str | None, data_type: DataType, count: int, settings: ModbusConfig
) -> ByteOrder:
    """The order of this value. The device's own setting is for values of 2 and 4 registers only.

    The words of a text always stand in reading order, and one register has only one word.
    """
    single = count == 1 or data_type is DataType.STRING
    if suffix is None:
        return ByteOrder.ABCD if single else settings.byte_order
    known = _ORDERS | (_SHORT_ORDERS if single else {}) | (_LONG_ORDERS if count == 4 else {})
    order = known.get(suffix)
    if order is None:
        usual = "AB or BA (bytes swapped)" if single else "ABCD, CDAB, BADC or DCBA"
        raise AddressError(
            f"{address!r}: {suffix or 'nothing'} is not a byte order of a {data_type}.",
            hint=f"Write {usual} behind the @, or leave it out for the device's own order.",
        )
    if not single:
        return order
    return ByteOrder.BADC if order in (ByteOrder.BADC, ByteOrder.DCBA) else ByteOrder.ABCD


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
            f"{address!r}: a {table.words} has no bits, characters or byte order of its own.",
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
