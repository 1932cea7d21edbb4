"""Parameters that no single field holds, as text: lists, tables, and anything else as JSON. Pure.

A table is pasted from a spreadsheet: a row in a line, its cells apart by tab, `;`, or blanks.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Any

Schema = dict[str, Any]
_SCALARS = ("string", "integer", "number", "boolean")


class Shape(StrEnum):
    FIELD = "field"
    """The form has a field for it."""
    LIST = "list"
    TABLE = "table"
    JSON = "json"


def shape_of(item: Schema, defs: dict[str, Schema]) -> Shape:
    """How a property of a JSON Schema is edited."""
    schema = _inner(item, defs)
    kind = schema.get("type")
    if kind == "array":
        inner = _inner(schema.get("items", {}), defs)
        if inner.get("type") in _SCALARS:
            return Shape.LIST
        if inner.get("type") == "array" and _row(inner, defs):
            return Shape.TABLE
        fields = inner.get("properties", {}).values()
        flat = bool(fields) and all(shape_of(one, defs) is Shape.FIELD for one in fields)
        return Shape.FIELD if flat else Shape.JSON
    if kind == "object":
        fields = schema.get("properties", {}).values()
        flat = bool(fields) and all(shape_of(one, defs) is Shape.FIELD for one in fields)
        return Shape.FIELD if flat else Shape.JSON
    return Shape.FIELD


def as_text(shape: Shape, value: Any) -> str:
    """What stands in the field; empty for None."""
    if value is None:
        return ""
    if shape is Shape.LIST and isinstance(value, list | tuple):
        return "; ".join(_cell_text(one) for one in value)
    if shape is Shape.TABLE and isinstance(value, list | tuple):
        return "\n".join("; ".join(_cell_text(one) for one in row) for row in value)
    return json.dumps(value, ensure_ascii=False)


def of_text(shape: Shape, item: Schema, defs: dict[str, Schema], text: str) -> Any:
    """The value of a text, None for an empty one. A cell that is no number stays as it is, so that
    the function says what is wrong with it. Raises ValueError for what is no JSON."""
    text = text.strip()
    if not text:
        return None
    schema = _inner(item, defs)
    if shape is Shape.LIST:
        kind = _inner(schema["items"], defs)["type"]
        return [_cell(part, kind) for part in _cells(text.replace("\n", ";"))]
    if shape is Shape.TABLE:
        kinds = _row(_inner(schema["items"], defs), defs)
        return [_typed(_cells(line), kinds) for line in text.splitlines() if line.strip()]
    return json.loads(text)


def _inner(item: Schema, defs: dict[str, Schema]) -> Schema:
    """Without reference and null."""
    if "$ref" in item:
        return _inner(defs.get(item["$ref"].rsplit("/", 1)[-1], {}), defs)
    options = [one for one in item.get("anyOf", ()) if one.get("type") != "null"]
    return _inner(options[0], defs) if len(options) == 1 else item


def _row(schema: Schema, defs: dict[str, Schema]) -> list[str]:
    """The types of a table's columns, empty when a row has other than plain values."""
    kinds = [str(_inner(one, defs).get("type")) for one in schema.get("prefixItems", ())]
    return kinds if all(kind in _SCALARS for kind in kinds) else []


def _cells(line: str) -> list[str]:
    for mark in ("\t", ";"):
        if mark in line:
            return [part.strip() for part in line.split(mark) if part.strip()]
    return [part for part in re.split(r",\s+|\s+", line) if part]


def _typed(cells: list[str], kinds: list[str]) -> list[Any]:
    if len(cells) > len(kinds) and kinds and kinds[-1] == "string":
        cells = [*cells[: len(kinds) - 1], " ".join(cells[len(kinds) - 1 :])]
    return [
        _cell(cell, kinds[at] if at < len(kinds) else "string") for at, cell in enumerate(cells)
    ]


def _cell(text: str, kind: str) -> Any:
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return float(text.replace(",", "."))
    except ValueError:
        return text
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return text


def _cell_text(value: Any) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)
