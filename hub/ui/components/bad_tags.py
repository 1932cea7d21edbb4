"""The tags of a device without a good value: reason and what to do, one line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui

from hub.records import Latest, Tag
from hub.ui.components.grid import Grid, column, state_column
from hub.ui.components.reasons import Reason, reasons_of
from hub.ui.words import plural
from schemas.messages.health import DeviceHealth

_COLUMNS = (
    column("name", "Tag", minWidth=120, flex=2),
    column("address", "Address", minWidth=150, flex=2),
    state_column("state", "Now", minWidth=100, maxWidth=130),
    column("message", "Reason", minWidth=195, flex=4, wrapText=True, autoHeight=True),
    column("hint", "What to do", minWidth=195, flex=4, wrapText=True, autoHeight=True),
)


class BadTags:
    """`wanted` is the id of the tag that somebody clicked; it is searched for."""

    def __init__(self, wanted: str = "") -> None:
        self._wanted = wanted
        self._grid: Grid | None = None
        self._box: ui.input | None = None
        with ui.element("section").classes("panel"):
            with ui.element("div").classes("panel-head"):
                ui.html("Tags without a good value", tag="h2", sanitize=False)
                self._number = ui.label().classes("muted")
                ui.element("div").classes("grow")
                self._tools = ui.element("div")
            self._calm = ui.element("div").classes("calm")
            with self._calm:
                ui.icon("check_circle")
                ui.label("Every tag has a good value.")
            self._all = ui.label().classes("panel-body")
            self._place = ui.element("div").mark("bad-tags")

    def show(
        self, tags: Sequence[Tag], health: DeviceHealth | None, latest: Mapping[int, Latest]
    ) -> None:
        running = health is not None and health.state == "running"
        found = reasons_of(tags, health, latest) if running else []
        self._all.set_visibility(not running)
        self._calm.set_visibility(running and not found)
        for part in (self._place, self._tools):
            part.set_visibility(bool(found))
        self._number.set_text(f"{len(found)} of {plural(len(tags), 'tag')}" if found else "")
        if not running:
            which = "Its only tag is" if len(tags) == 1 else f"Its {len(tags)} tags are"
            self._all.set_text(f"{which} bad, for the reason above.")
        if found:
            self._draw([_row(item) for item in found], tags)

    def _draw(self, rows: list[dict[str, Any]], tags: Sequence[Tag]) -> None:
        if self._grid is not None:
            self._grid.set_rows(rows)
            return
        with self._place:
            self._grid = Grid(_COLUMNS, rows, label="Tags without a good value")
        with self._tools:
            self._box = self._grid.filter_box("Search")
        name = next((tag.config.name for tag in tags if str(tag.id) == self._wanted), "")
        if name:
            self._box.set_value(name)


def _row(item: Reason) -> dict[str, Any]:
    return {
        "id": item.tag.id,
        "name": item.tag.config.name,
        "address": item.tag.config.address,
        "state": "bad" if item.level == "bad" else "uncertain",
        "state_level": item.level,
        "message": item.message,
        "hint": item.hint,
    }
