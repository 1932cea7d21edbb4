"""Addresses of Kepware's *Siemens TCP/IP Ethernet* driver, in ours.

| Kepware | ours |
|---|---|
| `DB1,REAL10`, `DB1.DBD10` | `DB1.DBD10` |
| `DB1,X0.3`, `DB1.DBX0.3` | `DB1.DBX0.3` |
| `DB1,W10.9` | `DB1.DBX10.1`: bit 9 of a word lies in its first byte |
| `DB1,STRING10.20` | a `STRING[20]` from byte 10 |
| `DB1,INT0[10]` | ten tags |
| `T5`, `C3` | `T5`, `C3` |
| `MREAL20`, `MW20`, `M0.3`, `IX0.0`, `QB2` | `MD20`, `MW20`, `M0.3`, `I0.0`, `QB2` |

The type in the address is that of the PLC; the column *Data Type* may say the same bytes otherwise
(Word instead of Short) and is taken then.
"""

from __future__ import annotations

import re

from hub.tagfiles.s7_places import Element, address, bit_address, element
from schemas.errors import AddressError
from schemas.kinds import DataType, Kind

_FORM = re.compile(
    r"(?:DB(?P<db>\d{1,5})[,.](?:DB)?|(?P<area>[MIEQA]))"
    r"(?P<type>[A-Z]*?)(?P<start>\d{1,5})(?:\.(?P<tail>\d{1,3}))?\s*(?:\[(?P<count>\d{1,4})\])?",
    re.ASCII,
)
_IN_CPU = re.compile(r"(?P<area>[TC])(?P<number>\d{1,5})", re.ASCII)
_CPU_TYPES = {
    "T": (DataType.INT32, DataType.UINT32),
    "C": (DataType.UINT16, DataType.INT16),
}
"""Timers and counters: what the driver gives, and what it can give."""
_TYPES = {
    "": "",
    "X": "BOOL",
    "BOOL": "BOOL",
    "B": "BYTE",
    "BYTE": "BYTE",
    "C": "CHAR",
    "CHAR": "CHAR",
    "SINT": "SINT",
    "USINT": "USINT",
    "W": "WORD",
    "WORD": "WORD",
    "I": "INT",
    "INT": "INT",
    "UINT": "UINT",
    "D": "DWORD",
    "DWORD": "DWORD",
    "DI": "DINT",
    "DINT": "DINT",
    "UDINT": "UDINT",
    "REAL": "REAL",
    "R": "REAL",
    "LREAL": "LREAL",
    "LINT": "LINT",
    "ULINT": "ULINT",
    "LWORD": "LWORD",
    "S": "STRING",
    "STRING": "STRING",
}
_AREAS = {"E": "I", "A": "Q"}
_SIZES = {
    DataType.INT8: 1,
    DataType.UINT8: 1,
    DataType.INT16: 2,
    DataType.UINT16: 2,
    DataType.BCD16: 2,
    DataType.INT32: 4,
    DataType.UINT32: 4,
    DataType.BCD32: 4,
    DataType.FLOAT32: 4,
    DataType.INT64: 8,
    DataType.UINT64: 8,
    DataType.FLOAT64: 8,
}
_PLAIN = {
    1: "BYTE",
    2: "WORD",
    4: "DWORD",
    8: "LWORD",
}
_HINT = "Kepware's forms DB1,REAL10, DB1.DBD10, DB1,X0.3, DB1,STRING10.20, MW20 are understood."


def translate(written: str, wanted: DataType | None) -> tuple[str, DataType]:
    """(our address, data type). `wanted` is None for Kepware's type *Default*.

    Raises AddressError with the path `address`.
    """
    clock = _IN_CPU.fullmatch(written.strip().upper())
    if clock:
        own = _CPU_TYPES[clock["area"]]
        return (
            f"{clock['area']}{int(clock['number'])}",
            wanted if wanted and wanted in own else own[0],
        )
    match = _FORM.fullmatch(written.strip().upper())
    name = _TYPES.get(match["type"]) if match else None
    if match is None or name is None:
        raise _error(written, "is not an address of Kepware's Siemens driver that we know")
    area = f"DB{int(match['db'])}" if match["db"] else _AREAS.get(match["area"], match["area"])
    start, tail = int(match["start"]), match["tail"]
    array = f"[{match['count']}]" if match["count"] else ""
    if name == "STRING":
        return _text(written, area, start, tail) + array, DataType.STRING
    if tail is not None:
        return _bit(written, area, name, start, int(tail)) + array, DataType.BOOL
    kind = _kind(written, name, wanted)
    data_type = wanted if wanted and _SIZES.get(wanted) == kind.size_bytes else kind.data_type
    if kind.size_bytes == 0:
        raise _error(written, "names no bit")
    return address(area, kind, start) + array, data_type


def _kind(written: str, name: str, wanted: DataType | None) -> Element:
    """By the type in the address, else (`M20`) by the column."""
    if not name and wanted is not None and wanted in _SIZES:
        name = _PLAIN[_SIZES[wanted]]
    kind = element(name)
    if kind is None:
        raise _error(written, "does not say its type")
    return kind


def _text(written: str, area: str, start: int, tail: str | None) -> str:
    kind = element("STRING", int(tail) if tail else None)
    if kind is None:
        raise _error(written, "is a text of another length than 1 to 254")
    return address(area, kind, start)


def _bit(written: str, area: str, name: str, start: int, bit: int) -> str:
    """A bit of a word lies in the byte that its number says, counted from the word's last one."""
    kind = element(name or "BOOL")
    size = max(1, kind.size_bytes) if kind else 1
    limit = 8 if not kind or kind.size_bytes == 0 else 8 * size
    if kind is None or kind.data_type.kind is Kind.FLOAT or bit >= limit:
        raise _error(written, f"has no bit {bit}")
    return bit_address(area, start + size - 1 - bit // 8, bit % 8)


def _error(written: str, words: str) -> AddressError:
    return AddressError(f"{written!r} {words}.", hint=_HINT, path="address")
