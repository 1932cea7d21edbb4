"""What a function declares, as tables: inputs, outputs, parameters, what it may write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nicegui import ui

from hub.ui.components.plain_table import table_head
from hub.ui.words import NOTHING
from schemas.functions import FunctionSpec, Input, Output

_PORT_HEAD = ("Name", "Kind", "Unit", "Description")


def spec_tables(spec: FunctionSpec) -> None:
    """A panel each, side by side where there is room."""
    with ui.element("div").classes("halves spec-tables"):
        _table("Inputs", _PORT_HEAD, [_input_row(item) for item in spec.inputs])
        _table("Outputs", _PORT_HEAD, [_output_row(item) for item in spec.outputs])
        head = ("Name", "Type", "Default", "Description")
        _table("Parameters", head, list(parameter_rows(spec.parameters)))
        writes = [(item.name, item.description) for item in spec.writes]
        if writes:
            _table("May write", ("Port", "Description"), writes)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with ui.element("section").classes("panel"):
        with ui.element("div").classes("panel-head"):
            ui.html(title, tag="h2", sanitize=False)
        if not rows:
            ui.label("None.").classes("muted panel-body")
            return
        with ui.element("div").classes("spec-scroll"), ui.element("table").classes("plain-table"):
            table_head(head)
            with ui.element("tbody"):
                for row in rows:
                    with ui.element("tr"):
                        for place, text in enumerate(row):
                            with ui.element("td").classes("" if place else "mono"):
                                ui.label(text)


def _input_row(item: Input) -> tuple[str, str, str, str]:
    kind = f"{item.kind.value}, many tags" if item.many else item.kind.value
    notes = [item.description]
    notes += ["" if item.required else "May be left out."]
    notes += ["" if item.trigger else "Its changes make no rows."]
    return item.name, kind, item.unit or NOTHING, _joined(notes)


def _output_row(item: Output) -> tuple[str, str, str, str]:
    unit = item.unit or ("as the input" if item.per else NOTHING)
    notes = [item.description]
    notes += [f"One for each tag of {item.per}." if item.per else ""]
    if item.source:
        notes.append(f"While it is taken out: {item.source} unchanged, uncertain.")
    else:
        notes.append("While it is taken out: the last value, uncertain.")
    return item.name, item.kind.value, unit, _joined(notes)


def parameter_rows(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """(name, type with its limits, default, description) of a JSON Schema."""
    defs = schema.get("$defs", {})
    for name, item in schema.get("properties", {}).items():
        about = _joined([str(item.get("title", "")), str(item.get("description", ""))])
        default = item.get("default")
        shown = "needed" if name in schema.get("required", ()) else _value(default)
        yield name, _type(item, defs), shown, about


def _type(item: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    if "$ref" in item:
        return _type(defs.get(str(item["$ref"]).rsplit("/", 1)[-1], {}), defs)
    if "anyOf" in item:
        kinds = [_type(one, defs) for one in item["anyOf"] if one.get("type") != "null"]
        return " or ".join(kinds)
    if "enum" in item:
        return " | ".join(str(one) for one in item["enum"])
    kind = str(item.get("type", "any"))
    if kind == "array":
        return f"list of {_type(item.get('items', {}), defs)}"
    return _joined([kind, _limits(item)])


def _limits(item: Mapping[str, Any]) -> str:
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return ", ".join(f"{sign} {item[key]:g}" for key, sign in words.items() if key in item)


def _value(value: Any) -> str:
    if value is None or value == "":
        return NOTHING
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}…"


def _joined(parts: Sequence[str]) -> str:
    """Sentences side by side, each with its full stop where more follow."""
    found = [part.strip() for part in parts if part.strip()]
    if len(found) > 1 and found[0][-1] not in ".?!" and found[1][:1].isupper():
        found[0] += "."
    return " ".join(found)
