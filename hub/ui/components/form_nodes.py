"""Places of a form that hold others: sections, unions and lists of fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from hub.ui.components.fields import Leaf, Node, Texts
from hub.ui.components.labels import ADVANCED
from hub.ui.components.schema import FieldKind, FieldSpec

Choices = Mapping[str, Sequence[str]]
NESTED = (FieldKind.UNION, FieldKind.LIST, FieldKind.OBJECT)


@dataclass(frozen=True, slots=True)
class Section:
    """Fields under a title that can be folded; it is open when one of them has been changed."""

    title: str
    names: tuple[str, ...]


def _node(spec: FieldSpec, value: Any, choices: Choices) -> Node:
    if spec.kind is FieldKind.UNION:
        return UnionNode(spec, value, choices)
    if spec.kind is FieldKind.LIST:
        return _List(spec, value, choices)
    if spec.kind is FieldKind.OBJECT:
        with ui.element("fieldset").classes("fields-section"):
            ui.label(spec.title).classes("section-title")
            return ObjectNode(spec.children, value or {}, choices)
    if spec.kind is FieldKind.TEXTS:
        return Texts(spec, value)
    return Leaf(spec, value, choices.get(spec.name, ()))


class ObjectNode:
    """Fields side by side, folded sections below them, nested places last."""

    def __init__(
        self,
        specs: Sequence[FieldSpec],
        value: Mapping[str, Any],
        choices: Choices,
        sections: Sequence[Section] = (),
    ) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self.nodes: dict[str, Node] = {}
        self._folds: list[tuple[ui.expansion, Section]] = []
        folded = {name for section in sections for name in section.names}
        with ui.element("div") as self.element:
            flat = [spec for spec in specs if spec.kind not in NESTED]
            with ui.element("div").classes("fields"):
                for spec in flat:
                    if spec.name not in folded:
                        self._add(spec, value, choices)
            for section in sections:
                mine = [spec for spec in flat if spec.name in section.names]
                if mine:
                    self._fold(section, mine, value, choices)
            for spec in specs:
                if spec.kind in NESTED:
                    self._add(spec, value, choices)
        self._watch()

    def _add(self, spec: FieldSpec, value: Mapping[str, Any], choices: Choices) -> None:
        self.nodes[spec.name] = _node(spec, value.get(spec.name), choices)

    def _fold(
        self,
        section: Section,
        specs: Sequence[FieldSpec],
        value: Mapping[str, Any],
        choices: Choices,
    ) -> None:
        changed = any(value.get(spec.name, spec.default) != spec.default for spec in specs)
        fold = ui.expansion(section.title, value=changed).props("dense").classes("fold")
        fold.mark(f"fold-{section.title}")
        with fold, ui.element("div").classes("fields"):
            for spec in specs:
                self._add(spec, value, choices)
        self._folds.append((fold, section))

    def _watch(self) -> None:
        """Fields appear and vanish with the fields that they depend on."""
        for name in {other for spec in self._specs.values() for other, _ in spec.when}:
            node = self.nodes.get(name)
            if isinstance(node, Leaf):
                node.widget.on_value_change(self._apply)
        self._apply()

    def _apply(self) -> None:
        around = self._given()
        for name, spec in self._specs.items():
            if spec.when:
                self.nodes[name].element.set_visibility(spec.applies(around))
        for fold, section in self._folds:
            inside = [self._specs[name] for name in section.names if name in self._specs]
            fold.set_visibility(any(spec.applies(around) for spec in inside))

    def _given(self) -> dict[str, Any]:
        return {name: node.value() for name, node in self.nodes.items()}

    def value(self, *, hidden: bool = True) -> dict[str, Any]:
        """What the fields hold; without `hidden`, only those that apply."""
        given = self._given()
        shown = {name for name, spec in self._specs.items() if hidden or spec.applies(given)}
        return {
            name: node.value(hidden=hidden) if isinstance(node, UnionNode) else given[name]
            for name, node in self.nodes.items()
            if name in shown
        }

    def autofocus(self) -> None:
        first = next(iter(self.nodes.values()))
        if isinstance(first, Leaf):
            first.widget.props("autofocus")

    def meant_by(self, message: str) -> tuple[str, ...]:
        """The first field that applies and whose title is in the message: what a model says about
        several fields has no path, and people look for it at a field."""
        given = self._given()
        names = (
            name
            for name, spec in self._specs.items()
            if spec.title.lower() in message.lower() and spec.applies(given)
        )
        return tuple(names)[:1]

    def show(self, path: Sequence[str], message: str) -> bool:
        """False for a field that is not here or does not apply: nobody would see the message."""
        if not path or path[0] not in self.nodes:
            return False
        if not self._specs[path[0]].applies(self._given()):
            return False
        for fold, section in self._folds:
            if path[0] in section.names:
                fold.open()
        return self.nodes[path[0]].show(path[1:], message)

    def clear(self) -> None:
        for node in self.nodes.values():
            node.clear()


class UnionNode:
    """A select of the variant, and the fields of the chosen one below it."""

    def __init__(self, spec: FieldSpec, value: Any, choices: Choices) -> None:
        self._spec = spec
        self._choices = choices
        self._kept: dict[str, Mapping[str, Any]] = {}
        self.chosen = (value or {}).get(spec.tag, spec.variants[0].value)
        self._kept[self.chosen] = value or {}
        with ui.element("fieldset").classes("fields-section") as self.element:
            ui.label(spec.title).classes("section-title")
            with ui.element("div").classes("fields"):
                titles = {item.value: item.title for item in spec.variants}
                self.select = ui.select(titles, label=spec.tag.capitalize(), value=self.chosen)
                self.select.props(f"outlined dense stack-label data-field={spec.tag}")
                self.select.classes("field variant").mark(f"field-{spec.tag}")
            self._place = ui.element("div")
            self._error = ui.label().classes("field-error").props("role=alert")
            self._error.set_visibility(False)
            self.after = ui.element("div")
        self._draw()
        self.select.on_value_change(self._change)

    def _draw(self) -> None:
        variant = next(item for item in self._spec.variants if item.value == self.chosen)
        names = tuple(item.name for item in variant.children if item.name in ADVANCED)
        sections = (Section("More settings", names),) if names else ()
        self._place.clear()
        with self._place:
            kept = self._kept.get(self.chosen, {})
            self.node = ObjectNode(variant.children, kept, self._choices, sections)

    def _change(self) -> None:
        self._kept[self.chosen] = self.node.value()
        self.chosen = self.select.value
        self._draw()

    def value(self, *, hidden: bool = True) -> dict[str, Any]:
        return {self._spec.tag: self.chosen, **self.node.value(hidden=hidden)}

    def show(self, path: Sequence[str], message: str) -> bool:
        if self.node.show(path or self.node.meant_by(message), message):
            return True
        self._error.set_text(message)
        self._error.set_visibility(True)
        return True

    def clear(self) -> None:
        self._error.set_visibility(False)
        self.node.clear()


class _List:
    """Rows of small objects with add and remove."""

    def __init__(self, spec: FieldSpec, value: Any, choices: Choices) -> None:
        self._spec = spec
        self._choices = choices
        self._items: list[tuple[ui.element, ObjectNode]] = []
        with ui.element("fieldset").classes("fields-section") as self.element:
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
            node = ObjectNode(self._spec.children, start, self._choices)
            entry = (row, node)
            ui.button(icon="close", on_click=lambda: self._remove(entry), color=None).props(
                'flat round dense aria-label="Remove"'
            )
        self._items.append(entry)

    def _remove(self, entry: tuple[ui.element, ObjectNode]) -> None:
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
