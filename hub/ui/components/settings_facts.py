"""The settings of a device to read, for roles that cannot change them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nicegui import ui

from hub.records import Device
from hub.ui.components.facts import Facts
from hub.ui.components.labels import in_words
from hub.ui.components.schema import FieldKind, FieldSpec, fields_of
from hub.ui.words import NOTHING, grouped


def settings_facts(device: Device) -> None:
    """A sentence why there is no form, and every setting but secrets."""
    with ui.element("div").classes("callout info"):
        ui.label("Only an engineer can change settings.")
    value = device.config.model_dump(mode="json")
    Facts("Settings").show(dict(_facts(fields_of(type(device.config)), value)))


def _facts(
    specs: Sequence[FieldSpec], value: Mapping[str, Any], before: str = ""
) -> Iterator[tuple[str, str]]:
    """(title, text) of each field; those of nested objects have the outer title in front."""
    for spec in specs:
        if not spec.applies(value):
            continue
        found = value.get(spec.name)
        title = f"{before}{spec.title}"
        if spec.kind is FieldKind.UNION and isinstance(found, Mapping):
            variant = next(item for item in spec.variants if item.value == found[spec.tag])
            yield title, variant.title
            yield from _facts(variant.children, found)
        elif spec.kind is FieldKind.OBJECT and isinstance(found, Mapping):
            yield from _facts(spec.children, found, f"{title}, ")
        elif spec.kind is FieldKind.LIST:
            for number, item in enumerate(found or (), 1):
                yield from _facts(spec.children, item, f"{title} {number}, ")
        else:
            yield title, _text(spec, found)


def _text(spec: FieldSpec, value: Any) -> str:
    if spec.kind is FieldKind.PASSWORD:
        return "set" if value else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if spec.kind is FieldKind.TEXTS:
        return ", ".join(grouped(text) for text in value or ()) or "none"
    if value in (None, ""):
        return NOTHING
    return in_words(spec.name, str(value)) if spec.kind is FieldKind.CHOICE else str(value)
