"""The data types of S7 CPUs: size, alignment, and what Spindle makes of each.

Source: Siemens, *STEP 7 Professional (TIA Portal): valid data types*, and *STEP 7 V5.x: format of
the data types* (S5TIME, DATE_AND_TIME).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from schemas.kinds import DataType


class Form(StrEnum):
    """How the bytes of a value are to be read; numbers and bits by their data type alone."""

    PLAIN = "plain"
    BCD16 = "BCD16"
    BCD32 = "BCD32"
    COUNTER = "COUNTER"
    """Three BCD digits, 0 to 999."""
    S5TIME = "S5TIME"
    """Time base and three BCD digits; milliseconds here. Timers of the area T have it, too."""
    TOD = "TOD"
    """Milliseconds since midnight."""
    LTOD = "LTOD"
    """Nanoseconds since midnight."""
    CHAR = "CHAR"
    WCHAR = "WCHAR"
    STRING = "STRING"
    WSTRING = "WSTRING"
    DATE = "DATE"
    """Days since 1990-01-01."""
    DT = "DT"
    """Year to millisecond in BCD, 1990 to 2089."""
    LDT = "LDT"
    """Nanoseconds since 1970-01-01."""
    DTL = "DTL"
    """Year to nanosecond in binary."""


class S7Type(NamedTuple):
    """`bits` of STRING and WSTRING are those of the plain type, with 254 characters.

    `even`: in a block with standard access it begins at an even byte. `also` are data types that
    fit besides `data_type`.
    """

    bits: int
    data_type: DataType
    even: bool
    form: Form = Form.PLAIN
    also: frozenset[DataType] = frozenset()

    @property
    def size_bytes(self) -> int:
        """1 for BOOL."""
        return (self.bits + 7) // 8

    def fits(self, data_type: DataType) -> bool:
        return data_type is self.data_type or data_type in self.also


_T = DataType
_WORDS = frozenset({_T.INT16, _T.BCD16})
_DWORDS = frozenset({_T.INT32, _T.FLOAT32, _T.BCD32})

_MAIN = {
    "BOOL": S7Type(1, _T.BOOL, False),
    "BYTE": S7Type(8, _T.UINT8, False, also=frozenset({_T.INT8})),
    "USINT": S7Type(8, _T.UINT8, False),
    "SINT": S7Type(8, _T.INT8, False),
    "WORD": S7Type(16, _T.UINT16, True, also=_WORDS),
    "UINT": S7Type(16, _T.UINT16, True),
    "INT": S7Type(16, _T.INT16, True),
    "DWORD": S7Type(32, _T.UINT32, True, also=_DWORDS),
    "UDINT": S7Type(32, _T.UINT32, True),
    "DINT": S7Type(32, _T.INT32, True),
    "LWORD": S7Type(64, _T.UINT64, True, also=frozenset({_T.INT64, _T.FLOAT64})),
    "ULINT": S7Type(64, _T.UINT64, True),
    "LINT": S7Type(64, _T.INT64, True),
    "REAL": S7Type(32, _T.FLOAT32, True),
    "LREAL": S7Type(64, _T.FLOAT64, True),
    "BCD16": S7Type(16, _T.BCD16, True, Form.BCD16),
    "BCD32": S7Type(32, _T.BCD32, True, Form.BCD32),
    "S5TIME": S7Type(16, _T.INT32, True, Form.S5TIME, frozenset({_T.UINT32})),
    "TIME": S7Type(32, _T.INT32, True),
    "LTIME": S7Type(64, _T.INT64, True),
    "TOD": S7Type(32, _T.INT32, True, Form.TOD, frozenset({_T.UINT32})),
    "LTOD": S7Type(64, _T.INT64, True, Form.LTOD),
    "DATE": S7Type(16, _T.STRING, True, Form.DATE),
    "DT": S7Type(64, _T.STRING, True, Form.DT),
    "LDT": S7Type(64, _T.STRING, True, Form.LDT),
    "DTL": S7Type(96, _T.STRING, True, Form.DTL),
    "CHAR": S7Type(8, _T.STRING, False, Form.CHAR),
    "WCHAR": S7Type(16, _T.STRING, True, Form.WCHAR),
    "STRING": S7Type(2048, _T.STRING, True, Form.STRING),
    "WSTRING": S7Type(4096, _T.STRING, True, Form.WSTRING),
    "TIMER": S7Type(16, _T.INT32, True, Form.S5TIME, frozenset({_T.UINT32})),
    "COUNTER": S7Type(16, _T.UINT16, True, Form.COUNTER, frozenset({_T.INT16})),
}

S7_TYPES: Mapping[str, S7Type] = _MAIN | {
    "BCD": _MAIN["BCD16"],
    "TIME_OF_DAY": _MAIN["TOD"],
    "LTIME_OF_DAY": _MAIN["LTOD"],
    "DATE_AND_TIME": _MAIN["DT"],
    "DATE_AND_LTIME": _MAIN["LDT"],
}
"""By name in capital letters, with the long names of TIA Portal."""

STRING_HEADER_BYTES = 2
"""Maximum and actual length, a byte each."""
WSTRING_HEADER_BYTES = 4
"""Maximum and actual length, two bytes each; characters have two bytes."""
MAX_STRING = 254
MAX_WSTRING = 16_382


def text_bytes(form: Form, length: int) -> int:
    """Bytes of a STRING[length] or WSTRING[length], its header with it."""
    if form is Form.WSTRING:
        return WSTRING_HEADER_BYTES + 2 * length
    return STRING_HEADER_BYTES + length


PLAIN_TYPES: Mapping[DataType, S7Type] = {
    _T.BOOL: _MAIN["BOOL"],
    _T.INT8: _MAIN["SINT"],
    _T.UINT8: _MAIN["USINT"],
    _T.INT16: _MAIN["INT"],
    _T.UINT16: _MAIN["UINT"],
    _T.INT32: _MAIN["DINT"],
    _T.UINT32: _MAIN["UDINT"],
    _T.INT64: _MAIN["LINT"],
    _T.UINT64: _MAIN["ULINT"],
    _T.BCD16: _MAIN["BCD16"],
    _T.BCD32: _MAIN["BCD32"],
    _T.FLOAT32: _MAIN["REAL"],
    _T.FLOAT64: _MAIN["LREAL"],
    _T.STRING: _MAIN["STRING"],
}
"""What an address without a type means, by the tag's data type."""
