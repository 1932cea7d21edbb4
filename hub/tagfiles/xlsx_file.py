"""Excel workbooks, by openpyxl in its streaming modes.

A workbook is a ZIP, and a small one can unpack to gigabytes: the sizes that it claims are added up
first, and the unpacking stops at them.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from defusedxml import DefusedXmlException
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from hub.tagfiles.tables import MAX_COLUMNS, MAX_ROWS, Cell, Table, make_table
from schemas.errors import ConfigError

MAX_BYTES = 50_000_000
"""Unpacked."""
MAX_FILES = 1000
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_TEXT = "@"
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
_SPECIAL = re.compile("[\\x00-\\x08\\x0b-\\x1f\\ufffe\\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
"""Characters that XML cannot have or changes are `_x000D_` in a workbook (ECMA-376 part 1,
section 22.4.2.4, ST_Xstring), and a `_` that would begin such a thing is `_x005F_`."""
_SAVE_AGAIN = "Open it in Excel and save it as 'Excel workbook (.xlsx)'."
_BROKEN = (
    InvalidFileException,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    ArithmeticError,
    KeyError,
    ValueError,
    IndexError,
    TypeError,
    AttributeError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ParseError,
    DefusedXmlException,
)
"""What openpyxl and zipfile raise for bytes that are no workbook; it has no error of its own."""


def read_sheets(content: bytes) -> dict[str, Table]:
    """Every sheet with a header, in their order. Raises ConfigError."""
    _guard(content)
    try:
        book = openpyxl.load_workbook(
            io.BytesIO(content), read_only=True, data_only=True, keep_links=False
        )
        try:
            budget = iter(range(10 * MAX_ROWS))
            lines = {sheet.title: list(_lines(sheet, budget)) for sheet in book.worksheets}
        finally:
            book.close()
    except ConfigError:
        raise
    except _BROKEN as error:
        raise ConfigError(f"This is no Excel workbook: {error}", hint=_SAVE_AGAIN) from error
    found = {name: make_table(rows, excel=True) for name, rows in lines.items() if rows}
    if not found:
        raise ConfigError("The workbook is empty.", hint="The first row names the columns.")
    return found


def write_xlsx(sheet: str, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bytes:
    """One sheet; texts are cells of the format Text, so that Excel leaves 00001 and 1-2 alone."""
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet(sheet)
    page.freeze_panes = "A2"
    _say_size(page, f"A1:{get_column_letter(len(header))}{len(rows) + 1}")
    for index, title in enumerate(header):
        page.column_dimensions[get_column_letter(index + 1)].width = max(10, len(title) + 2)
    bold = Font(bold=True)
    titles = [WriteOnlyCell(page, value=title) for title in header]
    for cell in titles:
        cell.font = bold
    page.append(titles)
    for row in rows:
        page.append([_cell(page, value) for value in row])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _say_size(page: Any, size: str) -> None:
    """openpyxl writes the size of a sheet where the sheet knows it; a write-only one does not, and
    then the import parses the sheet twice, because openpyxl looks for it to the end."""
    page.calculate_dimension = lambda: size


def _cell(page: Any, value: Cell) -> Any:
    if value == "":
        return None
    if isinstance(value, float) and float(f"{value:.15g}") != value:
        value = repr(value)  # more digits than a number cell keeps
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(page, value=_SPECIAL.sub(_escaped, value))
    cell.data_type = "s"  # also where it begins with =
    cell.number_format = _TEXT
    return cell


def _lines(sheet: Any, budget: Iterator[int]) -> Iterator[tuple[int, tuple[Cell, ...]]]:
    """Rows with something in them, as wide as the first of them, which is the header. The size that
    a sheet claims is not believed, and `budget` counts the rows of all sheets, empty ones too: a
    few bytes can name row 1,048,576."""
    sheet.reset_dimensions()
    count = width = 0
    for line, cells in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True), 1):
        if next(budget, None) is None:
            raise _too_long()
        if not width:
            width = max((i for i, cell in enumerate(cells, 1) if cell is not None), default=0)
        cells = cells[:width]
        if any(cell is not None for cell in cells):
            count += 1
            if count > MAX_ROWS + 1:
                raise _too_long()
            yield line, tuple(map(_plain, cells))


def _too_long() -> ConfigError:
    return ConfigError(
        f"The workbook has more than {MAX_ROWS:,} rows.",
        hint="Split it into several files, and delete empty rows below the table.",
    )


def _plain(cell: Cell) -> Cell:
    if isinstance(cell, str) and "_x" in cell:
        return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), cell)
    return cell


def _escaped(match: re.Match[str]) -> str:
    return f"_x{ord(match[0]):04X}_"


def _guard(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
            names = {info.filename for info in infos}
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise ConfigError("This is no Excel workbook.", hint=_SAVE_AGAIN) from error
    if any(info.flag_bits & 1 or info.compress_type not in _PACKED for info in infos):
        raise ConfigError("The workbook is protected by a password.", hint=_SAVE_AGAIN)
    if sum(info.file_size for info in infos) > MAX_BYTES or len(infos) > MAX_FILES:
        raise ConfigError(
            f"Unpacked, the workbook has more than {MAX_BYTES // 1_000_000} MB.",
            hint="Take out pictures and sheets that are not needed, or save the table as CSV.",
        )
    if "[Content_Types].xml" not in names:
        raise ConfigError("This ZIP file is no Excel workbook.", hint=_SAVE_AGAIN)
