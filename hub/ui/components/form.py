"""A form made from a config model: one declaration gives validation, fields, help and limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

from nicegui import ui
from nicegui.elements.mixins.value_element import ValueElement
from pydantic import BaseModel, ValidationError

from hub.ui.components.fields import Leaf, Node
from hub.ui.components.schema import FieldKind, FieldSpec, fields_of, split_path
from schemas.config.base import explain
from schemas.errors import ConfigErrors, SpindleError

M = TypeVar("M", bound=BaseModel)
Choices = Mapping[str, Sequence[str]]


class Form(Generic[M]):
    """Fields of `model`, filled from `value`; `read()` gives the model or shows every error.

    `choices` replaces a text field by a select (name -> options); `help_texts` replaces help;
    `hidden` names keep their value from `value` and are not shown.
    """

    def __init__(
        self,
        model: type[M],
        value: Mapping[str, Any] | None = None,
        *,
        choices: Choices | None = None,
        help_texts: Mapping[str, str] | None = None,
        hidden: Sequence[str] = (),
        autofocus: bool = False,
    ) -> None:
        self._model = model
        self._hidden = {name: (value or {})[name] for name in hidden if name in (value or {})}
        texts = help_texts or {}
        self._specs = tuple(
            _with_help(spec, texts) for spec in fields_of(model) if spec.name not in hidden
        )
        with ui.element("div").classes("form") as self.element:
            self._rest = ui.element("div").classes("callout bad").props("role=alert")
            self._rest.set_visibility(False)
            self._root = _Object(self._specs, value or {}, choices or {})
        if autofocus:
            self._root.autofocus()

    def on_edit(self, work: Callable[[], None]) -> None:
        """Call `work` after every edit, also of fields that are drawn later on."""
        known: set[int] = set()

        def edited() -> None:
            work()
            watch()

        def watch() -> None:
            for field in self.element.descendants():
                if isinstance(field, ValueElement) and field.id not in known:
                    known.add(field.id)
                    field.on_value_change(edited)

        watch()
        rows = "(event) => event.target.closest('button') && emit()"  # add and remove of a list
        self.element.on("click", edited, js_handler=rows)

    def value(self) -> dict[str, Any]:
        """What the fields hold now, unchecked."""
        return {**self._hidden, **self._root.value()}

    def read(self) -> M | None:
        """The model; None when there are errors, which are then shown at their fields."""
        self.clear()
        try:
            return self._model.model_validate(self.value())
        except ValidationError as error:
            self.show(explain(error))
            return None

    def show(self, problems: Iterable[SpindleError]) -> None:
        """Show each problem at its field; what belongs to none of them comes on top."""
        homeless = []
        for problem in problems:
            place = split_path(problem.path, self._specs)
            text = _sentence(problem)
            if place is None or not self._root.show(place, text):
                homeless.append((problem.message, problem.hint))
        self._rest.clear()
        self._rest.set_visibility(bool(homeless))
        with self._rest:
            for message, hint in homeless:
                ui.label(message)
                if hint:
                    ui.label(hint).classes("hint")
        ui.run_javascript(f"spindle.firstError({self.element.id})")

    def show_error(self, error: SpindleError) -> None:
        """Like `show`, for one error that may hold several."""
        self.show(error.problems if isinstance(error, ConfigErrors) else [error])

    def clear(self) -> None:
        self._rest.set_visibility(False)
        self._root.clear()


def _sentence(problem: SpindleError) -> str:
    """The message without its path in front; the field says where it is."""
    text = problem.message
    for prefix in (problem.path, problem.path.replace("tags.", "", 1)):
        if prefix:
            text = text.removeprefix(f"{prefix}: ")
    if text == "Field required" or "at least 1 character" in text:
        text = "This is needed."
    default = type(problem).hint
    return f"{text} {problem.hint}" if problem.hint and problem.hint != default else text


def _with_help(spec: FieldSpec, texts: Mapping[str, str]) -> FieldSpec:
    return replace(spec, help=texts[spec.name]) if spec.name in texts else spec


def _node(spec: FieldSpec, value: Any, choices: Choices) -> Node:
    if spec.kind is FieldKind.UNION:
        return _Union(spec, value, choices)
    if spec.kind is FieldKind.LIST:
        return _List(spec, value, choices)
    if spec.kind is FieldKind.OBJECT:
        with ui.element("fieldset").classes("fields-section"):
            ui.label(spec.title).classes("section-title")
            return _Object(spec.children, value or {}, choices)
    return Leaf(spec, value, choices.get(spec.name, ()))


class _Object:
    def __init__(self, specs: Sequence[FieldSpec], value: Mapping[str, Any], choices: Choices):
        nested = (FieldKind.UNION, FieldKind.LIST, FieldKind.OBJECT)
        self._nodes: dict[str, Node] = {}
        with ui.element("div").classes("fields"):
            for spec in specs:
                if spec.kind not in nested:
                    self._nodes[spec.name] = _node(spec, value.get(spec.name), choices)
        for spec in specs:
            if spec.kind in nested:
                self._nodes[spec.name] = _node(spec, value.get(spec.name), choices)

    def value(self) -> dict[str, Any]:
        return {name: node.value() for name, node in self._nodes.items()}

    def autofocus(self) -> None:
        first = next(iter(self._nodes.values()))
        if isinstance(first, Leaf):
            first.widget.props("autofocus")

    def show(self, path: Sequence[str], message: str) -> bool:
        if not path or path[0] not in self._nodes:
            return False
        return self._nodes[path[0]].show(path[1:], message)

    def clear(self) -> None:
        for node in self._nodes.values():
            node.clear()


class _Union:
    """A select of the variant, and the fields of the chosen one below it."""

    def __init__(self, spec: FieldSpec, value: Any, choices: Choices) -> None:
        self._spec = spec
        self._choices = choices
        self._kept: dict[str, Mapping[str, Any]] = {}
        chosen = (value or {}).get(spec.tag, spec.variants[0].value)
        self._kept[chosen] = value or {}
        with ui.element("fieldset").classes("fields-section"):
            ui.label(spec.title).classes("section-title")
            with ui.element("div").classes("fields"):
                titles = {item.value: item.title for item in spec.variants}
                self.select = ui.select(titles, label=spec.tag.capitalize(), value=chosen)
                self.select.props(f"outlined dense stack-label data-field={spec.tag}")
                self.select.classes("field").mark(f"field-{spec.tag}")
            self._place = ui.element("div")
            self._error = ui.label().classes("field-error")
            self._error.set_visibility(False)
        self._chosen = chosen
        self._draw()
        self.select.on_value_change(self._change)

    def _draw(self) -> None:
        variant = next(item for item in self._spec.variants if item.value == self._chosen)
        self._place.clear()
        with self._place:
            self._node = _Object(variant.children, self._kept.get(self._chosen, {}), self._choices)

    def _change(self) -> None:
        self._kept[self._chosen] = self._node.value()
        self._chosen = self.select.value
        self._draw()

    def value(self) -> dict[str, Any]:
        return {self._spec.tag: self._chosen, **self._node.value()}

    def show(self, path: Sequence[str], message: str) -> bool:
        if path and self._node.show(path, message):
            return True
        self._error.set_text(message)
        self._error.set_visibility(True)
        return True

    def clear(self) -> None:
        self._error.set_visibility(False)
        self._node.clear()


class _List:
    """Rows of small objects with add and remove."""

    def __init__(self, spec: FieldSpec, value: Any, choices: Choices) -> None:
        self._spec = spec
        self._choices = choices
        self._items: list[tuple[ui.element, _Object]] = []
        with ui.element("fieldset").classes("fields-section"):
            ui.label(spec.title).classes("section-title")
            if spec.help:
                ui.label(spec.help).classes("help")
            self._rows = ui.element("div").classes("list-rows")
            self._error = ui.label().classes("field-error")
            self._error.set_visibility(False)
            ui.button(
                f"Add {spec.title.lower().rstrip('s')}", icon="add", on_click=self._add
            ).props("flat dense no-caps")
        for item in value if value is not None else spec.default or ():
            self._add(item)

    def _add(self, item: Any = None) -> None:
        start = item if isinstance(item, Mapping) else {}
        with self._rows, ui.element("div").classes("list-row") as row:
            node = _Object(self._spec.children, start, self._choices)
            entry = (row, node)
            ui.button(icon="close", on_click=lambda: self._remove(entry), color=None).props(
                'flat round dense aria-label="Remove"'
            )
        self._items.append(entry)

    def _remove(self, entry: tuple[ui.element, _Object]) -> None:
        if len(self._items) <= self._spec.min_items:
            self.show((), f"At least {self._spec.min_items} is needed.")
            return
        self._items.remove(entry)
        entry[0].delete()

    def value(self) -> list[dict[str, Any]]:
        return [node.value() for _, node in self._items]

    def show(self, path: Sequence[str], message: str) -> bool:
        if len(path) > 1 and path[0].isdigit() and int(path[0]) < len(self._items):
            return self._items[int(path[0])][1].show(path[1:], message)
        self._error.set_text(message)
        self._error.set_visibility(True)
        return True

    def clear(self) -> None:
        self._error.set_visibility(False)
        for _, node in self._items:
            node.clear()
