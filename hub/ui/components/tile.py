"""A number at a glance, with the state as colour, icon and words."""

from __future__ import annotations

from nicegui import ui

from hub.ui.components.badge import ICONS


class Tile:
    def __init__(self, title: str, target: str) -> None:
        with ui.link(target=target).classes("tile") as self._tile:
            with ui.element("div").classes("tile-title"):
                ui.label(title)
                self._icon = ui.icon(ICONS["busy"]).props("aria-hidden=true")
            self._value = ui.label("…").classes("tile-value")
            self._note = ui.label().classes("tile-note")
        self._level = ""

    def show(self, level: str, value: str, note: str) -> None:
        """`level` is a key of badge.ICONS."""
        if level != self._level:
            self._tile.classes(add=level, remove=self._level)
            self._icon.set_name(ICONS[level])
            self._level = level
        self._value.set_text(value)
        self._note.set_text(note)
