"""Taking an import back: what it created goes, what it changed is as before. No widget here.

Removed tags cannot come back: a tag that is created again has another id and so another history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.bulk import ImportDone, ImportOptions, ImportRow, RowState
from hub.records import User
from hub.services import Services
from schemas.errors import ConflictError

UNDO_S = 60
_FILE = "tags-before.csv"


@dataclass(frozen=True, slots=True)
class Undo:
    """`before` is the export of the tags before the import, empty when it only created."""

    device_id: int
    rows: tuple[ImportRow, ...]
    before: bytes

    async def run(self, services: Services, who: User) -> ImportDone:
        """Raises ConflictError, with nothing done, when one of the tags was changed since."""
        tags = {tag.config.name: tag for tag in await services.fleet.tags(self.device_id)}
        for row in self.rows:
            tag = tags.get(row.name)
            if tag is None or tag.config != row.config or row.tag_id not in (None, tag.id):
                raise ConflictError(
                    f"{row.name}: somebody has changed or deleted this tag meanwhile.",
                    hint="Nothing was undone. Change the tags on the device's page.",
                )
        rows = [
            ImportRow(0, RowState.REMOVED, row.name, tags[row.name].config, tags[row.name].id)
            for row in self.rows
            if row.state is RowState.NEW
        ]
        changed = {row.tag_id for row in self.rows if row.state is RowState.CHANGED}
        if changed:
            preview = await services.tag_files.preview_import(
                self.device_id, _FILE, self.before, ImportOptions(remove=True)
            )
            back = [row for row in preview.rows if row.tag_id in changed and row.config]
            if {row.tag_id for row in back} != changed:
                raise ConflictError("These changes cannot be taken back.", hint="Nothing was done.")
            rows += back
        return await services.tag_files.apply_import(who, self.device_id, rows, ImportOptions())


async def prepared(services: Services, device_id: int, rows: Sequence[ImportRow]) -> Undo | None:
    """Call before the import. None when it could not be taken back, because it removes tags."""
    if any(row.state is RowState.REMOVED for row in rows):
        return None
    touched = tuple(row for row in rows if row.state in (RowState.NEW, RowState.CHANGED))
    if not touched:
        return None
    before = b""
    if any(row.state is RowState.CHANGED for row in touched):
        before = await services.tag_files.export_tags(device_id, "csv")
    return Undo(device_id, touched, before)
