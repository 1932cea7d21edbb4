"""Which kind of tag file this is: told by its content, and by its name where that must help."""

from __future__ import annotations

import codecs

from hub.bulk import ImportOptions
from hub.tagfiles import kepware, tia_blocks, tia_tags
from hub.tagfiles.csv_file import read_csv
from hub.tagfiles.drafts import TagFile
from hub.tagfiles.own_table import read_table
from hub.tagfiles.tables import MAX_ROWS, Table
from hub.tagfiles.text import decode
from hub.tagfiles.xlsx_file import read_sheets
from schemas.config.devices import DeviceConfig
from schemas.errors import ConfigError

MAX_BYTES = 20_000_000
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_SOURCES = (".scl", ".db", ".udt", ".awl")


def read_file(name: str, content: bytes, device: DeviceConfig, options: ImportOptions) -> TagFile:
    """Raises ConfigError for a file that is none of these, or none for this device's driver."""
    if len(content) > MAX_BYTES:
        raise ConfigError(
            f"The file has more than {MAX_BYTES // 1_000_000} MB.", hint="Split it into several."
        )
    if not content.strip():
        raise ConfigError("The file is empty.", hint="Choose the file that you exported.")
    if content.startswith(_OLD_EXCEL):
        raise ConfigError(
            "This is a workbook of an Excel before 2007.",
            hint="Open it in Excel and save it as 'Excel workbook (.xlsx)'.",
        )
    file = _read(name.lower(), content, device, options)
    if len(file.drafts) > MAX_ROWS:
        raise ConfigError(f"The file has more than {MAX_ROWS:,} tags.", hint="Split it.")
    return file


def _read(name: str, content: bytes, device: DeviceConfig, options: ImportOptions) -> TagFile:
    if content.startswith(b"PK"):
        return _of_workbook(read_sheets(content), device)
    head = content.removeprefix(codecs.BOM_UTF8).lstrip()
    if head.startswith(b"<") or name.endswith(".xml"):
        return tia_tags.read_xml(content, device)
    if name.endswith(_SOURCES) or tia_blocks.is_source(head[:4000]):
        return tia_blocks.read_source(decode(content), device, options)
    return _of_table(read_csv(content), device)


def _of_workbook(sheets: dict[str, Table], device: DeviceConfig) -> TagFile:
    """The sheet of TIA Portal where there is one, else the first."""
    for table in sheets.values():
        if tia_tags.is_tag_table(table):
            return tia_tags.read_table(table, device)
    first, *others = sheets
    file = _of_table(sheets[first], device)
    if others:
        file.notes.append(f"Only the first sheet, {first}, was read.")
    return file


def _of_table(table: Table, device: DeviceConfig) -> TagFile:
    if kepware.is_kepware(table):
        return kepware.read(table, device)
    if tia_tags.is_tag_table(table):
        return tia_tags.read_table(table, device)
    return read_table(table, device)
