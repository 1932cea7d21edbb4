"""A table as it comes out of a CSV or Excel file: a header and rows of cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import ConfigError

MAX_ROWS = 100_000
MAX_COLUMNS = 300

Cell = Any
"""str, int, float, bool, None, or a date of Excel."""


@dataclass(slots=True)
class Table:
    """`rows` are (line in the file, cells); empty rows are left out. Columns go by `key(title)`."""

    header: tuple[str, ...]
    rows: list[tuple[int, tuple[Cell, ...]]]
    decimal_comma: bool = False
    """1,5 is a number here."""
    excel: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        return [key(title) for title in self.header]

    def cells(self, row: Sequence[Cell], keys: Sequence[str]) -> dict[str, Cell]:
        """One row as a map; a row that ends early has empty cells."""
        filled = [*row, *[None] * (len(keys) - len(row))]
        return dict(zip(keys, filled, strict=False))


def key(title: Cell) -> str:
    """How titles are compared: `Data_Type` and `data type` are one."""
    return " ".join(str("" if title is None else title).replace("_", " ").lower().split())


def make_table(
    lines: Iterable[tuple[int, Sequence[Cell]]], *, decimal_comma: bool = False, excel: bool = False
) -> Table:
    """The first row that is not empty is the header. Raises ConfigError without one, or past
    MAX_ROWS and MAX_COLUMNS."""
    header: tuple[str, ...] | None = None
    rows: list[tuple[int, tuple[Cell, ...]]] = []
    for line, cells in lines:
        if all(empty(cell) for cell in cells):
            continue
        if len(cells) > MAX_COLUMNS and not all(empty(cell) for cell in cells[MAX_COLUMNS:]):
            raise ConfigError(f"Line {line} has more than {MAX_COLUMNS} columns.")
        if header is None:
            header = tuple("" if cell is None else str(cell).strip() for cell in cells)
            continue
        rows.append((line, tuple(cells[:MAX_COLUMNS])))
        if len(rows) > MAX_ROWS:
            raise ConfigError(
                f"The file has more than {MAX_ROWS:,} rows.", hint="Split it into several files."
            )
    if header is None:
        raise ConfigError("The file is empty.", hint="The first row names the columns.")
    return Table(header, rows, decimal_comma, excel)


def empty(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def text_of(cell: Cell) -> str:
    """A cell as text; a whole number of Excel without `.0`."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell).strip()
