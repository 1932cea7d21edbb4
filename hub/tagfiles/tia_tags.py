"""PLC tag tables of TIA Portal: the Excel export, the XML export, and Openness' SimaticML.

Columns of the Excel export (sheet `PLC Tags`): Name, Path, Data Type, Logical Address, Comment and
switches for HMIs, in the language of TIA Portal. Tags come read-only: what an HMI may write says
nothing about what operators may write here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from defusedxml import DefusedXmlException, ElementTree

from hub.tagfiles.drafts import Draft, TagFile
from hub.tagfiles.s7_places import Element, address, bit_address, element
from hub.tagfiles.tables import Table, key, text_of
from schemas.config.devices import DeviceConfig
from schemas.errors import AddressError, ConfigError
from schemas.kinds import DataType

FORMAT = "TIA Portal tag table"
_COLUMNS = {
    "name": "name",
    "data type": "type",
    "datentyp": "type",
    "logical address": "address",
    "logische adresse": "address",
    "comment": "comment",
    "kommentar": "comment",
}
_TYPE = re.compile(r'"?(?P<name>[A-Za-z_0-9]+)"?\s*(?:\[\s*(?P<length>\d{1,5})\s*\])?', re.ASCII)
_PLACE = re.compile(
    r"%?(?P<area>[IEQAM])(?P<letter>[XBWD]?)(?P<start>\d{1,5})(?:\.(?P<bit>\d))?", re.ASCII
)
_AREAS = {"E": "I", "A": "Q"}
_TIMERS = {"TIMER": ("T", DataType.INT32, "ms"), "COUNTER": ("C", DataType.UINT16, "")}
_IN_CPU = re.compile(r"%?(?P<area>[TCZ])(?P<number>\d{1,5})", re.ASCII)


def is_tag_table(table: Table) -> bool:
    named = {_COLUMNS.get(title) for title in table.keys}
    return {"name", "type", "address"} <= named and not {"id", "group"} & set(table.keys)


def read_table(table: Table, device: DeviceConfig) -> TagFile:
    """Raises ConfigError for a device that is no S7."""
    check_driver(device)
    keys = [_COLUMNS.get(title, title) for title in table.keys]
    drafts = []
    for line, cells in table.rows:
        row = {name: text_of(cell) for name, cell in table.cells(cells, keys).items()}
        fields = (row.get(name, "") for name in ("name", "type", "address", "comment"))
        drafts.append(_draft(line, *fields))
    return TagFile(FORMAT, drafts, list(table.notes))


def read_xml(content: bytes, device: DeviceConfig) -> TagFile:
    """Raises ConfigError for XML that is no tag table, or a device that is no S7."""
    check_driver(device)
    try:
        root = ElementTree.fromstring(content, forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise ConfigError(
            f"This is no XML that can be read: {error}", hint="Export the tag table once more."
        ) from error
    found = list(_plain(root) if _local(root) == "Tagtable" else _openness(root))
    if not found:
        raise ConfigError(
            "There is no PLC tag in this XML file.",
            hint="Export a PLC tag table: in TIA Portal open it and choose Export.",
        )
    drafts = [_draft(number, *item) for number, item in enumerate(found, 1)]
    note = "XML has no rows; the numbers count the tags."
    return TagFile(FORMAT, drafts, [note])


def check_driver(device: DeviceConfig) -> None:
    """Raises ConfigError."""
    if device.connection.driver != "s7":
        raise ConfigError(
            f"This file is of a Siemens S7 CPU, but {device.name} is a device of the driver "
            f"{device.connection.driver}.",
            hint="Open the device of that CPU and import the file there.",
        )


_Parts = tuple[str, str, str, str]
"""Name, type, address, comment."""


def _plain(root: Any) -> Iterator[_Parts]:
    """`<Tagtable><Tag type="Bool" addr="%I0.0" remark="...">Start</Tag></Tagtable>`."""
    for tag in root.iter():
        if _local(tag) == "Tag":
            text = (tag.text or "").strip()
            yield text, tag.get("type", ""), tag.get("addr", ""), tag.get("remark", "")


def _openness(root: Any) -> Iterator[_Parts]:
    """`SW.Tags.PlcTag` with an AttributeList, and a MultilingualText as its comment."""
    for tag in root.iter():
        if _local(tag) != "SW.Tags.PlcTag":
            continue
        values = {
            _local(item): (item.text or "").strip()
            for child in tag
            if _local(child) == "AttributeList"
            for item in child
        }
        texts = (item.text for item in tag.iter() if _local(item) == "Text")
        comment = next((text for text in texts if text), "")
        yield (
            values.get("Name", ""),
            values.get("DataTypeName", ""),
            values.get("LogicalAddress", ""),
            comment,
        )


def _local(item: Any) -> str:
    """The name without a namespace; comments have none."""
    return item.tag.rsplit("}", 1)[-1] if isinstance(item.tag, str) else ""


def _draft(line: int, name: str, type_name: str, place: str, comment: str) -> Draft:
    draft = Draft(line, {"name": name, "description": comment[:500]})
    try:
        where, data_type, unit = _translated(type_name.strip(), place.strip().upper())
        draft.fields |= {"address": where, "data_type": data_type.value}
        if unit:
            draft.fields["unit"] = unit
    except AddressError as error:
        draft.problems.append(error)
    return draft


def _translated(type_name: str, place: str) -> tuple[str, DataType, str]:
    """(address, data type, unit). Raises AddressError with the path `address` or `data_type`."""
    upper = key(type_name).upper()
    cpu = _IN_CPU.fullmatch(place)
    if upper in _TIMERS and cpu:
        area, data_type, unit = _TIMERS[upper]
        return f"{area}{int(cpu['number'])}", data_type, unit
    match = _TYPE.fullmatch(type_name)
    kind = (
        element(match["name"], int(match["length"]) if match["length"] else None) if match else None
    )
    if kind is None:
        raise AddressError(
            f"{type_name!r} is no type with one value.",
            hint="Of a structure or PLC data type import the elements: export its block as source.",
            path="data_type",
        )
    found = _PLACE.fullmatch(place)
    if found is None or not _fits(kind, found["letter"], found["bit"]):
        raise AddressError(
            f"{place!r} is no place for the type {type_name} in inputs, outputs or bit memory.",
            hint="Write for example %I0.0, %MW20 or %QD4. Peripheral addresses (:P) cannot be "
            "read; use the process image.",
            path="address",
        )
    area, start = _AREAS.get(found["area"], found["area"]), int(found["start"])
    if kind.size_bytes == 0:
        return bit_address(area, start, int(found["bit"])), kind.data_type, ""
    return address(area, kind, start), kind.data_type, kind.unit


def _fits(kind: Element, letter: str, bit: str | None) -> bool:
    """Whether an address has the form of this type; `%M40.0` is also that of eight bytes."""
    if kind.size_bytes == 0:
        return bit is not None and letter in ("", "X")
    if kind.size_bytes > 4:
        return bit in (None, "0") and letter in ("", "X", "B")
    return bit is None and letter == {1: "B", 2: "W", 4: "D"}.get(kind.size_bytes)
