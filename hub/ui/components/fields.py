"""The widgets of single values: text, number, switch, choice, password.

Limits are shown and checked on save, never clipped while somebody types: a silent 70000 -> 65535
is a wrong configuration that nobody wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from nicegui import ui
from nicegui.elements.mixins.validation_element import ValidationElement

from hub.ui.components.labels import in_words
from hub.ui.components.schema import FieldKind, FieldSpec
from hub.ui.words import grouped


class Node(Protocol):
    """A place in the form: a value, and errors by the rest of their path."""

    element: ui.element

    def value(self) -> Any: ...

    def show(self, path: Sequence[str], message: str) -> bool:
        """Show the message at this place; False when there is no room for it here."""

    def clear(self) -> None:
        """Take all messages away."""


class Leaf:
    """One value in one widget."""

    def __init__(self, spec: FieldSpec, value: Any, choices: Sequence[str] = ()) -> None:
        self.spec = spec
        start = spec.default if value is None else value
        self._error: ui.label | None = None
        if spec.kind is FieldKind.SWITCH:
            with ui.element("div").classes("switch-field") as self.element:
                self.widget: Any = ui.switch(spec.title, value=bool(start))
                if spec.help:
                    ui.label(spec.help).classes("help")
                self._error = ui.label().classes("field-error")
                self._error.set_visibility(False)
        elif spec.kind is FieldKind.CHOICE or choices:
            options = {item: in_words(spec.name, item) for item in choices or spec.choices}
            if start not in options:
                start = next(iter(options), None)
            self.widget = ui.select(options, label=spec.title, value=start)
        else:
            self.widget = _text(spec, start)
        if spec.kind is not FieldKind.SWITCH:
            self.element = self.widget
        self.widget.mark(f"field-{spec.name}")
        self.widget.props(f"data-field={spec.name}")
        if isinstance(self.widget, ValidationElement):
            self.widget.classes("field").props("outlined dense stack-label bottom-slots")
            self.widget.props["hint"] = _hint(spec)
        if spec.kind is FieldKind.LONG_TEXT:
            self.widget.classes("wide")

    def value(self) -> Any:
        found = self.widget.value
        if self.spec.optional and str("" if found is None else found).strip() == "":
            return None
        if self.spec.kind is FieldKind.INTEGER:
            return _number(found, whole=True)
        if self.spec.kind is FieldKind.NUMBER:
            return _number(found, whole=False)
        return "" if found is None else found

    def set(self, value: Any) -> None:
        """Put another value in, as if somebody had typed it."""
        self.widget.set_value(value)

    def show(self, path: Sequence[str], message: str) -> bool:
        if self._error is not None:
            self._error.set_text(message)
            self._error.set_visibility(True)
        else:
            self.widget.error = message
        return True

    def clear(self) -> None:
        if self._error is not None:
            self._error.set_visibility(False)
        else:
            self.widget.error = None


class Texts:
    """A list of texts that are not typed but chosen elsewhere; each can be taken away."""

    def __init__(self, spec: FieldSpec, value: Any) -> None:
        self._spec = spec
        self._texts = list(value or ())
        self._changed: list[Callable[[], None]] = []
        with ui.element("div").classes("texts wide") as self.element:
            ui.label(spec.title).classes("texts-title")
            if spec.help:
                ui.label(spec.help).classes("help")
            self._place = ui.element("div").classes("texts-list")
            self._error = ui.label().classes("field-error")
            self._error.set_visibility(False)
        self.element.props(f"data-field={spec.name}")
        self._draw()

    def _draw(self) -> None:
        self._place.clear()
        with self._place:
            if not self._texts:
                ui.label("None yet.").classes("muted")
            for text in self._texts:
                self._one(text)

    def _one(self, text: str) -> None:
        with ui.element("div").classes("texts-item"):
            ui.label(grouped(text)).classes("mono")
            ui.button("Remove", icon="close", on_click=lambda: self.remove(text), color=None).props(
                f'flat dense no-caps aria-label="Remove {text[:8]}"'
            )

    def on_change(self, work: Callable[[], None]) -> None:
        self._changed.append(work)

    def add(self, text: str) -> None:
        if text not in self._texts:
            self._texts.append(text)
            self._redrawn()

    def remove(self, text: str) -> None:
        self._texts = [item for item in self._texts if item != text]
        self._redrawn()

    def _redrawn(self) -> None:
        self._draw()
        for work in self._changed:
            work()

    def value(self) -> list[str]:
        return list(self._texts)

    def show(self, path: Sequence[str], message: str) -> bool:
        self._error.set_text(message)
        self._error.set_visibility(True)
        return True

    def clear(self) -> None:
        self._error.set_visibility(False)


def _text(spec: FieldSpec, start: Any) -> Any:
    title = spec.title + (" *" if spec.required else "")
    if spec.kind is FieldKind.PASSWORD:
        field = ui.input(title, value=start or "", password=True, password_toggle_button=True)
        return field.props("autocomplete=new-password")
    shown = "" if start is None else _plain(start)
    field = ui.input(title, value=shown).props("autocomplete=off spellcheck=false")
    if spec.kind is FieldKind.INTEGER:
        field.props("inputmode=numeric").classes("numeric")
    elif spec.kind is FieldKind.NUMBER:
        field.props("inputmode=decimal").classes("numeric")
    elif spec.max_length:
        field.props(f"maxlength={spec.max_length}")
    return field


def _plain(value: Any) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _number(text: Any, *, whole: bool) -> Any:
    """The number, or the text as it is, so that the model's message says what is wrong."""
    cleaned = str(text).strip().replace(",", ".")
    try:
        return int(cleaned) if whole else float(cleaned)
    except ValueError:
        return cleaned


def _hint(spec: FieldSpec) -> str:
    return " ".join(part for part in (spec.help, f"({spec.limits})" if spec.limits else "") if part)
