"""Answers about tag files."""

from __future__ import annotations

from typing import Self

from hub.api.models import Answer
from hub.api.problems import Problem
from hub.bulk import ImportPreview, ImportRow, RowState
from schemas.config.devices import TagConfig


class ImportRowAnswer(Answer):
    """What one row of the file would do."""

    line: int
    """In the file, counted from 1; 0 for a tag that the file does not have."""
    state: RowState
    name: str
    tag_id: int | None
    changes: tuple[str, ...]
    """For people: `unit: bar -> mbar`."""
    problems: list[Problem]
    """Why the row is bad; `path` is the column."""
    tag: TagConfig | None
    """As it would be; null for a bad row."""

    @classmethod
    def of_row(cls, row: ImportRow) -> Self:
        return cls(
            line=row.line,
            state=row.state,
            name=row.name,
            tag_id=row.tag_id,
            changes=row.changes,
            problems=[Problem(**item.as_dict()) for item in row.problems],
            tag=row.config,
        )


class PreviewAnswer(Answer):
    """What a file would do; nothing was written."""

    format: str
    new: int
    changed: int
    same: int
    removed: int
    bad: int
    notes: tuple[str, ...]
    """What was left out or guessed, in words."""
    rows: list[ImportRowAnswer]

    @classmethod
    def of_preview(cls, preview: ImportPreview, *, with_same: bool) -> Self:
        counts = {state.value: preview.count(state) for state in RowState}
        rows = [
            ImportRowAnswer.of_row(row)
            for row in preview.rows
            if with_same or row.state is not RowState.SAME
        ]
        return cls(format=preview.format, notes=preview.notes, rows=rows, **counts)


class ImportAnswer(Answer):
    """What was written."""

    created: int
    changed: int
    removed: int
    skipped: int
    """Bad rows, with `skip_bad`."""
    revision: int
    notes: tuple[str, ...]
