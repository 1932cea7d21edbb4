"""One step of a device: which built-in, on which tags, with which parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nicegui import ui

from hub.functions.steps import matched, step_functions
from hub.ui.components.parameter_form import ParameterForm
from hub.ui.words import plural
from schemas.config.devices import TagConfig
from schemas.config.functions import StepConfig
from schemas.errors import SpindleError
from schemas.functions import FunctionSpec
from udf.builtins import builtin
from udf.execution import spec_of

_FIRST = "scale"
_NAMED = 4
_HELP = "Names apart by ;   and * stands for any characters, for example Torque*"


class StepRow:
    """`move(row, by)` and `remove(row)` are called by its buttons."""

    def __init__(
        self,
        step: Mapping[str, Any],
        tags: Sequence[TagConfig],
        move: Callable[[StepRow, int], None],
        remove: Callable[[StepRow], None],
    ) -> None:
        self._tags = tags
        self._kept: dict[str, Mapping[str, Any]] = {}
        names = step_functions()
        self._function = str(step.get("function") or (_FIRST if _FIRST in names else names[0]))
        self._kept[self._function] = dict(step.get("parameters") or {})
        titles = {name: _spec(name).title for name in names}
        if self._function not in titles:
            titles[self._function] = f"{self._function} (is no step here)"
        with ui.element("article").classes("step-row") as self.element:
            with ui.element("div").classes("step-head"):
                self._number = ui.label().classes("step-number")
                self._choice = ui.select(titles, label="Function", value=self._function)
                self._choice.props("outlined dense stack-label data-field=function")
                self._choice.classes("field").mark("step-function")
                self._about = ui.label().classes("muted step-about")
                self._up = _button("arrow_upward", "Earlier", lambda: move(self, -1))
                self._down = _button("arrow_downward", "Later", lambda: move(self, 1))
                _button("close", "Remove step", lambda: remove(self))
            self._names = ui.input("Tags *", value="; ".join(step.get("tags") or ()))
            self._names.props("outlined dense stack-label bottom-slots data-field=tags")
            self._names.props["hint"] = _HELP
            self._names.classes("field")
            self._count = ui.label().classes("muted").props("aria-live=polite").mark("step-count")
            self._place = ui.element("div")
        self._choice.on_value_change(self._other)
        self._names.on_value_change(self._show_count)
        self._draw()
        self._show_count()

    def set_number(self, number: int, of: int) -> None:
        """Its place in the order, from 1."""
        self._number.set_text(str(number))
        self._up.set_enabled(number > 1)
        self._down.set_enabled(number < of)

    def value(self) -> dict[str, Any]:
        """A StepConfig as a JSON map. Raises ConfigError for parameters that cannot be read."""
        return {
            "function": self._function,
            "tags": patterns_of(str(self._names.value or "")),
            "parameters": self._parameters.value() if self._parameters else {},
        }

    def show(self, problem: SpindleError, before: str) -> None:
        """`before` is the part of the path that leads here."""
        text = problem.message.removeprefix(f"{problem.path}: ")
        path = problem.path.removeprefix(before)
        if path.startswith("tags"):
            needed = "at least 1 item" in text
            self._names.error = "Name at least one tag." if needed else text
        elif path.startswith("parameters") and self._parameters is not None:
            for rest in self._parameters.show([*self._shown, problem]):
                self._choice.error = rest.message
            self._shown.append(problem)
        else:
            self._choice.error = text

    def clear(self) -> None:
        self._names.error = None
        self._choice.error = None
        self._shown: list[SpindleError] = []
        if self._parameters is not None:
            self._parameters.clear()

    def _other(self) -> None:
        if self._parameters is not None:
            self._kept[self._function] = self._parameters.filled()
        self._function = str(self._choice.value)
        self._draw()

    def _draw(self) -> None:
        self._place.clear()
        self._shown = []
        self._parameters: ParameterForm | None = None
        if self._function not in step_functions():
            self._about.set_text("")
            return
        spec = _spec(self._function)
        self._about.set_text(spec.description.partition(". ")[0])
        with self._place:
            self._parameters = ParameterForm(spec.parameters, self._kept.get(self._function))

    def _show_count(self) -> None:
        self._names.error = None
        self._count.set_text(count_words(str(self._names.value or ""), self._tags))


def patterns_of(text: str) -> list[str]:
    """`Speed; Torque*` as a list."""
    return [part.strip() for part in text.split(";") if part.strip()]


def count_words(text: str, tags: Sequence[TagConfig]) -> str:
    """Which tags the patterns name, in words."""
    patterns = patterns_of(text)
    if not patterns:
        return ""
    if not tags:
        return "The device has no tags yet."
    found = matched(StepConfig(function="clamp", tags=tuple(patterns)), tags)
    if not found:
        return "No number of this device is called so."
    names = ", ".join(tag.name for tag in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"{plural(len(found), 'tag')}: {names}{more}"


def _spec(name: str) -> FunctionSpec:
    return spec_of(builtin(name))


def _button(icon: str, title: str, work: Callable[[], None]) -> ui.button:
    button = ui.button(icon=icon, on_click=work, color=None)
    return button.props(f'flat round dense aria-label="{title}" title="{title}"')
