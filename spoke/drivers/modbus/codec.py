"""Registers to columns and back: one numpy gather per column, no loop per value but for texts."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from schemas.config.drivers import ByteOrder
from schemas.kinds import Array, DataType
from spoke.drivers.modbus.planner import Gather


def decode(gather: Gather, buffer: bytes) -> Array:
    """The column's values [N] in its wire type, from a buffer as `planner` describes it.

    A uint64 past 2**63-1 comes out negative; `out_of_range` finds it.
    """
    wire = gather.column.wire
    if wire == "O":
        return _texts(gather, buffer)
    if wire == "|b1":
        octets = np.frombuffer(buffer, dtype=np.uint8)[gather.index]
        bits: Array = ((octets >> gather.shift) & 1).view(np.bool_)
        return bits
    if gather.raw[1:] in ("i1", "u1"):
        return np.frombuffer(buffer, dtype=gather.raw)[gather.index].copy()
    registers = np.frombuffer(buffer, dtype=np.uint16, count=len(buffer) // 2)
    if isinstance(gather.index, slice):
        return registers[gather.index].view(gather.raw).astype(wire)
    return registers.take(gather.index).view(gather.raw).astype(wire)


def out_of_range(gather: Gather, values: Array) -> NDArray[np.bool_] | None:
    """Which uint64 values do not fit the column's int64; None for none."""
    if gather.unsigned is None:
        return None
    wrong: NDArray[np.bool_] = gather.unsigned & (values.view(np.int64) < 0)
    return wrong if wrong.any() else None


def _texts(gather: Gather, buffer: bytes) -> Array:
    texts = np.empty(len(gather.texts), dtype=object)
    texts[:] = [text(buffer[place]) for place in gather.texts]
    return texts


def text(octets: bytes) -> str:
    """A text ends at its first zero byte. It is UTF-8, and where it is not, Latin-1."""
    octets = octets.split(b"\0", 1)[0]
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")


_FORMATS = {
    DataType.INT8: "b",
    DataType.UINT8: "B",
    DataType.INT16: "h",
    DataType.UINT16: "H",
    DataType.INT32: "i",
    DataType.UINT32: "I",
    DataType.INT64: "q",
    DataType.UINT64: "Q",
    DataType.FLOAT32: "f",
    DataType.FLOAT64: "d",
}


def encode(
    value: float | int | str, data_type: DataType, order: ByteOrder, length: int = 0
) -> bytes:
    """The registers of one number or text, for simulators and tests. Integers wrap around.

    `length` is a text's number of bytes; it is cut or filled with zeros.
    """
    if data_type is DataType.STRING:
        octets = str(value).encode("utf-8")[:length]
        return octets.ljust(length + length % 2, b"\0")
    form = _FORMATS[data_type]
    if form in "fd":
        plain = struct.pack(">" + form, value)
    else:
        bits = 8 * struct.calcsize(form)
        plain = (int(value) % (1 << bits)).to_bytes(bits // 8, "big")
    if len(plain) <= 2:
        return plain.rjust(2, b"\0")
    if order in (ByteOrder.CDAB, ByteOrder.DCBA):
        plain = b"".join(plain[i : i + 2] for i in range(len(plain) - 2, -1, -2))
    if order in (ByteOrder.BADC, ByteOrder.DCBA):
        plain = b"".join(plain[i : i + 2][::-1] for i in range(0, len(plain), 2))
    return plain
