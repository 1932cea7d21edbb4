"""The dialog that takes a wheel or a bundle of a function from the disk."""

from __future__ import annotations

from urllib.parse import quote

from nicegui import events, ui

from hub.records import Role
from hub.ui.components.progress_line import ProgressLine
from hub.ui.notices import busy
from hub.ui.session import Session
from hub.ui.words import size
from schemas.errors import ConfigError, ConfigErrors, ConflictError, SpindleError

MAX_BYTES = 100_000_000
ENDINGS = (".whl", ".zip")
_TEXT = "A wheel (.whl) or a bundle (.zip), as spindle-udf package makes them."
_LARGE = ConfigError(
    f"The file has more than {size(MAX_BYTES)}.", hint="Leave out what the function does not use."
)


def upload_dialog(session: Session) -> None:
    """Ask for a file and notes; then go to the function's page."""
    with ui.dialog() as dialog, ui.card().classes("dialog middle"):
        ui.label("Upload a function").classes("dialog-title")
        _Upload(session, dialog)
    dialog.on("hide", dialog.delete)
    dialog.open()


class _Upload:
    def __init__(self, session: Session, dialog: ui.dialog) -> None:
        self._session = session
        self._file: tuple[str, bytes] | None = None
        upload = ui.upload(
            on_upload=self._taken,
            on_begin_upload=self._begun,
            auto_upload=True,
            max_file_size=MAX_BYTES,
        )
        upload.props('aria-hidden=true tabindex=-1 label=""').classes("uploader")
        upload.on_rejected(lambda: self._fail(_LARGE))
        with ui.element("section").classes("drop").mark("drop") as self._drop:
            ui.icon("upload_file").classes("drop-icon").props("aria-hidden=true")
            self._name = ui.label("Drop the file here").classes("drop-title")
            self._name.props("aria-live=polite")
            self._note = ui.label(_TEXT).classes("muted")
            choose = ui.button("Choose file", icon="folder_open", color=None).props("outline")
            choose.on("click", js_handler="() => spindle.drop.pick()")
        self._line = ProgressLine()
        self._trouble = ui.element("div").classes("callout bad").props("role=alert")
        self._trouble.set_visibility(False)
        self._notes = ui.input("What is new").props("outlined dense stack-label maxlength=500")
        with ui.element("div").classes("dialog-actions"):
            ui.button("Cancel", on_click=dialog.close, color=None).props("flat")
            self._go = ui.button("Upload", icon="upload")
        self._go.disable()
        self._go.on_click(lambda: busy(self._go, self._run))
        self._notes.on("keydown.enter", lambda: busy(self._go, self._run))

    def _begun(self) -> None:
        self._line.start("Reading the file …")

    async def _taken(self, event: events.UploadEventArguments) -> None:
        self._line.end()
        name = event.file.name
        self._file = None
        self._go.disable()
        if not name.lower().endswith(ENDINGS):
            hint = "Choose the .whl or .zip that spindle-udf package made."
            self._fail(ConfigError(f"{name} is no wheel and no bundle.", hint=hint))
            return
        content = await event.file.read()
        self._trouble.set_visibility(False)
        self._drop.classes(add="small")
        self._name.set_text(name)
        self._note.set_text(size(len(content)))
        self._file = name, content
        self._go.enable()

    async def _run(self) -> None:
        if self._file is None:
            return
        self._trouble.set_visibility(False)
        self._line.start("Reading what it declares …")
        try:
            who = await self._session.who(Role.ENGINEER)
            notes = str(self._notes.value or "").strip()
            found = await self._session.services.functions.upload(who, *self._file, notes)
        except (ConfigError, ConflictError) as error:
            self._fail(error)
            return
        finally:
            self._line.end()
        ui.navigate.to(f"/functions/{quote(found.name)}")

    def _fail(self, error: SpindleError) -> None:
        """Stays in the dialog, with what to do."""
        self._line.end()
        self._trouble.clear()
        self._trouble.set_visibility(True)
        with self._trouble:
            for one in error.problems if isinstance(error, ConfigErrors) else [error]:
                ui.label(one.message)
                if one.hint:
                    ui.label(one.hint).classes("hint")
