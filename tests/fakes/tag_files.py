"""Tags to CSV and Excel and back, in memory; behaves as the Protocol `TagFiles` promises.

Reads `csv` and `xlsx` with the columns that it writes. A text with `;` between the cells counts as
Kepware CSV, so that pages can show another format.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from openpyxl import Workbook, load_workbook
from pydantic import ValidationError

from hub.bulk import ImportDone, ImportOptions, ImportPreview, ImportRow, Progress, RowState
from hub.records import Tag, User
from schemas.addresses import check_tags
from schemas.config.base import explain
from schemas.config.devices import TagConfig
from schemas.errors import ConfigError, ConfigErrors, ConflictError, SpindleError
from tests.fakes.fleet import FakeFleet

COLUMNS = tuple(TagConfig.model_fields)
_STEP = 500


class FakeTagFiles:
    """`step_s` is how long 500 rows take while they are applied, so that a bar can be seen."""

    def __init__(self, fleet: FakeFleet, step_s: float = 0.05) -> None:
        self._fleet = fleet
        self.step_s = step_s

    async def export_tags(self, device_id: int, file_format: str) -> bytes:
        tags = [tag.config for tag in await self._fleet.tags(device_id)]
        rows = [[_cell(getattr(tag, name)) for name in COLUMNS] for tag in tags]
        if file_format == "csv":
            text = io.StringIO()
            csv.writer(text).writerows([COLUMNS, *rows])
            return text.getvalue().encode("utf-8-sig")
        if file_format == "xlsx":
            book = Workbook()
            sheet = book.active
            assert sheet is not None
            for row in (COLUMNS, *rows):
                sheet.append(list(row))
            file = io.BytesIO()
            book.save(file)
            return file.getvalue()
        raise ConfigError(f"{file_format!r} is no format for tags.", hint="Use csv or xlsx.")

    async def preview_import(
        self, device_id: int, name: str, content: bytes, options: ImportOptions
    ) -> ImportPreview:
        device = await self._fleet.device(device_id)
        have = {tag.config.name: tag for tag in await self._fleet.tags(device_id)}
        words, table = _read(name, content)
        rows: list[ImportRow] = []
        for line, cells in table:
            rows.append(_row(line, cells, have, options.group))
        rows = _checked(rows, device.config.connection)
        seen = {row.name for row in rows}
        if options.remove:
            rows += [
                ImportRow(0, RowState.REMOVED, tag.config.name, tag.config, tag.id)
                for tag in have.values()
                if tag.config.name not in seen
            ]
        notes = ("Client access rights were taken as access.",) if "Kepware" in words else ()
        return ImportPreview(device_id, words, tuple(rows), notes)

    async def apply_import(
        self,
        who: User,
        device_id: int,
        rows: Sequence[ImportRow],
        options: ImportOptions,
        progress: Progress | None = None,
    ) -> ImportDone:
        bad = [row for row in rows if row.state is RowState.BAD]
        if bad and not options.skip_bad:
            raise ConfigErrors([problem for row in bad for problem in row.problems])
        tags = {tag.id: tag for tag in await self._fleet.tags(device_id)}
        names = {tag.config.name for tag in tags.values()}
        for row in rows:
            gone = row.tag_id is not None and row.tag_id not in tags
            if gone or (row.state is RowState.NEW and row.name in names):
                raise ConflictError("The tags were changed since this preview was made.")
        for done in range(0, len(rows), _STEP):
            if progress:
                progress(done, len(rows))
            await asyncio.sleep(self.step_s)
        created = [r.config for r in rows if r.state is RowState.NEW and r.config]
        changed = [r for r in rows if r.state is RowState.CHANGED]
        removed = [r.tag_id for r in rows if r.state is RowState.REMOVED and r.tag_id]
        for row in changed:
            assert row.config is not None
            assert row.tag_id is not None
            await self._fleet.update_tag(who, row.tag_id, row.config)
        await self._fleet.delete_tags(who, removed)
        await self._fleet.create_tags(who, device_id, created)
        if progress:
            progress(len(rows), len(rows))
        device = await self._fleet.device(device_id)
        revision = (await self._fleet.spoke(device.spoke_id)).revision
        return ImportDone(len(created), len(changed), len(removed), len(bad), revision)


def _cell(value: Any) -> Any:
    return "" if value is None else str(value) if isinstance(value, str | bool) else value


def _read(name: str, content: bytes) -> tuple[str, list[tuple[int, dict[str, str]]]]:
    """Format in words, and (line, cells by column) of every row."""
    if name.lower().endswith(".xlsx"):
        try:
            sheet = load_workbook(io.BytesIO(content), read_only=True).active
        except Exception as error:
            raise ConfigError(f"{name} is no Excel file.", hint="Save it as .xlsx.") from error
        assert sheet is not None
        lines: Iterable[Sequence[Any]] = sheet.iter_rows(values_only=True)
        words = "Excel"
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{name} is no text file.", hint="Choose CSV or Excel.") from error
        first = text.partition("\n")[0]
        kepware = ";" in first
        delimiter = ";" if kepware else "\t" if "\t" in first else ","
        lines = csv.reader(io.StringIO(text), delimiter=delimiter)
        words = "Kepware CSV" if kepware else "CSV"
    head, *rest = [[str(_cell(cell)).strip() for cell in line] for line in lines] or [[]]
    order = [cell.lower() for cell in head]
    if not {"name", "address"} <= set(order):
        raise ConfigError(
            f"{name} has no columns name and address.",
            hint="Export the tags once and keep the first line of that file.",
        )
    rows = [(number, dict(zip(order, cells, strict=False))) for number, cells in enumerate(rest, 2)]
    return words, [(number, cells) for number, cells in rows if any(cells.values())]


def _row(line: int, cells: dict[str, str], have: dict[str, Tag], group: str) -> ImportRow:
    given = {name: text for name, text in cells.items() if text}
    if group:
        given.setdefault("group", group)
    name = given.get("name", "")
    try:
        config = TagConfig.model_validate(given)
    except ValidationError as error:
        return ImportRow(line, RowState.BAD, name, problems=tuple(explain(error)))
    old = have.get(config.name)
    if old is None:
        return ImportRow(line, RowState.NEW, config.name, config)
    changes = tuple(
        f"{field}: {_cell(getattr(old.config, field))} -> {_cell(getattr(config, field))}"
        for field in COLUMNS
        if getattr(old.config, field) != getattr(config, field)
    )
    state = RowState.CHANGED if changes else RowState.SAME
    return ImportRow(line, state, config.name, config, old.id, changes)


def _checked(rows: list[ImportRow], connection: Any) -> list[ImportRow]:
    """The rows with those bad whose address the driver does not know, or whose name is twice."""
    good = [row for row in rows if row.config is not None]
    found: dict[int, list[SpindleError]] = {}
    for problem in check_tags([row.config for row in good if row.config], connection):
        found.setdefault(good[int(problem.path.split(".")[1])].line, []).append(problem)
    seen: dict[str, int] = {}
    for row in good:
        if row.name in seen:
            text = f"The name {row.name!r} is also in line {seen[row.name]}."
            found.setdefault(row.line, []).append(ConfigError(text, path="name"))
        seen.setdefault(row.name, row.line)
    return [
        ImportRow(row.line, RowState.BAD, row.name, problems=tuple(found[row.line]))
        if row.line in found
        else row
        for row in rows
    ]
