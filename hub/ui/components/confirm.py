"""Questions before something is deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from hub.ui.notices import busy


def confirm(
    title: str,
    text: str,
    button: str,
    work: Callable[[], Awaitable[Any]],
    *,
    type_name: str = "",
) -> None:
    """Ask, then run `work`. With `type_name` the button works only after that name was typed."""
    with ui.dialog() as dialog, ui.card().classes("dialog").props("role=alertdialog"):
        ui.label(title).classes("dialog-title")
        ui.label(text).classes("dialog-text")
        name = None
        if type_name:
            name = ui.input(f"Type {type_name} to confirm").props("outlined dense autofocus")
        with ui.element("div").classes("dialog-actions"):
            ui.button("Cancel", on_click=dialog.close, color=None).props("flat")
            go = ui.button(button, color="negative")

    async def run() -> None:
        if name is not None and name.value.strip() != type_name:
            return

        async def and_close() -> None:
            await work()
            dialog.close()

        await busy(go, and_close)

    if name is not None:
        go.bind_enabled_from(name, "value", lambda value: (value or "").strip() == type_name)
        name.on("keydown.enter", run)
    go.on_click(run)
    dialog.on("hide", dialog.delete)
    dialog.open()
