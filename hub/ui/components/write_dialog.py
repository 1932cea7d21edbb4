"""Write values to a device: new value, then a question in words, then what became of it.

Spindle writes each value once. Nothing here repeats a write: for another try somebody has to start
again from the value.
"""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from hub.records import Device, Role, Tag
from hub.ui.components.write_fields import WriteField
from hub.ui.components.write_words import question, result_words, value_words
from hub.ui.notices import busy
from hub.ui.session import Session
from hub.ui.words import plural
from schemas.errors import ConfigErrors, SpindleError
from schemas.messages.writes import WriteResult

_WORST = ("bad", "warn", "ok")
_REST_S = 0.6
"""The button that writes rests so long, so that a second Enter by accident does nothing."""


class WriteDialog:
    """Opens at once. Enter goes on, Escape leaves without writing."""

    def __init__(self, session: Session, device: Device, tags: Sequence[Tag]) -> None:
        self._session = session
        self._device = device
        self._tags = {tag.id: tag for tag in tags}
        self._texts: dict[int, float | int | bool | str] = {}
        wide = " wide" if len(tags) > 1 else " middle"
        with ui.dialog() as self._dialog, ui.card().classes(f"dialog{wide}"):
            self._place = ui.element("div").classes("stack tight").mark("write")
        self._dialog.on("hide", self._dialog.delete)

    async def open(self) -> None:
        latest = await self._session.services.data.latest(list(self._tags))
        with self._place:
            self._title = ui.label().classes("dialog-title")
            with ui.element("div").classes("write-rows") as self._rows:
                self._fields = {
                    tag_id: WriteField(tag, latest.get(tag_id), first=number == 0)
                    for number, (tag_id, tag) in enumerate(self._tags.items())
                }
            self._below = ui.element("div").classes("stack tight")
        self._rows.on(
            "keydown.enter", self._review, js_handler="(event) => event.repeat || emit(event)"
        )
        self._ask_values()
        self._dialog.open()

    # --- the three steps --------------------------------------------------------------------

    def _ask_values(self) -> None:
        self._title.set_text(
            f"Write {plural(len(self._tags), 'value')}, {self._device.config.name}"
            if len(self._tags) > 1
            else f"Write to {self._device.config.name}"
        )
        self._rows.set_visibility(True)
        self._below.clear()
        with self._below, ui.element("div").classes("dialog-actions"):
            ui.button("Cancel", on_click=self._dialog.close, color=None).props("flat")
            ui.button("Next", on_click=self._review)

    def _review(self) -> None:
        found = {tag_id: field.read() for tag_id, field in self._fields.items()}
        self._texts = {key: value for key, value in found.items() if value is not None}
        if len(self._texts) < len(found):
            return
        self._title.set_text("Is this right?")
        self._rows.set_visibility(False)
        self._below.clear()
        with self._below:
            ui.label(question(self._device, self._tags, self._texts)).classes("write-question")
            if len(self._texts) > 1:
                with ui.element("ul").classes("what-next"):
                    for tag_id, value in self._texts.items():
                        with ui.element("li"):
                            tag = self._tags[tag_id]
                            ui.label(f"{tag.config.name}: {value_words(tag, value)}")
            else:
                (only,) = self._texts
                ui.label(f"It was {self._fields[only].now} when this was opened.")
            ui.label("The machine may move at once.").classes("muted")
            with ui.element("div").classes("dialog-actions"):
                ui.button("Back", on_click=self._ask_values, color=None).props("flat")
                go = ui.button("Write now", icon="edit_note").props("autofocus")
        go.disable()

        def ready() -> None:
            go.enable()
            ui.run_javascript(f"getHtmlElement({go.id}).focus()")

        with self._below:
            ui.timer(_REST_S, ready, once=True)
        go.on_click(lambda: busy(go, self._write))

    async def _write(self) -> None:
        who = await self._session.who(Role.OPERATOR)
        remote = self._session.services.remote
        try:
            results = await remote.write(who, self._device.id, self._texts)
        except ConfigErrors as error:
            self._ask_values()
            self._at_fields(error)
            return
        except SpindleError as error:
            self._done([], error)
            return
        self._done(results, None)

    def _at_fields(self, error: ConfigErrors) -> None:
        for problem in error.problems:
            last = problem.path.rpartition(".")[2]
            field = self._fields.get(int(last)) if last.isdecimal() else None
            if field is not None:
                field.show(problem.message)
            else:
                with self._below, ui.element("div").classes("callout bad"):
                    ui.label(problem.message)

    def _done(self, results: Sequence[WriteResult], error: SpindleError | None) -> None:
        self._rows.set_visibility(False)
        self._below.clear()
        with self._below:
            if error is not None:
                self._title.set_text("Not written")
                _callout("bad", error.message, error.hint)
            else:
                self._title.set_text("What became of it")
            with ui.element("div").classes("write-rows stack tight").props("role=status"):
                for item in sorted(results, key=lambda item: _WORST.index(result_words(item)[0])):
                    self._result(item)
            with ui.element("div").classes("dialog-actions"):
                ui.button("Close", on_click=self._dialog.close).props("autofocus")

    def _result(self, item: WriteResult) -> None:
        tag = self._tags.get(item.tag_id)
        if tag is None:
            return
        level, title, text = result_words(item, tag)
        with ui.element("div").classes("write-result").mark(f"result-{level}"):
            ui.label(f"{tag.config.name}: {value_words(tag, self._texts[tag.id])}").classes(
                "write-name"
            )
            _callout(level, title, text)


def _callout(level: str, title: str, text: str) -> None:
    with ui.element("div").classes(f"callout {level}").props("role=alert"):
        ui.label(title)
        if text:
            ui.label(text).classes("hint")
