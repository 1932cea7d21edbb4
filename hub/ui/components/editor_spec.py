"""What a function declares: version, inputs, outputs, parameters, writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui

from schemas.functions import FunctionSpec, Input, Output

_WAITS = "Shown here as soon as the source has no problems."


class SpecPanel:
    """`changed` is called with every other declaration."""

    def __init__(self, changed: Callable[[FunctionSpec], None] | None = None) -> None:
        self._changed = changed
        self._shown: FunctionSpec | None = None
        with ui.element("section").classes("panel spec"):
            with ui.element("div").classes("panel-head"):
                ui.html("Declares", tag="h2", sanitize=False)
                self._version = ui.label().classes("muted")
            self._body = ui.element("div").classes("panel-body stack tight")
        with self._body:
            ui.label(_WAITS).classes("muted")

    @property
    def spec(self) -> FunctionSpec | None:
        """The last one that was right."""
        return self._shown

    def show(self, spec: FunctionSpec | None) -> None:
        """None: the source has a problem; what was right before stays, pale."""
        self._body.classes(**{"add" if spec is None else "remove": "stale-spec"})
        if spec is None or spec == self._shown:
            return
        self._shown = spec
        self._version.set_text(f"{spec.name} {spec.version}")
        self._body.clear()
        with self._body:
            _draw(spec)
        if self._changed is not None:
            self._changed(spec)


def _draw(spec: FunctionSpec) -> None:
    if spec.description:
        ui.label(spec.description)
    _part("Inputs", [(item.name, _input_words(item), item.description) for item in spec.inputs])
    _part("Outputs", [(item.name, _output_words(item), item.description) for item in spec.outputs])
    fields = spec.parameters.get("properties", {})
    _part("Parameters", [(name, _field_words(item), _about(item)) for name, item in fields.items()])
    _part("May write", [(item.name, "", item.description) for item in spec.writes])


def _part(title: str, rows: Sequence[tuple[str, str, str]]) -> None:
    if not rows:
        return
    with ui.element("div").classes("spec-part"):
        ui.label(title).classes("spec-title")
        for name, words, about in rows:
            with ui.element("div").classes("spec-row"):
                ui.label(name).classes("mono spec-name")
                ui.label(words).classes("muted")
                if about:
                    ui.label(about).classes("help spec-about")


def _input_words(item: Input) -> str:
    parts = [item.kind.value, item.unit, "many tags" if item.many else ""]
    parts += ["" if item.trigger else "makes no rows", "" if item.required else "may be left out"]
    return ", ".join(part for part in parts if part)


def _output_words(item: Output) -> str:
    parts = [item.kind.value, item.unit, f"one per tag of {item.per}" if item.per else ""]
    return ", ".join(part for part in parts if part)


def _field_words(item: dict[str, Any]) -> str:
    kind = item.get("type") or ("choice" if "enum" in item or "$ref" in item else "")
    default = item.get("default")
    return ", ".join(
        part for part in (str(kind), f"default {default}" if default is not None else "") if part
    )


def _about(item: dict[str, Any]) -> str:
    return " ".join(part for part in (item.get("title"), item.get("description")) if part)
