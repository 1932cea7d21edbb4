"""Tag exports of Kepware's servers (KEPServerEX and its kin): CSV with `Tag Name`, `Address`, ...

Columns as the server's own help lists them under *Tag Import/Export*; addresses are translated in
kepware_modbus.py and kepware_s7.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hub.tagfiles import kepware_modbus, kepware_s7
from hub.tagfiles.columns import number, switch
from hub.tagfiles.drafts import Draft, TagFile
from hub.tagfiles.tables import Cell, Table, empty, key, text_of
from schemas.config.devices import DeviceConfig
from schemas.errors import ConfigError
from schemas.kinds import DataType

FORMAT = "Kepware CSV"
_TELLING = frozenset({"respect data type", "client access", "scan rate", "scaled data type"})
_TYPES = {
    "boolean": DataType.BOOL,
    "char": DataType.INT8,
    "byte": DataType.UINT8,
    "short": DataType.INT16,
    "word": DataType.UINT16,
    "long": DataType.INT32,
    "dword": DataType.UINT32,
    "llong": DataType.INT64,
    "qword": DataType.UINT64,
    "float": DataType.FLOAT32,
    "double": DataType.FLOAT64,
    "string": DataType.STRING,
    "bcd": DataType.BCD16,
    "lbcd": DataType.BCD32,
}
_ACCESS = {"r/w": "rw", "rw": "rw", "ro": "r", "r": "r", "read only": "r", "read/write": "rw"}
_TRANSLATIONS: dict[str, Callable[[str, DataType | None], tuple[str, DataType]]] = {
    "modbus": kepware_modbus.translate,
    "s7": kepware_s7.translate,
}


def is_kepware(table: Table) -> bool:
    keys = set(table.keys)
    return {"tag name", "address"} <= keys and bool(keys & _TELLING)


def read(table: Table, device: DeviceConfig) -> TagFile:
    """Raises ConfigError for a device whose driver has no Kepware addresses."""
    translate = _TRANSLATIONS.get(device.connection.driver)
    if translate is None:
        raise ConfigError(
            f"Kepware addresses cannot be translated for the driver {device.connection.driver}.",
            hint="They can for Modbus and Siemens S7; choose a device of these drivers.",
        )
    reader = _Reader(device, translate, table.decimal_comma)
    keys = table.keys
    drafts = [reader.draft(line, table.cells(cells, keys)) for line, cells in table.rows]
    return TagFile(FORMAT, drafts, [*table.notes, *reader.notes()])


@dataclass(slots=True)
class _Reader:
    """Rows of one export."""

    device: DeviceConfig
    translate: Callable[[str, DataType | None], tuple[str, DataType]]
    decimal_comma: bool
    rates: Counter[tuple[int, str]] = field(default_factory=Counter)
    half_clamps: list[str] = field(default_factory=list)

    def draft(self, line: int, row: dict[str, Cell]) -> Draft:
        draft = Draft(line, {"name": text_of(row.get("tag name"))})
        for title, name in (("eng units", "unit"), ("description", "description")):
            if not empty(row.get(title)):
                draft.fields[name] = text_of(row[title])
        for step in (self._place, self._access, self._rate, self._scaling):
            try:
                step(draft, row)
            except ConfigError as error:
                draft.problems.append(error)
        return draft

    def notes(self) -> list[str]:
        found = [
            f"Scan rate {rate} ms: {count} tags come into {group}."
            for (rate, group), count in sorted(self.rates.items())
        ]
        if self.half_clamps:
            names = ", ".join(self.half_clamps[:5])
            found.append(
                f"Clamped at one end only, which is not possible here, so not clamped: {names}"
                f"{', ...' if len(self.half_clamps) > 5 else ''}."
            )
        return found

    def _place(self, draft: Draft, row: dict[str, Cell]) -> None:
        address = text_of(row.get("address"))
        if not address:
            raise ConfigError("address: it is missing.", path="address")
        if self.device.connection.driver == "modbus" and address.isdigit():
            address = address.zfill(5)
        written = key(text_of(row.get("data type"))).removesuffix(" array").strip()
        wanted = None
        if written not in ("", "default"):
            wanted = _TYPES.get(written)
            if wanted is None:
                raise ConfigError(
                    f"data_type: {text_of(row.get('data type'))!r} has no counterpart here.",
                    hint=f"These have: {', '.join(name.capitalize() for name in _TYPES)}.",
                    path="data_type",
                )
        place, data_type = self.translate(address, wanted)
        draft.fields |= {"address": place, "data_type": data_type.value}

    def _access(self, draft: Draft, row: dict[str, Cell]) -> None:
        written = text_of(row.get("client access"))
        if not written:
            return
        found = _ACCESS.get(written.lower())
        if found is None:
            raise ConfigError(
                f"access: a tag cannot be {written!r} here.", hint="R/W and RO can.", path="access"
            )
        draft.fields["access"] = found

    def _rate(self, draft: Draft, row: dict[str, Cell]) -> None:
        """The scan group whose period is nearest, by their ratio."""
        if empty(row.get("scan rate")):
            return
        rate = self._number(row, "scan rate", "group")
        group = min(
            self.device.groups,
            key=lambda item: max(item.period_ms / max(rate, 1), max(rate, 1) / item.period_ms),
        )
        draft.fields["group"] = group.name
        self.rates[int(rate), group.name] += 1

    def _scaling(self, draft: Draft, row: dict[str, Cell]) -> None:
        kind = text_of(row.get("scaling")).lower()
        negate = self._flag(row, "negate value")
        if kind in ("", "none", "0"):
            if negate:
                draft.fields["scale"] = -1.0
            return
        if kind != "linear":
            raise ConfigError(
                f"scale: the scaling {text_of(row.get('scaling'))!r} is not possible here.",
                hint="Only linear scaling is; calculate the other in a function.",
                path="scale",
            )
        fields = self._range(row, negate=negate)
        low, high = self._flag(row, "clamp low"), self._flag(row, "clamp high")
        fields["clamp"] = low and high
        if low != high:
            self.half_clamps.append(draft.name)
        draft.fields |= fields

    def _range(self, row: dict[str, Cell], *, negate: bool) -> dict[str, Any]:
        """Raw and scaled ends, in the order that low < high needs."""
        raw_low, raw_high = (self._number(row, f"raw {end}", f"raw_{end}") for end in _ENDS)
        low, high = (self._number(row, f"scaled {end}", end) for end in _ENDS)
        if negate:
            low, high = -low, -high
        if low > high:
            raw_low, raw_high, low, high = raw_high, raw_low, high, low
        return {"raw_low": raw_low, "raw_high": raw_high, "low": low, "high": high}

    def _number(self, row: dict[str, Cell], title: str, path: str) -> float:
        cell = row.get(title)
        if empty(cell):
            raise ConfigError(f"{path}: the column {title.title()} is empty.", path=path)
        try:
            return number(cell, decimal_comma=self.decimal_comma)
        except ValueError as error:
            raise ConfigError(f"{path}: {error}.", path=path) from error

    def _flag(self, row: dict[str, Cell], title: str) -> bool:
        cell = row.get(title)
        if empty(cell):
            return False
        try:
            return switch(cell)
        except ValueError as error:
            raise ConfigError(f"{title}: {error}.", path="clamp") from error


_ENDS = ("low", "high")
