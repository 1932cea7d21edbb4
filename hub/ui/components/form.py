"""A form made from a config model: one declaration gives validation, fields, help and limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

from nicegui import ui
from nicegui.elements.mixins.value_element import ValueElement
from pydantic import BaseModel, ValidationError

from hub.ui.components.fields import Node
from hub.ui.components.form_nodes import Choices, ObjectNode, Section, UnionNode
from hub.ui.components.schema import FieldSpec, fields_of, split_path
from schemas.config.base import explain
from schemas.errors import ConfigErrors, SpindleError

M = TypeVar("M", bound=BaseModel)


class Form(Generic[M]):
    """Fields of `model`, filled from `value`; `read()` gives the model or shows every error.

    `choices` replaces a text field by a select (name -> options); `help_texts` replaces help;
    `hidden` names keep their value from `value` and are not shown. `sections` are folded. `extra`
    are fields of the form that the model does not have, for others to depend on. A field that does
    not apply (`FieldSpec.when`) is hidden; its value stays, but `only_shown` leaves it out.
    """

    def __init__(
        self,
        model: type[M],
        value: Mapping[str, Any] | None = None,
        *,
        choices: Choices | None = None,
        help_texts: Mapping[str, str] | None = None,
        hidden: Sequence[str] = (),
        sections: Sequence[Section] = (),
        extra: Sequence[FieldSpec] = (),
        when: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
        only_shown: bool = False,
        autofocus: bool = False,
    ) -> None:
        self._model = model
        self._hidden = {name: (value or {})[name] for name in hidden if name in (value or {})}
        self._only_shown = only_shown
        self._extra = {spec.name for spec in extra}
        texts = help_texts or {}
        self._specs = tuple(
            _adapted(spec, texts, when or {})
            for spec in (*extra, *fields_of(model))
            if spec.name not in hidden
        )
        with ui.element("div").classes("form") as self.element:
            self._rest = ui.element("div").classes("callout bad").props("role=alert")
            self._rest.set_visibility(False)
            self._root = ObjectNode(self._specs, value or {}, choices or {}, sections)
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

    def node(self, *path: str) -> Node:
        """The place of a field, for example `("connection", "endpoint")`. Raises KeyError."""
        found: Node = self._root
        for name in path:
            holder = found.node if isinstance(found, UnionNode) else found
            assert isinstance(holder, ObjectNode)
            found = holder.nodes[name]
        return found

    def value(self, *, hidden: bool = True) -> dict[str, Any]:
        """What the fields hold now, unchecked; without `hidden`, only those that apply."""
        found = {**self._hidden, **self._root.value(hidden=hidden)}
        return {name: item for name, item in found.items() if name not in self._extra}

    def read(self) -> M | None:
        """The model; None when there are errors, which are then shown at their fields.

        What does not apply never stands in the way: with it wrong, its default is taken.
        """
        self.clear()
        try:
            if not self._only_shown:
                return self._model.model_validate(self.value())
        except ValidationError:
            pass
        try:
            return self._model.model_validate(self.value(hidden=False))
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


def _adapted(
    spec: FieldSpec, texts: Mapping[str, str], when: Mapping[str, Mapping[str, Sequence[str]]]
) -> FieldSpec:
    if spec.name in when:
        rules = tuple((other, tuple(values)) for other, values in when[spec.name].items())
        spec = replace(spec, when=rules)
    return replace(spec, help=texts[spec.name]) if spec.name in texts else spec
