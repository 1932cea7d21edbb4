"""What an import did, with the way back to the device and, for a minute, the way back at all."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from hub.bulk import ImportDone
from hub.records import Device, Role
from hub.ui.components.import_rows import done_words
from hub.ui.components.import_undo import UNDO_S, Undo
from hub.ui.notices import busy
from hub.ui.session import Session
from hub.ui.words import count


def import_result(
    session: Session,
    device: Device,
    done: ImportDone,
    undo: Undo | None,
    again: Callable[[], None],
) -> None:
    with ui.element("section").classes("panel").mark("import-result"):
        place = ui.element("div").classes("panel-body result").props("role=status")
    with place:
        ui.icon("check_circle").classes("big").props("aria-hidden=true")
        with ui.element("div").classes("grow"):
            title = ui.label(done_words(done)).classes("result-title")
            note = ui.label(_sent(device, done)).classes("muted")
        if undo is not None:
            _undo_button(session, device, undo, title, note)
        ui.button("Another file", icon="upload_file", on_click=again, color=None).props("outline")
        ui.button(
            "To the tags",
            icon="sell",
            on_click=lambda: ui.navigate.to(f"/devices/{device.id}?tab=tags"),
        ).props("autofocus")


def _sent(device: Device, done: ImportDone) -> str:
    return f"Revision {count(done.revision)} is on its way to {device.spoke}."


def _undo_button(
    session: Session, device: Device, undo: Undo, title: ui.label, note: ui.label
) -> None:
    button = ui.button(f"Undo ({UNDO_S} s)", icon="undo", color=None).props("outline")
    button.classes("toast-undo").mark("undo")
    left = [UNDO_S]

    def tick() -> None:
        left[0] -= 1
        if left[0] <= 0:
            end()
        else:
            button.set_text(f"Undo ({left[0]} s)")

    def end() -> None:
        timer.deactivate()
        button.set_visibility(False)

    async def work() -> None:
        who = await session.who(Role.ENGINEER)
        timer.deactivate()
        back = await undo.run(session.services, who)
        end()
        parts = [
            f"{count(back.removed)} created tags deleted" if back.removed else "",
            f"{count(back.changed)} as before" if back.changed else "",
        ]
        title.set_text(f"Undone: {', '.join(part for part in parts if part)}.")
        note.set_text(_sent(device, back))

    timer = ui.timer(1.0, tick)
    button.on_click(lambda: busy(button, work))
