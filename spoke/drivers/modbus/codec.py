"""Registers to columns: one numpy gather per data type, no loop per value but for texts.

Below, single values for writes, simulators and tests.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from schemas.addresses.modbus import ModbusAddress
from schemas.kinds import Array, DataType, Value
from spoke.drivers.modbus.gathers import Gather, Part


def decode(gather: Gather, buffer: bytes) -> Array:
    """The column's values [N] in its wire type, from a buffer as `planner` describes it.

    What is no value, a uint64 past 2**63-1 or a BCD digit past 9, is found by `out_of_range`.
    """
    wire = gather.column.wire
    if wire == "O":
        return _texts(gather, buffer)
    if wire == "|b1":
        octets = np.frombuffer(buffer, dtype=np.uint8)[gather.octets]
        bits: Array = ((octets >> gather.shift) & 1).view(np.bool_)
        return bits
    if len(gather.parts) == 1:
        return _numbers(gather.parts[0], buffer, wire)
    values: Array = np.empty(len(gather.block_of), dtype=wire)
    for part in gather.parts:
        values[part.where] = _numbers(part, buffer, wire)
    return values


def _numbers(part: Part, buffer: bytes, wire: str) -> Array:
    if part.of_bytes:
        units: Array = np.frombuffer(buffer, dtype=np.uint8)
    else:
        units = np.frombuffer(buffer, dtype=np.uint16, count=len(buffer) // 2)
    # `take` is quicker than an index, and a slice than both
    picked = units[part.index] if isinstance(part.index, slice) else units.take(part.index)
    values = picked.view(part.raw).astype(wire)
    return _decimal(values) if part.bcd else values


_WRONG_DIGITS = {2: 0x8888, 4: 0x8888_8888}


def _decimal(packed: Array) -> Array:
    """Numbers [N] of packed decimal digits, all bits set where a nibble is no digit.

    Two digits, then four, then eight are put together at a time: 16 a + b = 10 a + b + 6 a.
    """
    size = packed.dtype.itemsize
    digits: NDArray[np.unsignedinteger] = packed.view(f"<u{size}")
    wrong = digits & (digits << 1 | digits << 2) & _WRONG_DIGITS[size]
    digits = digits - 6 * (digits >> 4 & (0x0F0F_0F0F if size == 4 else 0x0F0F))
    digits = digits - 156 * (digits >> 8 & (0x00FF_00FF if size == 4 else 0x00FF))
    if size == 4:
        digits = digits - 55_536 * (digits >> 16)
    digits[wrong != 0] = ~digits.dtype.type(0)
    return digits


_LARGEST = {"<i8": 2**63 - 1, "<u2": 9_999, "<u4": 99_999_999}
"""Of the data types that `suspect` marks: uint64, bcd16, bcd32."""


def out_of_range(gather: Gather, values: Array) -> NDArray[np.bool_] | None:
    """Which of the decoded values [N] are none, because of their bits; None for all are fine."""
    if gather.suspect is None:
        return None
    wire = gather.column.wire
    wrong: NDArray[np.bool_] = gather.suspect & (values.view("<u" + wire[2:]) > _LARGEST[wire])
    return wrong if wrong.any() else None


def _texts(gather: Gather, buffer: bytes) -> Array:
    octets = [buffer[place] for place in gather.texts]
    if gather.swapped:
        even = np.frombuffer(buffer, dtype=np.uint16, count=len(buffer) // 2).byteswap().tobytes()
        for number in gather.swapped:
            octets[number] = even[gather.texts[number]]
    texts = np.empty(len(octets), dtype=object)
    texts[:] = [text(item) for item in octets]
    return texts


def text(octets: bytes) -> str:
    """A text ends at its first zero byte. It is UTF-8, and where it is not, Latin-1."""
    octets = octets.split(b"\0", 1)[0]
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")


# --- single values ----------------------------------------------------------------------------

_FORMATS = {
    DataType.INT8: "b",
    DataType.UINT8: "B",
    DataType.INT16: "h",
    DataType.UINT16: "H",
    DataType.INT32: "i",
    DataType.UINT32: "I",
    DataType.INT64: "q",
    DataType.UINT64: "Q",
    DataType.BCD16: "H",
    DataType.BCD32: "I",
    DataType.FLOAT16: "e",
    DataType.FLOAT32: "f",
    DataType.FLOAT64: "d",
}
_DIGITS = {DataType.BCD16: 4, DataType.BCD32: 8}


def to_registers(value: Value, data_type: DataType, place: ModbusAddress) -> bytes:
    """The registers of a value, in the order of its place; bits outside of `mask_of` are 0.

    Raises ValueError for a value that does not fit.
    """
    if data_type is DataType.STRING:
        octets = str(value).encode("utf-8")
        if len(octets) > place.length:
            raise ValueError(
                f"the text has {len(octets)} bytes, and there is room for {place.length}"
            )
        plain = octets.ljust(2 * place.count, b"\0")
    elif place.bit is not None:
        plain = (bool(value) << place.bit).to_bytes(2, "big")
    else:
        plain = _plain(value, data_type)
    return _reordered(plain, place.last_word_first, place.low_byte_first)


def mask_of(data_type: DataType, place: ModbusAddress) -> bytes:
    """Which bits of its registers are the value's own: all but for a bit, a byte, an odd text."""
    if data_type is DataType.STRING:
        plain = (b"\xff" * place.length).ljust(2 * place.count, b"\0")
    elif place.bit is not None:
        plain = (1 << place.bit).to_bytes(2, "big")
    else:
        octets = struct.calcsize(_FORMATS[data_type])
        plain = (b"\xff" * octets).rjust(2 * place.count, b"\0")
    return _reordered(plain, place.last_word_first, place.low_byte_first)


