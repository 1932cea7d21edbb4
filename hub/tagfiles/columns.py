"""The columns of our own table: the fields of TagConfig, and how cells are values of them.

Which field is a number and which a switch is told from the model, so that a new field needs nothing
here.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from hub.tagfiles.tables import Cell, empty, key, text_of
from schemas.config.devices import TagConfig

ID = "id"
FIELDS = tuple(TagConfig.model_fields)
HEADER = (ID, *FIELDS)
_SCHEMA = TagConfig.model_json_schema()["properties"]


def _of_type(wanted: str) -> frozenset[str]:
    def types(schema: dict[str, Any]) -> set[str]:
        return {schema.get("type", ""), *(item.get("type", "") for item in schema.get("anyOf", ()))}

    return frozenset(name for name, schema in _SCHEMA.items() if wanted in types(schema))


NUMBERS = _of_type("number")
SWITCHES = _of_type("boolean")
CHOICES = frozenset({"data_type", "group", "access", "deadband_kind"}) | SWITCHES
"""An empty cell of these says nothing; in other columns it empties the field."""
FREE = frozenset({"unit", "description"})
"""Texts in which a space counts."""
NULLABLE = frozenset(name for name in NUMBERS if TagConfig.model_fields[name].default is None)

_KEYS = {
    **{key(name): name for name in HEADER},
    **{key(item.title): name for name, item in TagConfig.model_fields.items() if item.title},
    "tag id": ID,
    "tag name": "name",
    "type": "data_type",
    "datatype": "data_type",
    "comment": "description",
}
_ON = frozenset({"true", "wahr", "vrai", "1", "yes", "ja", "y", "j", "on", "x"})
_OFF = frozenset({"false", "falsch", "faux", "0", "no", "nein", "n", "off"})
TYPE_WORDS = {
    "real": "float32",
    "float": "float32",
    "lreal": "float64",
    "double": "float64",
    "int": "int16",
    "uint": "uint16",
    "word": "uint16",
    "dint": "int32",
    "udint": "uint32",
    "dword": "uint32",
    "lint": "int64",
    "ulint": "uint64",
    "lword": "uint64",
    "sint": "int8",
    "usint": "uint8",
    "byte": "uint8",
    "boolean": "bool",
    "text": "string",
}
"""What PLC programs call the types (IEC 61131-3, table 10)."""
_ACCESS = {"r/w": "rw", "read/write": "rw", "w": "w", "ro": "r", "read only": "r", "read": "r"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_GUARDED = (*_FORMULA, "'")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}([.,' ])\d{3}(?:\1\d{3})*(?:[.,]\d+)?")


def column_of(title: str) -> str | None:
    """The field (or `id`) that a title names, None for an unknown one."""
    return _KEYS.get(key(title))


def value_of(column: str, cell: Cell, *, decimal_comma: bool, modbus: bool = False) -> Any:
    """The value of a cell that is not empty. Raises ValueError with a sentence."""
    if isinstance(cell, datetime | date | time):
        raise ValueError(  # noqa: TRY004 - the cell is wrong, not the call
            "the spreadsheet made a date of it; format the column as text"
        )
    if column == ID:
        return _whole(cell)
    if column in NUMBERS:
        return number(cell, decimal_comma=decimal_comma)
    if column in SWITCHES:
        return switch(cell)
    text = unguarded(cell if isinstance(cell, str) else text_of(cell))
    if column in FREE:
        return text
    text = text.strip()
    if column == "address" and modbus and text.isascii() and text.isdigit():
        return text.zfill(5)  # 00001, of which a spreadsheet made the number 1
    if column == "data_type":
        return TYPE_WORDS.get(text.lower(), text.lower())
    if column == "access":
        return _ACCESS.get(text.lower(), text.lower())
    return text.lower() if column == "deadband_kind" else text


def cleared(column: str) -> Any:
    """What an empty cell makes of a field that may be empty."""
    return None if column in NULLABLE else TagConfig.model_fields[column].get_default()


def number(cell: Cell, *, decimal_comma: bool) -> float:
    """Raises ValueError with a sentence."""
    if isinstance(cell, bool):
        raise ValueError(f"{cell} is no number")  # noqa: TRY004
    if isinstance(cell, int | float):
        return float(cell)
    text = unguarded(str(cell).strip()).replace("\u2212", "-")
    try:
        return float(text)
    except ValueError:
        pass
    if decimal_comma and text.count(",") == 1:
        whole, _, fraction = text.partition(",")
        if "." not in whole or _THOUSANDS.fullmatch(whole):
            text = f"{whole.replace('.', '')}.{fraction}"
    try:
        return float(text)
    except ValueError:
        hint = ", or separate the cells with semicolons" if "," in text else ""
        raise ValueError(f"{cell!r} is no number; write it like 1.5{hint}") from None


def switch(cell: Cell) -> bool:
    """Raises ValueError with a sentence."""
    text = text_of(cell).lower()
    if text in _ON:
        return True
    if text in _OFF:
        return False
    raise ValueError(f"{cell!r} is neither yes nor no; write TRUE or FALSE")


def cell_of(value: Any) -> Cell:
    """A field's value for a table: numbers stay numbers."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    if isinstance(value, StrEnum):
        return value.value
    return guarded(value) if isinstance(value, str) else value


def guarded(text: str) -> str:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front (OWASP, *CSV
    Injection*); so does one that has an apostrophe there, to have it back at the import."""
    return f"'{text}" if text.startswith(_GUARDED) else text


def unguarded(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(_GUARDED) else text


def _whole(cell: Cell) -> int:
    text = text_of(cell)
    if empty(text) or not (text.isascii() and text.isdigit()):
        raise ValueError(f"{cell!r} is no id; leave it as it was exported, or empty")
    return int(text)
