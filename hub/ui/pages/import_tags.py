"""Import tags of a device from a file, with a preview of every row."""

from __future__ import annotations

from dataclasses import replace

from nicegui import ui
from starlette.requests import Request

from hub.bulk import ImportOptions, ImportPreview, RowState
from hub.records import Device, Role
from hub.ui.components.confirm import confirm
from hub.ui.components.file_drop import FileDrop, file_note
from hub.ui.components.import_options import OptionsBar, kinds_of_files
from hub.ui.components.import_preview import ImportTable
from hub.ui.components.import_result import import_result
from hub.ui.components.import_rows import bad_rows_csv, button_words, obstacle
from hub.ui.components.import_test import ImportTest
from hub.ui.components.import_undo import prepared
from hub.ui.components.progress_line import ProgressLine
from hub.ui.components.tag_file_buttons import tag_file_buttons
from hub.ui.frame import heading
from hub.ui.notices import busy, explained
from hub.ui.page import page
from hub.ui.session import Session
from hub.ui.words import count, plural
from schemas.errors import SpindleError

_DROP = "Drop a tag file here"
_DROP_NOTE = "CSV, Excel, Kepware, TIA Portal. You see what it would do before anything is saved."


def register() -> None:
    @page("/devices/{device_id:int}/import", "Import tags")
    async def import_tags(session: Session, request: Request) -> None:
        session.services.access.require(session.user, Role.ENGINEER)
        device = await session.services.fleet.device(int(request.path_params["device_id"]))
        ui.page_title(f"Import tags, {device.config.name} · Spindle")
        crumbs = (("Devices", "/devices"), (device.config.name, f"/devices/{device.id}?tab=tags"))
        with heading("Import tags", *crumbs, subtitle=_subtitle(device)):
            tag_file_buttons(session, device, imports=False)
        ImportPage(session, device)


def _subtitle(device: Device) -> str:
    return f"Into {device.config.name} on {device.spoke}, which has {plural(device.tags, 'tag')}."


class ImportPage:
    """From the file over the preview to the result."""

    def __init__(self, session: Session, device: Device) -> None:
        self._session = session
        self._device = device
        self._file: tuple[str, bytes] | None = None
        self._preview: ImportPreview | None = None
        self._used = ImportOptions()
        self._asked = 0
        self._result = ui.element("div").classes("stack")
        self._body = ui.element("div").classes("stack")
        with self._body:
            self._drop = FileDrop(_DROP, _DROP_NOTE, self._take)
            self._kinds = ui.element("div").classes("stack")
            with self._kinds:
                kinds_of_files(device)
            self._work = ui.element("div").classes("stack import-work")
            with self._work:
                self._draw()
        self._work.set_visibility(False)

    def _draw(self) -> None:
        self._options = OptionsBar(self._device, self._again, self._words)
        self._notes = ui.element("div").props("aria-live=polite")
        with ui.element("div").classes("row"):
            self._go = ui.button("Import", icon="save_alt")
            self._test = ui.button("Test read", icon="cable", color=None).props("outline")
            self._bad = ui.button("Bad rows as CSV", icon="download", color=None).props("outline")
            self._why = ui.label().classes("muted").props("aria-live=polite")
        self._line = ProgressLine()
        place = ui.element("div").classes("stack")
        self._table = ImportTable(self._words)
        with place:
            self._reading = ImportTest(self._session, self._device, self._table)
        self._go.on_click(self._ask)
        self._test.on_click(lambda: busy(self._test, self._reading.run))
        self._bad.on_click(self._download_bad)

    async def _take(self, name: str, content: bytes) -> None:
        """Raises ConfigError for a file that is none; the one before stays then."""
        await self._session.who(Role.ENGINEER)
        await self._read(name, content)

    async def _again(self) -> None:
        """Another option that the preview depends on."""
        if self._file is None:
            return
        with explained():
            await self._session.who(Role.ENGINEER)
            await self._read(*self._file)

    async def _read(self, name: str, content: bytes) -> None:
        """Preview with the options as they are; of two that run, only the younger one counts."""
        self._asked += 1
        mine, options = self._asked, self._options.value()
        self._go.disable()
        try:
            found = await self._session.services.tag_files.preview_import(
                self._device.id, name, content, options
            )
        except SpindleError:
            if mine == self._asked:
                self._words()
            raise
        if mine == self._asked:
            self._file = name, content
            self._show(found, options, name, content)

    def _show(
        self, preview: ImportPreview, options: ImportOptions, name: str, content: bytes
    ) -> None:
        self._preview, self._used = preview, options
        pasted = name == "pasted.tsv"
        rows = sum(bool(row.line) for row in preview.rows)
        words = "from the clipboard" if pasted else file_note(preview.format, content)
        note = f"{words}, {count(rows)} {'row' if rows == 1 else 'rows'}"
        self._drop.show("Pasted rows" if pasted else name, note)
        self._kinds.set_visibility(False)
        self._work.set_visibility(True)
        self._result.clear()
        self._reading.clear()
        self._notes.clear()
        if preview.notes:
            with self._notes, ui.element("div").classes("callout info"):
                for note in preview.notes:
                    ui.label(note)
        self._table.show(preview)
        self._words()

    def _words(self) -> None:
        """Buttons and the reason why one is off; called when rows or options changed."""
        if self._preview is None:
            return
        self._used = replace(self._used, skip_bad=self._options.value().skip_bad)
        why = obstacle(self._preview, self._used)
        self._go.set_text(button_words(self._preview))
        self._go.set_enabled(not why)
        self._why.set_text(why)
        self._bad.set_visibility(self._preview.count(RowState.BAD) > 0)
        state = self._table.chosen_state()
        self._test.set_enabled(state not in (RowState.BAD.value, RowState.REMOVED.value))

    def _download_bad(self) -> None:
        if self._preview is not None:
            ui.download(bad_rows_csv(self._preview.rows), "bad rows.csv")

    async def _ask(self) -> None:
        assert self._preview is not None
        removed = self._preview.count(RowState.REMOVED)
        if not removed:
            await busy(self._go, self._import)
            return
        names = [row.name for row in self._preview.rows if row.state is RowState.REMOVED]
        more = f" and {len(names) - 8} more" if len(names) > 8 else ""
        confirm(
            f"Remove {plural(removed, 'tag')}?",
            f"The file does not have {', '.join(names[:8])}{more}.\nTheir stored values stay in "
            "SQL, but this cannot be undone: a tag that is created again starts a new history.",
            f"Import and remove {removed}",
            self._import,
        )

    async def _import(self) -> None:
        assert self._preview is not None
        who = await self._session.who(Role.ENGINEER)
        services, rows = self._session.services, self._preview.rows
        self._reading.cancel()
        self._line.start("Importing:", len(rows))
        try:
            undo = await prepared(services, self._device.id, rows)
            done = await services.tag_files.apply_import(
                who, self._device.id, rows, self._used, self._line.tell
            )
        finally:
            self._line.end()
        self._body.set_visibility(False)
        with self._result:
            import_result(self._session, self._device, done, undo, ui.navigate.reload)
