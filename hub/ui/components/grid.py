"""One look for every table: AG Grid with stable row ids, so that new data keeps sort and filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import ui

Row = dict[str, Any]
Column = dict[str, Any]

_AUTO_HEIGHT_ROWS = 25


def column(field: str, title: str, **more: Any) -> Column:
    return {"field": field, "headerName": title, **more}


def link_column(field: str, title: str, **more: Any) -> Column:
    """The text of `field` as a link to the row's `href`."""
    return column(field, title, **{":cellRenderer": "spindle.cells.link", **more})


def state_column(field: str, title: str, **more: Any) -> Column:
    """A badge; the row has `<field>` (words) and `<field>_level` (key of badge.ICONS)."""
    return column(field, title, **{":cellRenderer": "spindle.cells.state", **more})


def number_column(field: str, title: str, **more: Any) -> Column:
    return column(
        field,
        title,
        **{
            "type": "rightAligned",
            ":valueFormatter": "spindle.cells.count",
            "cellClass": "num ag-right-aligned-cell",
            **more,
        },
    )


class Grid:
    """A table. With `select` its rows have check boxes."""

    def __init__(
        self,
        columns: Sequence[Column],
        rows: Sequence[Row],
        *,
        key: str = "id",
        select: bool = False,
        fill: bool = False,
        label: str = "",
        options: dict[str, Any] | None = None,
    ) -> None:
        given: dict[str, Any] = {
            "columnDefs": list(columns),
            "rowData": list(rows),
            "defaultColDef": {"resizable": True, "sortable": True, "minWidth": 70, "flex": 1},
            ":getRowId": f"params => String(params.data[{key!r}])",
            "animateRows": False,
            "tooltipShowDelay": 300,
            "headerHeight": 36,
            "rowHeight": 38,
            "suppressCellFocus": False,
            "enableCellTextSelection": True,
            "localeText": {"noRowsToShow": "Nothing to show"},
            **(options or {}),
        }
        tall = fill or len(rows) > _AUTO_HEIGHT_ROWS
        if not tall:
            given["domLayout"] = "autoHeight"
        if select:
            given["rowSelection"] = {"mode": "multiRow", "headerCheckbox": True}
        self.element = ui.aggrid(given, auto_size_columns=False).classes(
            "grid tall" if tall else "grid"
        )
        if label:
            self.element.props(f'aria-label="{label}"')
        self._rows = list(rows)

    def set_rows(self, rows: Sequence[Row]) -> None:
        """New data; nothing is sent when nothing changed."""
        if list(rows) == self._rows:
            return
        self._rows = list(rows)
        self.element.run_grid_method("setGridOption", "rowData", self._rows)

    async def selected(self) -> list[Row]:
        return list(await self.element.get_selected_rows())

    def filter_box(self, placeholder: str) -> ui.input:
        """A quick filter over all columns; `/` puts the cursor there, Esc empties it."""
        box = ui.input(placeholder=placeholder).props(
            "outlined dense clearable data-filter type=search"
        )
        box.props(f'aria-label="{placeholder}"').classes("filter")
        with box.add_slot("prepend"):
            ui.icon("search")
        box.on_value_change(
            lambda event: self.element.run_grid_method(
                "setGridOption", "quickFilterText", event.value or ""
            )
        )
        box.on("keydown.esc", lambda: box.set_value(""))
        return box
