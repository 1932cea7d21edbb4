"""One value to write: its name, what it is now, and a field of its type."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from hub.records import Latest, Tag
from hub.ui.components.write_words import limits_words, value_words
from hub.ui.words import NOTHING
from schemas import quality
from schemas.kinds import DataType, Kind


class WriteField:
    """`read` gives the checked value, or None with the reason at the field."""

    def __init__(self, tag: Tag, latest: Latest | None, *, first: bool = False) -> None:
        self._tag = tag
        now = latest.value if latest and not quality.is_bad(latest.quality) else None
        self.now = NOTHING if now is None else value_words(tag, _short(now))
        with ui.element("div").classes("write-row"):
            with ui.element("div"):
                ui.label(tag.config.name).classes("write-name")
                ui.label(tag.config.description or tag.config.address).classes("muted")
            with ui.element("div"):
                ui.label("Now").classes("muted")
                ui.label(self.now).classes("write-now")
            with ui.element("div"):
                self._widget = _widget(tag, now, first=first)

    def read(self) -> float | int | bool | str | None:
        found = self._widget.value
        if self._tag.config.kind is Kind.BOOL:
            return bool(found)
        if self._tag.config.kind is Kind.TEXT:
            return str(found or "")
        value = number_of(str(found or ""), self._tag)
        if isinstance(value, str):
            self.show(value)
            return None
        self._widget.error = None
        return value

    def show(self, message: str) -> None:
        if self._tag.config.kind is Kind.BOOL:
            ui.notify(message, type="negative")
        else:
            self._widget.error = message


def number_of(text: str, tag: Tag) -> float | int | str:
    """The number, or what is wrong with it."""
    cleaned = text.strip().replace(",", ".").replace("\u2009", "")
    if not cleaned:
        return "A value is needed."
    whole = tag.config.kind is Kind.INT
    try:
        value: float | int = int(cleaned) if whole else float(cleaned)
    except ValueError:
        return "A whole number is needed." if whole else "A number is needed."
    if value != value or value in (float("inf"), float("-inf")):
        return "A number is needed."
    low, high = tag.config.write_low, tag.config.write_high
    if (low is not None and value < low) or (high is not None and value > high):
        return f"{limits_words(tag)}."
    return value


def _short(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _widget(tag: Tag, now: Any, *, first: bool) -> Any:
    config = tag.config
    focus = " autofocus" if first else ""
    if config.kind is Kind.BOOL:
        switch = ui.switch("on" if now else "off", value=bool(now))
        switch.on_value_change(lambda event: switch.set_text("on" if event.value else "off"))
        return switch.props(f'aria-label="New value of {config.name}"{focus}')
    title = f"New value ({config.unit})" if config.unit else "New value"
    if config.kind is Kind.TEXT:
        field = ui.input(title, value=str(now or ""))
    else:
        field = ui.input(title).props("inputmode=decimal").classes("numeric")
    hint = limits_words(tag) or ("" if config.data_type is DataType.STRING else "No limits set.")
    field.props(f"outlined dense stack-label autocomplete=off bottom-slots{focus}")
    field.props["hint"] = hint
    return field.mark(f"write-{tag.id}").classes("field")
