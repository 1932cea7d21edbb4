"""The dialog that saves a source as a version: which number, and what is new."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui

from hub.ui.components.choice_group import ChoiceGroup
from hub.ui.components.editor_version import proposals, with_version
from hub.ui.notices import busy
from schemas.errors import ConfigError, ConfigErrors, ConflictError

_MEANS = {
    "as written": "As the source says.",
    "patch": "A mend: it does the same, right.",
    "minor": "It does more; its state goes on.",
    "major": "It does something else: its state starts anew.",
}
Save = Callable[[str, str], Awaitable[None]]
"""Called with the source, its version raised, and the notes."""


def save_dialog(name: str, version: str, source: str, known: Sequence[str], save: Save) -> None:
    """`version` is what the source says, `known` are the versions that exist."""
    found = proposals(version, known)
    with ui.dialog() as dialog, ui.card().classes("dialog middle").props("role=dialog"):
        ui.label(f"Save {name} as a version").classes("dialog-title")
        taken = f"{version} is saved already. " if version in known else ""
        text = (
            f"{taken}A version never changes; gateways go on with theirs until you deploy another."
        )
        ui.label(text).classes("dialog-text")
        titles = {number: f"{number} {part}" for part, number in found.items()}
        parts = {number: part for part, number in found.items()}
        place = ui.element("div")
        means = ui.label().classes("muted")
        notes = ui.input("What is new").props("outlined dense stack-label autofocus maxlength=500")
        trouble = ui.element("div").classes("callout bad").props("role=alert")
        trouble.set_visibility(False)
        with ui.element("div").classes("dialog-actions"):
            ui.button("Cancel", on_click=dialog.close, color=None).props("flat")
            go = ui.button("Save version", icon="save")

    def explain() -> None:
        means.set_text(_MEANS[parts[choice.value]])

    def fail(lines: Sequence[str]) -> None:
        trouble.clear()
        trouble.set_visibility(True)
        with trouble:
            for line in lines:
                ui.label(line)

    async def work() -> None:
        trouble.set_visibility(False)
        number = choice.value
        raised = source if number == version else with_version(source, number)
        if raised is None:
            fail(["The source has no version to raise.", f'Write version = "{number}" into it.'])
            return
        try:
            await save(raised, str(notes.value or "").strip())
        except ConfigErrors as error:
            fail([item.message for item in error.problems])
            return
        except (ConfigError, ConflictError) as error:
            fail([error.message, error.hint])
            return
        dialog.close()

    with place:
        choice = ChoiceGroup(titles, next(iter(titles)), "Version", explain)
    explain()
    go.on_click(lambda: busy(go, work))
    notes.on("keydown.enter", lambda: busy(go, work))
    dialog.on("hide", dialog.delete)
    dialog.open()
