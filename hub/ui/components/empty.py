"""The empty state: why there is nothing, and what to do next."""

from __future__ import annotations

from nicegui import ui


def empty_state(icon: str, title: str, text: str) -> ui.element:
    """A framed note; use with `with` to put buttons below the text."""
    with ui.element("section").classes("empty"):
        ui.icon(icon).classes("empty-icon").props("aria-hidden=true")
        ui.label(title).classes("empty-title")
        if text:
            ui.label(text).classes("empty-text")
        return ui.element("div").classes("empty-actions")
