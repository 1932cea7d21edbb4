"""What happened to a use: starts, faults, alarms, writes, as stored with its values."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from hub.function_records import StoredEvent
from hub.ui.components.badge import Badge
from hub.ui.components.plain_table import table_head
from hub.ui.words import clock

_LEVELS = {"info": "info", "warning": "warn", "error": "bad"}
_KINDS = {
    "fault": "Fault",
    "stopped": "Stopped",
    "started": "Started",
    "alarm": "Alarm",
    "write": "Write",
    "event": "Event",
    "gap": "Gap",
}


class EventTable:
    """Newest first; drawn again only when there is another one."""

    def __init__(self) -> None:
        self._shown: list[int] | None = None
        with ui.element("section").classes("panel").mark("events"):
            with ui.element("div").classes("panel-head"):
                ui.html("Events", tag="h2", sanitize=False)
                ui.label("Stored with its values").classes("muted")
            self._place = ui.element("div").classes("spec-scroll")

    def show(self, events: Sequence[StoredEvent]) -> None:
        wanted = [event.id for event in events]
        if wanted == self._shown:
            return
        self._shown = wanted
        self._place.clear()
        with self._place:
            if not events:
                ui.label("Nothing has happened yet.").classes("muted panel-body")
                return
            with ui.element("table").classes("plain-table events"):
                table_head(("Time", "What", "Message"))
                with ui.element("tbody"):
                    for event in events:
                        _row(event)


def _row(event: StoredEvent) -> None:
    with ui.element("tr"):
        with ui.element("td"):
            ui.label(clock(event.time_ns)).classes("num")
        with ui.element("td"):
            Badge(_LEVELS.get(event.level, "info"), _KINDS.get(event.kind, event.kind))
        with ui.element("td"):
            ui.label(event.message)
