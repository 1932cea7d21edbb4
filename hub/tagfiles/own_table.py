"""Our own table of tags: one column per field of TagConfig, and `id`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.tagfiles.columns import (
    CHOICES,
    FIELDS,
    FREE,
    HEADER,
    ID,
    cell_of,
    cleared,
    column_of,
    value_of,
)
from hub.tagfiles.csv_file import write_csv
from hub.tagfiles.drafts import Draft, TagFile
from hub.tagfiles.tables import Cell, Table, empty
from hub.tagfiles.xlsx_file import write_xlsx
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.errors import ConfigError

_REQUIRED = frozenset({"name", "address"})
SHEET = "Tags"


def write_table(tags: Sequence[tuple[int, TagConfig]], file_format: str) -> bytes:
    """(id, tag) as `csv` or `xlsx`; what `read_table` reads is the same again."""
    rows = [[tag_id, *(cell_of(getattr(tag, name)) for name in FIELDS)] for tag_id, tag in tags]
    if file_format == "xlsx":
        return write_xlsx(SHEET, HEADER, rows)
    return write_csv(HEADER, rows)


def read_table(table: Table, device: DeviceConfig) -> TagFile:
    """Raises ConfigError when no column names the tags."""
    columns = [column_of(title) for title in table.header]
    _check_columns(table, columns)
    file = TagFile("Excel" if table.excel else "CSV", [], list(table.notes))
    unknown = [
        title for title, found in zip(table.header, columns, strict=True) if title and not found
    ]
    if unknown:
        file.notes.append(f"Columns that mean nothing here: {', '.join(unknown)}.")
    reader = _Reader(columns, table.decimal_comma, device.connection.driver == "modbus")
    file.drafts = [reader.draft(line, cells) for line, cells in table.rows]
    if reader.padded:
        file.notes.append(
            f"Addresses that had lost their leading zeros (1 was read as 00001): {reader.padded}."
        )
    return file


class _Reader:
    """Rows of one table."""

    def __init__(self, columns: Sequence[str | None], decimal_comma: bool, modbus: bool) -> None:
        self._columns = columns
        self._decimal_comma = decimal_comma
        self._modbus = modbus
        self.padded = 0

    def draft(self, line: int, cells: Sequence[Cell]) -> Draft:
        draft = Draft(line, {})
        filled = [*cells, *[None] * (len(self._columns) - len(cells))]
        for column, cell in zip(self._columns, filled, strict=False):
            if column is not None:
                self._take(draft, column, cell)
        draft.tag_id = draft.fields.pop(ID, None)
        return draft

    def _take(self, draft: Draft, column: str, cell: Cell) -> None:
        if cell in (None, "") or (column not in FREE and empty(cell)):
            if column in _REQUIRED:
                problem = ConfigError(
                    f"{column}: it is missing.", hint="Every tag has one.", path=column
                )
                draft.problems.append(problem)
            elif column != ID and column not in CHOICES:
                draft.fields[column] = cleared(column)
            return
        try:
            draft.fields[column] = self._value(column, cell)
        except ValueError as error:
            draft.problems.append(ConfigError(f"{column}: {error}.", path=column))

    def _value(self, column: str, cell: Cell) -> Any:
        value = value_of(column, cell, decimal_comma=self._decimal_comma, modbus=self._modbus)
        if column == "address" and isinstance(value, str) and len(str(cell)) < len(value):
            self.padded += 1
        return value


def _check_columns(table: Table, columns: Sequence[str | None]) -> None:
    named = [column for column in columns if column]
    if "name" not in named and ID not in named:
        raise ConfigError(
            "No column of this file is called name.",
            hint=f"The first row names the columns: {', '.join(FIELDS[:4])}, ... "
            "Export the tags of a device to have a table to fill in.",
        )
    twice = sorted({column for column in named if named.count(column) > 1})
    if twice:
        raise ConfigError(
            f"Two columns of this file are called {twice[0]}.", hint="Take one of them out."
        )
