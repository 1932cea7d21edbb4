"""Tags by the thousand and devices by the dozen: records of tag files and profiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from schemas.config.devices import TagConfig
from schemas.errors import SpindleError


class RowState(StrEnum):
    """What an imported row would do."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    REMOVED = "removed"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One line of a tag file against the device. `config` is None for a bad row."""

    line: int
    """In the file, counted from 1; 0 for a tag that the file does not have."""
    state: RowState
    name: str
    config: TagConfig | None = None
    tag_id: int | None = None
    """Of the tag that would be changed or removed."""
    changes: tuple[str, ...] = ()
    """For people: `unit: bar -> mbar`."""
    problems: tuple[SpindleError, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What a file would do to a device's tags. Nothing is written."""

    device_id: int
    format: str
    """In words: `CSV`, `Excel`, `Kepware CSV`, `TIA Portal tag table`, `DB source`."""
    rows: tuple[ImportRow, ...]
    notes: tuple[str, ...] = ()
    """What was left out or guessed, in words."""

    def count(self, state: RowState) -> int:
        return sum(row.state is state for row in self.rows)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """`remove` deletes the tags that the file does not have. `group` is taken for rows without a
    scan group. `db_number` is that of a DB source, which does not name it."""

    remove: bool = False
    group: str = ""
    db_number: int | None = None
    skip_bad: bool = False
    """Take the good rows although there are bad ones."""


@dataclass(frozen=True, slots=True)
class ImportDone:
    created: int
    changed: int
    removed: int
    skipped: int
    revision: int


Progress = Callable[[int, int], None]
"""(done, all) of a long step."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that a profile leaves open, written `{name}` in any of its texts and numbers."""

    name: str
    title: str = ""
    default: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of device: settings, scan groups and tags with parameters. Versions never change."""

    id: int
    name: str
    version: int
    """Newest."""
    description: str
    driver: str
    parameters: tuple[Parameter, ...]
    device: dict[str, Any]
    """A DeviceConfig as a JSON map, with parameters."""
    tags: tuple[dict[str, Any], ...]
    """TagConfigs as JSON maps, with parameters."""
    devices: int = 0
    """Made from it, of any version."""
