"""Kinds of values: what a tag is to people, on the wire, and in the database.

A tag's `DataType` is what the PLC has; its `Kind` decides the column type in SQL. Columns are numpy
arrays of the wire type; text columns are arrays of `object` holding `str`.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]
Value = float | int | bool | str
"""One value, where it is not in a column: writes, simulators, messages."""


class Kind(StrEnum):
    FLOAT = "float"
    INT = "int"
    BOOL = "bool"
    TEXT = "text"

    @property
    def wire(self) -> str:
        """The dtype of a column that takes every value of this kind; `O` is text."""
        return _WIDEST[self]


class DataType(StrEnum):
    BOOL = "bool"
    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    BCD16 = "bcd16"
    """Four decimal digits in 16 bits."""
    BCD32 = "bcd32"
    """Eight decimal digits in 32 bits."""
    FLOAT16 = "float16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    STRING = "string"

    @property
    def kind(self) -> Kind:
        if self is DataType.BOOL:
            return Kind.BOOL
        if self is DataType.STRING:
            return Kind.TEXT
        return Kind.FLOAT if self.value.startswith("float") else Kind.INT

    @property
    def wire(self) -> str:
        """The dtype of this type's column in a frame, little-endian; `O` is text.

        float16 travels as float32. uint64 travels as int64, because SQL has no larger integer: a
        value past 2**63-1 is BAD, out of range, never a wrong number.
        """
        return _WIRE[self]


_WIRE = {
    DataType.BOOL: "|b1",
    DataType.INT8: "|i1",
    DataType.UINT8: "|u1",
    DataType.INT16: "<i2",
    DataType.UINT16: "<u2",
    DataType.INT32: "<i4",
    DataType.UINT32: "<u4",
    DataType.INT64: "<i8",
    DataType.UINT64: "<i8",
    DataType.BCD16: "<u2",
    DataType.BCD32: "<u4",
    DataType.FLOAT16: "<f4",
    DataType.FLOAT32: "<f4",
    DataType.FLOAT64: "<f8",
    DataType.STRING: "O",
}

_WIDEST = {Kind.FLOAT: "<f8", Kind.INT: "<i8", Kind.BOOL: "|b1", Kind.TEXT: "O"}

INT_LIMITS: dict[DataType, tuple[int, int]] = {
    DataType.INT8: (-(2**7), 2**7 - 1),
    DataType.UINT8: (0, 2**8 - 1),
    DataType.INT16: (-(2**15), 2**15 - 1),
    DataType.UINT16: (0, 2**16 - 1),
    DataType.INT32: (-(2**31), 2**31 - 1),
    DataType.UINT32: (0, 2**32 - 1),
    DataType.INT64: (-(2**63), 2**63 - 1),
    DataType.UINT64: (0, 2**63 - 1),  # as it travels
    DataType.BCD16: (0, 9_999),
    DataType.BCD32: (0, 99_999_999),
}
"""The least and the largest number of each integer type."""
LARGEST_FLOAT: dict[DataType, float] = {
    DataType.FLOAT16: 65504.0,
    DataType.FLOAT32: float(np.finfo(np.float32).max),
}
"""The largest number of the float types that are smaller than a float64."""

WIRE_TYPES = frozenset(_WIRE.values())


def kind_of(wire: str) -> Kind:
    """The kind of a column by its wire type."""
    if wire == "O":
        return Kind.TEXT
    if wire == "|b1":
        return Kind.BOOL
    return Kind.FLOAT if wire[1] == "f" else Kind.INT


def blank(wire: str, shape: tuple[int, ...]) -> Array:
    """A column of nothing, for BAD values: NaN, 0, False or an empty text."""
    if wire == "O":
        return np.full(shape, "", dtype=object)
    if wire[1] == "f":
        return np.full(shape, np.nan, dtype=wire)
    return np.zeros(shape, dtype=wire)
