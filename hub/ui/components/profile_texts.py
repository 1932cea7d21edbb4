"""Profiles between the records of the hub and the widgets of a page. Pure: no widget here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hub.bulk import Parameter, Profile
from hub.ui.components.schema import FieldKind, FieldSpec, fields_of
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.errors import ConfigError, ConfigErrors, SpindleError
from schemas.kinds import DataType

NAME = "name"
USUAL = ("name", "address", "data_type", "unit", "scale", "offset", "group", "description")
_SPECS = {spec.name: spec for spec in fields_of(TagConfig)}
_HIDDEN = ("name", "enabled", "steps")
_LEAVES = (FieldKind.CHOICE, FieldKind.SWITCH)


def tag_columns(tags: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The usual fields, and those that one of the tags has."""
    used = {name for tag in tags for name in tag}
    return tuple(name for name in _SPECS if name in USUAL or name in used)


def choices_of(field: str) -> tuple[str, ...]:
    """Of a field of a tag that has a list of values."""
    if field == "data_type":
        return tuple(DataType)
    spec = _SPECS[field]
    if spec.kind is FieldKind.SWITCH:
        return ("", "true", "false")
    return ("", *spec.choices) if spec.choices else ()


def tag_cells(tag: Mapping[str, Any]) -> dict[str, str]:
    """Type and scan group are shown also where the tag leaves them to their defaults."""
    shown = {name: _SPECS[name].default for name in ("data_type", "group")} | dict(tag)
    return {name: _text(value) for name, value in shown.items() if value is not None}


def tag_of(cells: Mapping[str, str]) -> dict[str, Any]:
    """A TagConfig as a JSON map; an empty cell is its default."""
    return {name: _value(_SPECS[name], text) for name, text in cells.items() if text}


def parameters_of(rows: Iterable[Mapping[str, str]]) -> tuple[Parameter, ...]:
    """Of the rows of the parameters' table; empty rows are none."""
    return tuple(
        Parameter(row["name"], row["title"], row["default"]) for row in rows if any(row.values())
    )


def fits_form(device: Mapping[str, Any]) -> bool:
    """Whether the form can hold these settings: no parameter stands where it has a switch or a
    list to choose from, and nothing is there that it does not know."""
    known = [spec for spec in fields_of(DeviceConfig) if spec.name not in _HIDDEN]
    return _fits({k: v for k, v in device.items() if k not in _HIDDEN}, known)


def _fits(value: Mapping[str, Any], specs: Sequence[FieldSpec]) -> bool:
    by_name = {spec.name: spec for spec in specs}
    return all(name in by_name and _one_fits(item, by_name[name]) for name, item in value.items())


def _one_fits(value: Any, spec: FieldSpec) -> bool:
    if spec.kind in _LEAVES:
        return value is None or isinstance(value, bool) or value in spec.choices
    if spec.kind is FieldKind.UNION and isinstance(value, Mapping):
        variant = next((v for v in spec.variants if v.value == value.get(spec.tag)), None)
        rest = {name: item for name, item in value.items() if name != spec.tag}
        return variant is not None and _fits(rest, variant.children)
    if spec.kind is FieldKind.LIST:
        return isinstance(value, list) and all(
            isinstance(item, Mapping) and _fits(item, spec.children) for item in value
        )
    if spec.kind is FieldKind.OBJECT:
        return isinstance(value, Mapping) and _fits(value, spec.children)
    return True


def as_json(device: Mapping[str, Any], tags: Sequence[Mapping[str, Any]]) -> str:
    """Both as one text to be edited; a tag is one line."""
    lines = ",\n".join(f"    {json.dumps(tag, ensure_ascii=False)}" for tag in tags)
    settings = json.dumps(device, ensure_ascii=False, indent=2).replace("\n", "\n  ")
    return f'{{\n  "device": {settings},\n  "tags": [\n{lines}\n  ]\n}}\n'


def of_json(text: str) -> tuple[dict[str, Any], tuple[dict[str, Any], ...]]:
    """(device, tags). Raises ConfigErrors with the line of what is wrong."""
    try:
        found = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 0)
        message = f"Line {line} is not JSON: {getattr(error, 'msg', error)}."
        hint = "Look at the end of the line before."
        raise ConfigErrors([ConfigError(message, hint=hint)]) from error
    device = found.get("device") if isinstance(found, dict) else None
    tags = found.get("tags") if isinstance(found, dict) else None
    if not isinstance(device, dict) or not isinstance(tags, list):
        text = 'The text is one object with "device" (an object) and "tags" (a list).'
        raise ConfigErrors([ConfigError(text)])
    if not all(isinstance(tag, dict) for tag in tags):
        raise ConfigErrors([ConfigError('Every one of the "tags" is an object.')])
    return device, tuple(tags)


def at_row(problem: SpindleError, table: str) -> tuple[int, str, str] | None:
    """(row, column, text) of a problem with the path `<table>.<i>.<column>`, else None."""
    parts = problem.path.split(".")
    if len(parts) < 2 or parts[0] != table or not parts[1].isdigit():
        return None
    return int(parts[1]), parts[-1] if len(parts) > 2 else NAME, said(problem)


def said(problem: SpindleError) -> str:
    """The message with its hint, without the path in front."""
    text = problem.message
    for prefix in (problem.path, problem.path.partition(".")[2], problem.path.rpartition(".")[2]):
        if prefix:
            text = text.removeprefix(f"{prefix}: ")
    text = text[:1].upper() + text[1:]
    if text and text[-1] not in ".!?":
        text += "."
    own = problem.hint and problem.hint != type(problem).hint
    return f"{text} {problem.hint}" if own else text


def columns_to_fill(profile: Profile) -> list[tuple[str, str]]:
    """(parameter, title with the default) of the table of devices; the name comes first."""
    named = {item.name: item for item in profile.parameters}
    order = [named.pop(NAME, Parameter(NAME, "Name")), *named.values()]
    return [(item.name, _title(item)) for item in order]


def _title(item: Parameter) -> str:
    title = item.title or item.name.replace("_", " ").capitalize()
    return f"{title} ({item.default})" if item.default else title


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _value(spec: FieldSpec, text: str) -> Any:
    if spec.kind is FieldKind.SWITCH and text in ("true", "false"):
        return text == "true"
    if spec.kind in (FieldKind.NUMBER, FieldKind.INTEGER):
        try:
            return float(text.replace(",", "."))
        except ValueError:
            return text
    return text
