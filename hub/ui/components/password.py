"""The dialog in which people change their password."""

from __future__ import annotations

from nicegui import ui

from hub.records import Role
from hub.ui.notices import busy
from hub.ui.session import Session
from schemas.errors import ConfigError, LoginError


def change_password(session: Session) -> None:
    with ui.dialog() as dialog, ui.card().classes("dialog"):
        ui.label("Change password").classes("dialog-title")
        ui.label(
            "At least 10 characters, and not the user name. Afterwards all your sessions end, this "
            "one too: sign in again with the new password."
        ).classes("dialog-text")
        old = _field("Present password", "current-password").props("autofocus")
        new = _field("New password", "new-password")
        again = _field("New password again", "new-password")
        with ui.element("div").classes("dialog-actions"):
            ui.button("Cancel", on_click=dialog.close, color=None).props("flat")
            save = ui.button("Change password")

    async def work() -> None:
        old.error = new.error = again.error = None
        if not new.value:
            new.error = "Type the new password."
            return
        if new.value != again.value:
            again.error = "The two are not the same."
            return
        user = await session.who(Role.VIEWER)
        try:
            await session.services.access.change_password(user, old.value, new.value)
        except LoginError:
            old.error = "This is not your present password."
            return
        except ConfigError as error:
            new.error = f"{error.message} {error.hint}"
            return
        dialog.close()
        ui.run_javascript("spindle.signOut('?changed=1')")

    async def run() -> None:
        await busy(save, work)

    save.on_click(run)
    for field in (old, new, again):
        field.on("keydown.enter", run)
    dialog.on("hide", dialog.delete)
    dialog.open()


def _field(title: str, purpose: str) -> ui.input:
    field = ui.input(title, password=True, password_toggle_button=True)
    return field.props(f"outlined dense autocomplete={purpose}").classes("field")
