"""A table to fill in: type, paste from Excel, problems at their cells."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nicegui import events, ui

from hub.ui.components.grid import Grid, column

Cells = dict[str, str]
_KEY = "#"
"""Which row this is in the browser; no column is called so."""


_NUMBER = column(
    "",
    "Row",
    colId="row",
    sortable=False,
    maxWidth=64,
    cellClass="row-number",
    **{":valueGetter": "params => params.node.rowIndex + 1"},
)


@dataclass(frozen=True, slots=True)
class CellColumn:
    """`choices` make it a list to choose from; a `fixed` one cannot be edited."""

    name: str
    title: str
    choices: tuple[str, ...] = ()
    fixed: bool = False
    help: str = ""
    flex: int = 1


class CellTable:
    """Rows of texts. `changed` is called after every edit; `most` rows at most."""

    def __init__(
        self,
        columns: Sequence[CellColumn],
        rows: Iterable[Mapping[str, str]],
        *,
        label: str,
        changed: Callable[[], None] | None = None,
        most: int = 1000,
        fill: bool = False,
    ) -> None:
        self._columns = tuple(columns)
        self._names = [item.name for item in columns]
        self._changed = changed or (lambda: None)
        self._most = most
        self._next = 0
        self._rows: dict[int, Cells] = {}
        self._problems: dict[tuple[int, str], str] = {}
        for row in rows:
            self._append(row)
        options = {
            "singleClickEdit": False,
            "stopEditingWhenCellsLoseFocus": True,
            "enterNavigatesVerticallyAfterEdit": True,
            "undoRedoCellEditing": False,
            "enableCellTextSelection": False,
            "rowHeight": 34,
        }
        self.grid = Grid(
            [_NUMBER, *(_column(item) for item in columns)],
            self._shown(),
            key=_KEY,
            select=True,
            fill=fill,
            label=label,
            options=options,
        )
        element = self.grid.element.classes(add="cells")
        element.on("cellValueChanged", self._edited, ["data", "colId", "newValue"])
        element.on(
            "paste",
            self._pasted,
            js_handler=f"(event) => {{ const found = spindle.fill.pasted({element.id}, event); "
            "if (found) emit(found); }",
        )

    def rows(self) -> list[Cells]:
        """The rows from top to bottom, also empty ones."""
        return [dict(cells) for cells in self._rows.values()]

    def add(self, rows: Iterable[Mapping[str, str]]) -> int:
        """Rows at the end; how many had room."""
        before = len(self._rows)
        for row in rows:
            if len(self._rows) < self._most:
                self._append(row)
        self._changed_now()
        return len(self._rows) - before

    def add_empty(self) -> None:
        """An empty row at the end, with the cursor in its first cell."""
        if self.add([{}]):
            place, first = len(self._rows) - 1, next(i.name for i in self._columns if not i.fixed)
            ui.run_javascript(
                f"spindle.fill.edit({self.grid.element.id}, {place}, {json.dumps(first)})"
            )

    def replace(self, rows: Iterable[Mapping[str, str]]) -> None:
        self._rows.clear()
        self._problems.clear()
        self.add(rows)

    async def remove_ticked(self) -> int:
        """How many rows went."""
        ticked = [int(row[_KEY]) for row in await self.grid.selected()]
        for key in ticked:
            self._rows.pop(key, None)
        self._problems = {at: text for at, text in self._problems.items() if at[0] in self._rows}
        self._changed_now()
        return len(ticked)

    def show(self, problems: Iterable[tuple[int, str, str]]) -> list[str]:
        """Mark (row from the top, column, text); texts without such a cell come back."""
        keys, homeless = list(self._rows), []
        self._problems.clear()
        for place, name, text in problems:
            if not 0 <= place < len(keys):
                homeless.append(text)
                continue
            at = (keys[place], name if name in self._names else self._names[0])
            self._problems[at] = f"{self._problems[at]} {text}" if at in self._problems else text
        self._draw()
        return homeless

    def clear_problems(self) -> None:
        if self._problems:
            self._problems.clear()
            self._draw()

    def _append(self, row: Mapping[str, str]) -> None:
        self._next += 1
        self._rows[self._next] = {name: str(row.get(name, "")) for name in self._names}

    def _shown(self) -> list[dict[str, Any]]:
        marks: dict[int, dict[str, str]] = {}
        for (key, name), text in self._problems.items():
            marks.setdefault(key, {})[f"!{name}"] = text
        return [{**cells, **marks.get(key, {}), _KEY: key} for key, cells in self._rows.items()]

    def _draw(self) -> None:
        rows = json.dumps(self._shown(), ensure_ascii=False).replace("</", "<\\/")
        ui.run_javascript(f"spindle.fill.rows({self.grid.element.id}, {rows})")

    def _changed_now(self) -> None:
        self._draw()
        self._changed()

    def _edited(self, event: events.GenericEventArguments) -> None:
        key, name = int(event.args["data"][_KEY]), str(event.args["colId"])
        if key in self._rows and name in self._names:
            value = event.args.get("newValue")
            self._rows[key][name] = "" if value is None else str(value).strip()
            if self._problems.pop((key, name), None) is not None:
                self._draw()
            self._changed()

    def _pasted(self, event: events.GenericEventArguments) -> None:
        """A block of cells from the cell with the focus on; rows are added as needed."""
        start, name = int(event.args["row"]), str(event.args["field"])
        free = [item.name for item in self._columns if not item.fixed]
        if name not in free:
            return
        names = free[free.index(name) :]
        block = pasted_cells(str(event.args["text"]))
        while len(self._rows) < min(start + len(block), self._most):
            self._append({})
        keys = list(self._rows)[start : start + len(block)]
        for key, cells in zip(keys, block, strict=False):
            for column_name, cell in zip(names, cells, strict=False):
                self._rows[key][column_name] = cell
                self._problems.pop((key, column_name), None)
        self._changed_now()


def pasted_cells(text: str) -> list[list[str]]:
    """Rows of cells as a spreadsheet puts them on the clipboard."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
    return [[cell.strip() for cell in line.split("\t")] for line in lines]


def _column(item: CellColumn) -> dict[str, Any]:
    more: dict[str, Any] = {
        "editable": not item.fixed,
        "flex": item.flex,
        "minWidth": 110,
        "sortable": False,
        "cellClassRules": {":wrong": "spindle.fill.wrong"},
        ":tooltipValueGetter": "spindle.fill.tip",
    }
    if item.choices:
        more["cellEditor"] = "agSelectCellEditor"
        more["cellEditorParams"] = {"values": list(item.choices)}
    if item.help:
        more["headerTooltip"] = item.help
    return column(item.name, item.title, **more)
