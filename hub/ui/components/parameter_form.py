"""The form of a function's parameters, from the JSON Schema that it declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.value_element import ValueElement

from hub.ui.components.fields import Leaf
from hub.ui.components.form_nodes import ObjectNode
from hub.ui.components.parameter_texts import Shape, as_text, of_text, shape_of
from hub.ui.components.schema import FieldKind, FieldSpec, schema_fields, split_path
from schemas.errors import ConfigError, SpindleError

PREFIX = "parameters"
_HOW = {
    Shape.LIST: "Several, apart by ;",
    Shape.TABLE: "One row in a line, cells apart by ; or pasted from Excel.",
    Shape.JSON: "As JSON.",
}


class ParameterForm:
    """`value` are parameters to begin with; what it lacks has the schema's defaults."""

    def __init__(self, schema: Mapping[str, Any], value: Mapping[str, Any] | None = None) -> None:
        self._items: dict[str, dict[str, Any]] = dict(schema.get("properties", {}))
        self._defs: dict[str, dict[str, Any]] = dict(schema.get("$defs", {}))
        self._shapes = {name: shape_of(item, self._defs) for name, item in self._items.items()}
        self._specs = self._fields(set(schema.get("required", ())))
        given = {name: self._shown(name, item) for name, item in (value or {}).items()}
        with ui.element("div").classes("form parameters") as self.element:
            self._rest = ui.element("div").classes("callout bad").props("role=alert")
            self._rest.set_visibility(False)
            self._root = ObjectNode(self._specs, given, {})
            if not self._specs:
                ui.label("It has no parameters.").classes("muted")
        for name, shape in self._shapes.items():
            node = self._root.nodes.get(name)
            if shape in (Shape.TABLE, Shape.JSON) and isinstance(node, Leaf):
                node.widget.props("type=textarea autogrow").classes("wide code-area")

    def _fields(self, required: set[str]) -> tuple[FieldSpec, ...]:
        found: list[FieldSpec] = []
        for name, item in self._items.items():
            shape = self._shapes[name]
            simple = item if shape is Shape.FIELD else _as_string(item, shape)
            wanted = [name] if name in required else []
            for spec in schema_fields(
                {"properties": {name: simple}, "required": wanted, "$defs": self._defs}
            ):
                words = " ".join(part for part in (spec.help, _HOW.get(shape, "")) if part)
                kind = FieldKind.TEXT if spec.kind is FieldKind.LONG_TEXT else spec.kind
                found.append(replace(spec, help=words, kind=kind))
        return tuple(found)

    def _shown(self, name: str, value: Any) -> Any:
        shape = self._shapes.get(name, Shape.FIELD)
        return value if shape is Shape.FIELD else as_text(shape, value)

    def on_edit(self, work: Callable[[], None]) -> None:
        """Call `work` after every edit."""
        for field in self.element.descendants():
            if isinstance(field, ValueElement):
                field.on_value_change(work)
        self.element.on("click", work, js_handler="(e) => e.target.closest('button') && emit()")

    def value(self) -> dict[str, Any]:
        """What the fields hold. A field that is empty is left out, so that the function's default
        holds. Raises ConfigError with its path."""
        found = self._root.value()
        for name, shape in self._shapes.items():
            if shape is Shape.FIELD or name not in found:
                continue
            try:
                found[name] = of_text(shape, self._items[name], self._defs, str(found[name] or ""))
            except ValueError as error:
                raise ConfigError(
                    f"This is not JSON: {error}.", path=f"{PREFIX}.{name}", hint="Mind the quotes."
                ) from error
        return {
            name: item
            for name, item in found.items()
            if item is not None and not (item == "" and self._items[name].get("default") != "")
        }

    def filled(self) -> dict[str, Any]:
        """Like `value`, without what cannot be read."""
        try:
            return self.value()
        except ConfigError:
            return {}

    def show(self, problems: Iterable[SpindleError]) -> list[SpindleError]:
        """Each at its field; what names no parameter is returned."""
        self.clear()
        rest: list[SpindleError] = []
        homeless: list[SpindleError] = []
        for problem in problems:
            path = _below(problem.path)
            if path is None:
                rest.append(problem)
                continue
            place = split_path(path, self._specs) if path else None
            place = place or self._root.meant_by(problem.message) or None
            if place is None or not self._root.show(place, _words(problem, path)):
                homeless.append(problem)
        self._rest.clear()
        self._rest.set_visibility(bool(homeless))
        with self._rest:
            for problem in homeless:
                ui.label(_words(problem, ""))
        return rest

    def clear(self) -> None:
        self._rest.set_visibility(False)
        self._root.clear()


def _below(path: str) -> str | None:
    """`steps.0.parameters.scale` is `scale`; None for a path that is of no parameter."""
    parts = path.split(".")
    return ".".join(parts[parts.index(PREFIX) + 1 :]) if PREFIX in parts else None


def _as_string(item: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """The same property with a text in place of its shape."""
    kept = {key: item[key] for key in ("title", "description") if key in item}
    default = as_text(shape, item["default"]) if "default" in item else ""
    return {**kept, "type": "string", "default": default}


def _words(problem: SpindleError, path: str) -> str:
    text = problem.message
    for prefix in (problem.path, f"{PREFIX}.{path}", PREFIX, path):
        if prefix:
            text = text.removeprefix(f"{prefix}: ")
    if text == "Field required":
        text = "This is needed."
    text = text[:1].upper() + text[1:]
    default = type(problem).hint
    return f"{text} {problem.hint}" if problem.hint and problem.hint != default else text
