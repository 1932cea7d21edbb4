"""Single values to the bytes of a CPU, for writes and for the simulator; all big-endian."""

from __future__ import annotations

import struct

from schemas.addresses.s7_types import Form
from schemas.kinds import DataType, Value
from spoke.drivers.s7.addresses import S7Address
from spoke.drivers.s7.texts import encode_text

_FORMATS = {
    DataType.INT8: ">b",
    DataType.UINT8: ">B",
    DataType.INT16: ">h",
    DataType.UINT16: ">H",
    DataType.INT32: ">i",
    DataType.UINT32: ">I",
    DataType.INT64: ">q",
    DataType.UINT64: ">Q",
    DataType.FLOAT32: ">f",
    DataType.FLOAT64: ">d",
}
_DIGITS = {Form.BCD16: 4, Form.BCD32: 8, Form.COUNTER: 3}
_DAY = {Form.TOD: 86_400_000, Form.LTOD: 86_400_000_000_000}
_S5_STEPS_MS = (10, 100, 1000, 10_000)


def encode(value: Value, data_type: DataType, place: S7Address) -> bytes:
    """The bytes of a number or text at its place; a text without the characters behind its end.

    Raises ValueError with what it must be instead.
    """
    if data_type is DataType.STRING:
        return encode_text(place.form, str(value), place.length)
    if place.form is Form.PLAIN:
        return _plain(value, data_type)
    number = int(value)
    if place.form is Form.S5TIME:
        return _s5time(number)
    if place.form in _DIGITS:
        digits = _DIGITS[place.form]
        if not 0 <= number < 10**digits:
            raise ValueError(f"a number from 0 to {10**digits - 1}")
        return bytes.fromhex(f"{number:0{2 * place.size_bytes}}")
    if not 0 <= number < _DAY[place.form]:
        unit = "ms" if place.form is Form.TOD else "ns"
        raise ValueError(f"a time of day in {unit}, 0 to {_DAY[place.form] - 1}")
    return number.to_bytes(place.size_bytes, "big")


def wrapped(value: Value, data_type: DataType, place: S7Address) -> bytes:
    """As a CPU's program would leave it: whole numbers wrap around, texts are cut."""
    if data_type is DataType.STRING:
        text = str(value)
        return encode(text[: place.length] if place.length else text, data_type, place)
    if place.form is Form.PLAIN and data_type not in (DataType.FLOAT32, DataType.FLOAT64):
        bits = 8 * place.size_bytes
        number = int(value) & ((1 << bits) - 1)
        if data_type.startswith("int") and number >> (bits - 1):
            number -= 1 << bits
        value = number
    return encode(value, data_type, place)


def _plain(value: Value, data_type: DataType) -> bytes:
    try:
        return struct.pack(_FORMATS[data_type], value)
    except (struct.error, OverflowError) as error:
        raise ValueError(f"within what a {data_type} can hold") from error


def _s5time(ms: int) -> bytes:
    """Time base in steps and three digits; the finest base that can hold it exactly."""
    for base, step in enumerate(_S5_STEPS_MS):
        count, rest = divmod(ms, step)
        if rest == 0 and 0 <= count <= 999:
            return bytes.fromhex(f"{base}{count:03}")
    raise ValueError(
        "an S5TIME in ms: steps of 10 up to 9990, of 100 up to 99900, of 1000 up to 999000, "
        "of 10000 up to 9990000"
    )
