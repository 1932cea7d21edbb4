"""Small marks of state: colour, icon and word together, because colour alone is not enough."""

from __future__ import annotations

from nicegui import ui

ICONS = {
    "ok": "check_circle",
    "busy": "hourglass_top",
    "warn": "warning",
    "bad": "error",
    "off": "remove_circle_outline",
    "info": "info",
}


class Badge:
    """A state in a word. `level` is a key of ICONS."""

    def __init__(self, level: str, text: str) -> None:
        with ui.element("span").classes("badge") as self.element:
            self._icon = ui.icon(ICONS[level]).props("aria-hidden=true")
            self._label = ui.label(text)
        self._level = level
        self.element.classes(level)

    def show(self, level: str, text: str) -> None:
        if level != self._level:
            self.element.classes(add=level, remove=self._level)
            self._icon.set_name(ICONS[level])
            self._level = level
        self._label.set_text(text)
