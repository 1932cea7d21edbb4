"""What every reader of a tag file makes: drafts of tags, not checked against a device yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from schemas.errors import SpindleError


@dataclass(slots=True)
class Draft:
    """One tag of a file. `fields` are only those of TagConfig that the file says."""

    line: int
    """In the file, counted from 1."""
    fields: dict[str, Any]
    tag_id: int | None = None
    problems: list[SpindleError] = field(default_factory=list)
    """What could not be read; the path is the field."""

    @property
    def name(self) -> str:
        return str(self.fields.get("name", ""))


@dataclass(slots=True)
class TagFile:
    """A whole file. `format` is its kind in words."""

    format: str
    drafts: list[Draft]
    notes: list[str] = field(default_factory=list)