def from_registers(octets: bytes, data_type: DataType, place: ModbusAddress) -> Value | None:
    """The value in the registers of a place; None for BCD with a digit past 9."""
    plain = _reordered(octets, place.last_word_first, place.low_byte_first)
    if data_type is DataType.STRING:
        return text(plain[: place.length])
    if place.bit is not None:
        return bool(int.from_bytes(plain, "big") >> place.bit & 1)
    if data_type in _DIGITS:
        digits = plain.hex()
        return int(digits) if digits.isdecimal() else None
    form = ">" + _FORMATS[data_type]
    found: float | int = struct.unpack(form, plain[-struct.calcsize(form) :])[0]
    return found


def simulated(value: Value, data_type: DataType, place: ModbusAddress) -> bytes:
    """As `to_registers`, but integers wrap around and texts are cut: for simulators."""
    if data_type is DataType.STRING:
        value = str(value).encode("utf-8")[: place.length].decode("utf-8", "ignore")
    elif place.bit is None:
        value = _wrapped(value, data_type)
    return to_registers(value, data_type, place)


def _wrapped(value: Value, data_type: DataType) -> Value:
    """An integer or BCD number in the range of its type; floats as they are."""
    form = _FORMATS[data_type]
    if data_type in _DIGITS:
        return int(value) % int(10 ** _DIGITS[data_type])
    if form in "efd":
        return value
    size = struct.calcsize(form)
    octets = (int(value) % (1 << 8 * size)).to_bytes(size, "big")
    return int.from_bytes(octets, "big", signed=form.islower())


def _plain(value: Value, data_type: DataType) -> bytes:
    """Big-endian, whole registers. Raises ValueError."""
    form = _FORMATS[data_type]
    try:
        if data_type in _DIGITS:
            if not 0 <= int(value) < 10 ** _DIGITS[data_type]:
                raise ValueError(f"{value} has more than {_DIGITS[data_type]} digits, or a sign")
            value = int(str(int(value)), 16)
        plain = struct.pack(">" + form, value)
    except (struct.error, OverflowError) as error:
        raise ValueError(f"{value} does not fit a {data_type}") from error
    return plain.rjust(2, b"\0")


def _reordered(plain: bytes, last_word_first: bool, low_byte_first: bool) -> bytes:
    """To the order of the device and, being its own opposite, back."""
    words = [plain[i : i + 2] for i in range(0, len(plain), 2)]
    if last_word_first:
        words.reverse()
    return b"".join(word[::-1] for word in words) if low_byte_first else b"".join(words)
