"""Modbus addresses as Kepware's Modbus drivers write them, in ours.

| Kepware | ours |
|---|---|
| `40001`, `400001` | `HR:0`: their numbers count from 1 |
| `H40000`, `H4FFFF` | `HR:0`, `HR:65535`: hexadecimal and from 0 |
| `40001.3` | `HR:0.3` |
| `400010 [5]`, `400010 [2][3]` | `HR:9[5]`, `HR:9[6]` |
| `40200.100H`, `40200.100L` | `HR:199:100`, `HR:199:100@BA`: a text, high or low byte first |
"""

from __future__ import annotations

import re

from schemas.errors import AddressError
from schemas.kinds import DataType

_TABLES = {"0": "CO", "1": "DI", "3": "IR", "4": "HR"}
_FORM = re.compile(
    r"(?:(?P<digit>[0134])(?P<number>\d{4,5})|H(?P<hex_digit>[0134])(?P<hex>[0-9A-F]{4,5}))"
    r"(?:\.(?:(?P<length>\d{1,3})(?P<order>[HL])|(?P<bit>\d{1,2})))?"
    r"\s*(?:\[(?P<rows>\d{1,4})\])?\s*(?:\[(?P<columns>\d{1,4})\])?",
    re.ASCII,
)
_HINT = "Kepware's forms 40001, 400001, 40001.3, 40001 [5], H40000 and 40001.20H are understood."


def translate(address: str, wanted: DataType | None) -> tuple[str, DataType]:
    """(our address, data type). `wanted` is None for Kepware's type *Default*.

    Raises AddressError with the path `address`.
    """
    text = address.strip().upper()
    if text.startswith("W"):
        raise _error(address, "is write-only, and such tags cannot be read", "Leave it out.")
    match = _FORM.fullmatch(text)
    if match is None:
        raise _error(address, "is not a Modbus address of Kepware", _HINT)
    table = _TABLES[match["digit"] or match["hex_digit"]]
    start = int(match["hex"], 16) if match["hex"] else int(match["number"]) - 1
    if not 0 <= start <= 65535:
        raise _error(address, "is outside the table", "Numbers count from 1 to 65536.")
    data_type = wanted or _default(match, table)
    return f"{table}:{start}{_tail(match)}", data_type


def _default(match: re.Match[str], table: str) -> DataType:
    if match["length"]:
        return DataType.STRING
    bit = match["bit"] is not None or table in ("CO", "DI")
    return DataType.BOOL if bit else DataType.UINT16


def _tail(match: re.Match[str]) -> str:
    tail = f".{match['bit']}" if match["bit"] else ""
    if match["length"]:
        tail = f":{match['length']}"
    if match["rows"]:
        tail += f"[{int(match['rows']) * int(match['columns'] or 1)}]"
    return tail + ("@BA" if match["order"] == "L" else "")


def _error(address: str, words: str, hint: str) -> AddressError:
    return AddressError(f"{address!r} {words}.", hint=hint, path="address")
