"""The place where a file is dropped, chosen or pasted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import events, ui

from hub.ui.notices import explained, show_error
from hub.ui.words import size
from schemas.errors import ConfigError

MAX_BYTES = 20_000_000
Taken = Callable[[str, bytes], Awaitable[None]]
"""Called with the file's name and content."""


class FileDrop:
    """One on a page: files that are dropped anywhere on it and text that is pasted go here."""

    def __init__(self, title: str, text: str, taken: Taken) -> None:
        self._taken = taken
        self._title = title
        upload = ui.upload(on_upload=self._uploaded, auto_upload=True, max_file_size=MAX_BYTES)
        upload.props('aria-hidden=true tabindex=-1 label=""').classes("uploader")
        upload.on_rejected(_too_large)
        with ui.element("section").classes("drop").mark("drop") as self.element:
            self._icon = ui.icon("upload_file").classes("drop-icon").props("aria-hidden=true")
            self._name = ui.label(title).classes("drop-title").props("aria-live=polite")
            self._note = ui.label(text).classes("muted")
            ui.element("div").classes("drop-again grow")
            with ui.element("div").classes("row"):
                choose = self._choose = ui.button("Choose file", icon="folder_open")
                paste = ui.button("Paste from Excel", icon="content_paste", color=None)
                paste.props("outline").on_click(self._paste)
        choose.on("click", js_handler="() => spindle.drop.pick()")

    def show(self, name: str, note: str) -> None:
        """Become a line that says which file this is."""
        self.element.classes(add="small")
        self._choose.props("outline color=''").set_text("Another file")
        self._name.set_text(name)
        self._note.set_text(note)

    async def _uploaded(self, event: events.UploadEventArguments) -> None:
        name = "Pasted rows" if event.file.name == "pasted.tsv" else event.file.name
        before = self._name.text, self._note.text
        self._name.set_text(f"Reading {name} …")
        taken = False
        try:
            with explained():
                if event.file.size() > MAX_BYTES:
                    raise _large()
                await self._taken(event.file.name, await event.file.read())
                taken = True
        finally:
            if not taken and not self._name.is_deleted:
                self._name.set_text(before[0])
                self._note.set_text(before[1])

    def _paste(self) -> None:
        with ui.dialog() as dialog, ui.card().classes("dialog wide"):
            ui.label("Paste from Excel").classes("dialog-title")
            ui.label(
                "Copy the rows with their heading (at least name and address) and press Ctrl+V "
                "below. On this page Ctrl+V also works without this window."
            ).classes("dialog-text")
            area = (
                ui.element("textarea")
                .classes("mono paste-area")
                .props(
                    'rows=12 autofocus spellcheck=false aria-label="Rows" wrap=off '
                    'placeholder="name\taddress\tdata_type\tunit"'
                )
            )
            with ui.element("div").classes("dialog-actions"):
                ui.button("Cancel", on_click=dialog.close, color=None).props("flat")
                go = ui.button("Preview", icon="preview")
        go.on(
            "click",
            dialog.close,
            js_handler=f"() => {{ spindle.drop.text(getHtmlElement({area.id}).value); emit(); }}",
        )
        dialog.on("hide", dialog.delete)
        dialog.open()


def file_note(format_words: str, content: bytes) -> str:
    return f"{format_words}, {size(len(content))}"


def _large() -> ConfigError:
    return ConfigError("The file has more than 20 MB.", hint="Split it into several.")


def _too_large() -> None:
    show_error(_large())
