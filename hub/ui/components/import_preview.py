"""The rows of a tag file in a table: what each would do, filtered by the buttons above it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from nicegui import ui

from hub.bulk import ImportPreview, ImportRow, RowState
from hub.ui.components.grid import Grid, column
from hub.ui.components.import_rows import compact
from hub.ui.words import count

_TIP = {":tooltipValueGetter": "spindle.importTable.tip"}
_WIDE = {":cellRenderer": "spindle.cells.importAddress", ":colSpan": "spindle.importTable.span"}
"""A bad row has no tag to show: its problem takes the place."""
_FIELDS = ("line", "state", "name", "address", "type", "unit", "group", "what")
_SORT = {
    ":comparator": "(a, b) => 'bad removed changed new same'.indexOf(a) "
    "- 'bad removed changed new same'.indexOf(b)"
}


def _columns() -> list[dict[str, Any]]:
    looks: dict[str, tuple[str, dict[str, Any]]] = {
        "line": ("Line", {"maxWidth": 80, "minWidth": 66, "type": "rightAligned"}),
        "state": ("State", {":cellRenderer": "spindle.cells.importState", "minWidth": 122} | _SORT),
        "name": ("Tag", {"minWidth": 150, "flex": 3}),
        "address": ("Address", {"minWidth": 130, "flex": 2} | _WIDE | _TIP),
        "type": ("Type", {"minWidth": 84}),
        "unit": ("Unit", {"minWidth": 64, "maxWidth": 100}),
        "group": ("Scan group", {"minWidth": 112}),
        "what": (
            "Changes or problem",
            {"minWidth": 240, "flex": 5} | _TIP,
        ),
    }
    made = [
        column(str(place), looks[name][0], colId=name, **looks[name][1])
        for place, name in enumerate(_FIELDS, 1)
    ]
    value = {
        ":cellRenderer": "spindle.cells.importValue",
        ":tooltipValueGetter": "spindle.importTable.remark",
        "minWidth": 150,
        "flex": 2,
        "hide": True,
    }
    return [*made, column("10", "Test read", colId="value", **value)]


class ImportTable:
    """Thousands of rows; the browser draws those in view. `filtered` is called by the buttons."""

    def __init__(self, filtered: Callable[[], None]) -> None:
        self._filtered = filtered
        self._rows: tuple[ImportRow, ...] = ()
        self._shown = ""
        with ui.element("div").classes("row"):
            self._states = ui.element("div").classes("group").props('role=group aria-label="Rows"')
            ui.element("div").classes("grow")
            self._bar = ui.element("div").classes("row")
        options = {
            ":isExternalFilterPresent": "spindle.importTable.some",
            ":doesExternalFilterPass": "spindle.importTable.passes",
            ":getRowHeight": "spindle.importTable.height",
            ":getRowId": "params => String(params.data[0])",
            "rowSelection": {"mode": "multiRow", "headerCheckbox": True, "selectAll": "filtered"},
        }
        self.grid = Grid(_columns(), [], fill=True, label="Preview of the import", options=options)
        self.grid.element.classes(add="import")
        with self._bar:
            self.grid.filter_box("Filter rows")

    def show(self, preview: ImportPreview) -> None:
        """Draw the rows; bad ones first in view when there are any."""
        self._rows = preview.rows
        self._shown = RowState.BAD.value if preview.count(RowState.BAD) else ""
        self._draw_states(preview)
        self._run("load", compact(preview.rows), self._shown)

    def chosen_state(self) -> str:
        """The state that is shown alone, empty for all."""
        return self._shown

    async def chosen(self) -> tuple[bool, list[ImportRow]]:
        """(ticked, rows): the ticked ones in view of the filter, else all in view of it."""
        ticked, keys = await ui.run_javascript(
            f"return await spindle.importTable.chosen({self.grid.element.id})", timeout=10
        )
        return bool(ticked), [self._rows[int(key)] for key in keys]

    def keys(self) -> dict[str, int]:
        """Name of each good row -> its key."""
        return {row.name: key for key, row in enumerate(self._rows) if row.config}

    def results(self, found: list[list[Any]]) -> None:
        """[key, value in words, level, remark] each."""
        self._run("results", found)

    def forget_results(self) -> None:
        self._run("forget")

    def _run(self, method: str, *arguments: Any) -> None:
        given = ", ".join(json.dumps(item, ensure_ascii=False) for item in arguments)
        call = f"spindle.importTable.{method}({self.grid.element.id}{', ' if given else ''}{given})"
        ui.run_javascript(call.replace("</", "<\\/"))

    def _draw_states(self, preview: ImportPreview) -> None:
        self._states.clear()
        buttons: dict[str, ui.element] = {}

        def choose(state: str) -> None:
            self._shown = state
            for name, button in buttons.items():
                button.props(f"aria-pressed={'true' if name == state else 'false'}")
            self._run("show", state)
            self._filtered()

        with self._states:
            for state in ("", *(item.value for item in RowState)):
                number = preview.count(RowState(state)) if state else len(preview.rows)
                button = ui.element("button").props("type=button").classes(state)
                button.props(f"aria-pressed={'true' if state == self._shown else 'false'}")
                if state and not number:
                    button.props("disabled")
                with button:
                    ui.label(state.capitalize() or "All")
                    ui.label(count(number)).classes("count")
                button.on("click", lambda state=state: choose(state))
                buttons[state] = button
