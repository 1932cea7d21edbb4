"""The dialog for a time range of one's own, in the browser's local time."""

from __future__ import annotations

from nicegui import ui


def custom_range() -> None:
    with ui.dialog() as dialog, ui.card().classes("dialog"):
        ui.label("Time range").classes("dialog-title")
        ui.label("In the time of this computer.").classes("dialog-text")
        start = ui.input("From").props(
            "outlined dense stack-label type=datetime-local step=1 autofocus"
        )
        end = ui.input("To").props("outlined dense stack-label type=datetime-local step=1")
        with ui.element("div").classes("dialog-actions"):
            ui.button("Cancel", on_click=dialog.close, color=None).props("flat")
            go = ui.button("Show")

    def show() -> None:
        start.error = None if start.value else "Choose a start."
        end.error = None if end.value else "Choose an end."
        if start.value and end.value and end.value <= start.value:
            end.error = "The end must be after the start."
        if start.error or end.error:
            return
        dialog.close()
        ui.run_javascript(
            f"spindle.trend.look(Date.parse({str(start.value)!r}), Date.parse({str(end.value)!r}))"
        )

    go.on_click(show)
    start.on("keydown.enter", show)
    end.on("keydown.enter", show)
    dialog.open()
