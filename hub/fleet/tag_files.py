"""`TagFileService` is hub.services.TagFiles: tags of a device to a file and back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hub.bulk import ImportDone, ImportOptions, ImportPreview, ImportRow, Progress, RowState
from hub.fleet.changes import Changes, Edit
from hub.fleet.records import config_of
from hub.fleet.validation import check_device, check_no_function
from hub.records import User
from hub.storage.records import DeviceRow, TagRow
from hub.tagfiles.changes import Known, Plan, plan
from hub.tagfiles.kinds import read_file
from hub.tagfiles.own_table import write_table
from hub.tagfiles.preview import preview_rows
from schemas.config.devices import TagConfig
from schemas.errors import ConfigError, ConfigErrors, SpindleError

CHUNK = 2000
"""Tags per statement; between two of them the progress is told."""


class TagFileService(Changes):
    """TagFileService(store, presence, commands). Reading and comparing run in a thread."""

    async def export_tags(self, device_id: int, file_format: str) -> bytes:
        """Raises NotFoundError, and ConfigError for a format other than csv and xlsx."""
        if file_format not in ("csv", "xlsx"):
            raise ConfigError(f"There is no format {file_format!r}.", hint="Use csv or xlsx.")
        await self._store.device(device_id)
        rows = await self._store.tags(device_id=device_id)
        return await asyncio.to_thread(_export, rows, file_format)

    async def preview_import(
        self, device_id: int, name: str, content: bytes, options: ImportOptions
    ) -> ImportPreview:
        """Raises NotFoundError, and ConfigError for a file that is no tag file."""
        device = await self._store.device(device_id)
        check_no_function(config_of(device))
        rows = await self._store.tags(device_id=device_id)
        return await asyncio.to_thread(_preview, device, rows, name, content, options)

    async def apply_import(
        self,
        who: User,
        device_id: int,
        rows: Sequence[ImportRow],
        options: ImportOptions,
        progress: Progress | None = None,
    ) -> ImportDone:
        """Raises ConfigErrors (paths `rows.<i>.<field>`), ConflictError, NotFoundError."""
        _refuse_bad(rows, options)
        skipped = sum(row.state is RowState.BAD for row in rows)
        spoke_id = (await self._store.device(device_id)).spoke_id
        if not any(_writes(row) for row in rows):
            revision = (await self._store.spoke(spoke_id)).revision
            return ImportDone(0, 0, 0, skipped, revision)
        async with self._change(who, spoke_id, "tag.import") as edit:
            device = await self._store.device(device_id, edit.conn)
            check_no_function(config_of(device))
            existing = await self._store.tags(device_id=device_id, conn=edit.conn)
            work = await asyncio.to_thread(_checked, device, existing, rows, options)
            await self._write(edit, device_id, work, progress or _silent)
            created, changed, removed = len(work.new), len(work.changed), len(work.removed)
            edit.says(
                f"Device {device.name}: tags imported, {created} new, {changed} changed, "
                f"{removed} removed",
                device=device_id,
                created=created,
                changed=changed,
                removed=removed,
                skipped=skipped,
            )
        return ImportDone(created, changed, removed, skipped, edit.number)

    async def _write(self, edit: Edit, device_id: int, work: Plan, progress: Progress) -> None:
        """Old names are free before new ones come."""
        total = len(work.removed) + len(work.changed) + len(work.new)
        done = len(work.removed)
        await self._store.delete_tags(work.removed, edit.conn)
        await self._store.park_names(work.renamed, edit.conn)
        for start in range(0, len(work.changed), CHUNK):
            part = work.changed[start : start + CHUNK]
            await self._store.update_tags(part, edit.conn)
            done += len(part)
            progress(done, total)
        for start in range(0, len(work.new), CHUNK):
            fresh = work.new[start : start + CHUNK]
            await self._store.add_tags(device_id, fresh, edit.conn)
            done += len(fresh)
            progress(done, total)
        if not work.changed and not work.new:
            progress(done, total)


def _export(rows: Sequence[TagRow], file_format: str) -> bytes:
    return write_table(
        [(row.tag_id, TagConfig.model_validate(row.config)) for row in rows], file_format
    )


def _preview(
    device: DeviceRow, rows: Sequence[TagRow], name: str, content: bytes, options: ImportOptions
) -> ImportPreview:
    config = config_of(device)
    file = read_file(name, content, config, options)
    found = preview_rows(file, config, _known(rows), options)
    return ImportPreview(device.device_id, file.format, tuple(found), tuple(file.notes))


def _known(rows: Sequence[TagRow]) -> list[Known]:
    return [Known(row.tag_id, row.wire, TagConfig.model_validate(row.config)) for row in rows]


def _checked(
    device: DeviceRow, existing: Sequence[TagRow], rows: Sequence[ImportRow], options: ImportOptions
) -> Plan:
    """What to write, when the tags are still those of the preview and the whole is right."""
    known = _known(existing)
    work = plan(rows, known, options)
    touched = {item[0] for item in work.changed} | set(work.removed)
    kept = [item.config for item in known if item.tag_id not in touched]
    try:
        check_device(config_of(device), work.configs, kept)
    except ConfigErrors as error:
        raise ConfigErrors([_at_row(item, work.places) for item in error.problems]) from error
    return work


def _at_row(problem: SpindleError, places: Sequence[int]) -> SpindleError:
    """`tags.<i>.address` counts what is written; people count the rows of the preview."""
    parts = problem.path.split(".")
    if len(parts) > 1:
        problem.path = ".".join(["rows", str(places[int(parts[1])]), *parts[2:]])
    return problem


def _refuse_bad(rows: Sequence[ImportRow], options: ImportOptions) -> None:
    if options.skip_bad:
        return
    found: list[SpindleError] = []
    for index, row in enumerate(rows):
        for problem in row.problems:
            path = ".".join(part for part in ("rows", str(index), problem.path) if part)
            message = f"Line {row.line}: {problem.message}" if row.line else problem.message
            found.append(type(problem)(message, hint=problem.hint, path=path))
    if found:
        raise ConfigErrors(found)


def _writes(row: ImportRow) -> bool:
    return row.state in (RowState.NEW, RowState.CHANGED, RowState.REMOVED)


def _silent(_done: int, _all: int) -> None:
    """Nobody watches."""
