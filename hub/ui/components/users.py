"""People and their roles, for administrators."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from hub.records import Role, User
from hub.ui.components.grid import Grid, column, state_column
from hub.ui.notices import busy, show_done
from hub.ui.session import Session
from schemas.errors import ConfigError, ConflictError

ROLE_WORDS = {
    Role.VIEWER: "Viewer: sees everything, changes nothing",
    Role.OPERATOR: "Operator: also acts on alarms",
    Role.ENGINEER: "Engineer: also devices and tags",
    Role.ADMIN: "Admin: also gateways and users",
}
_COLUMNS = (
    column("name", "User", minWidth=140, flex=2),
    column("role", "Role", minWidth=280, flex=3),
    state_column("state", "State", minWidth=120),
)


async def users_panel(session: Session) -> None:
    users = await session.services.access.users()
    with ui.element("section").classes("panel"):
        with ui.element("div").classes("panel-head"):
            ui.html("Users", tag="h2", sanitize=False)
            ui.element("div").classes("grow")
            add = ui.button("Create user", icon="person_add", color=None).props("outline")
        grid = Grid(_COLUMNS, [_row(user) for user in users], label="Users")
    add.on_click(lambda: _create(session, grid))


def _row(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "role": ROLE_WORDS[user.role],
        "state": "Disabled" if user.disabled else "Active",
        "state_level": "off" if user.disabled else "ok",
    }


def _create(session: Session, grid: Grid) -> None:
    access = session.services.access
    with ui.dialog() as dialog, ui.card().classes("dialog"):
        ui.label("Create user").classes("dialog-title")
        name = ui.input("User name").props("outlined dense autofocus autocomplete=off")
        password = ui.input("Password", password=True, password_toggle_button=True)
        password.props("outlined dense autocomplete=new-password")
        role = ui.select(ROLE_WORDS, label="Role", value=Role.VIEWER).props("outlined dense")
        with ui.element("div").classes("dialog-actions"):
            ui.button("Cancel", on_click=dialog.close, color=None).props("flat")
            go = ui.button("Create user")

    async def work() -> None:
        name.error = password.error = None
        who = await session.who(Role.ADMIN)
        chosen = Role(role.value)
        try:
            made = await access.create_user(who, name.value.strip(), password.value, chosen)
        except (ConfigError, ConflictError) as error:
            field = password if "password" in f"{error.path} {error.message}".lower() else name
            field.error = f"{error.message} {error.hint}"
            return
        dialog.close()
        show_done(f"User {made.name} created.")
        grid.set_rows([_row(user) for user in await access.users()])

    async def run() -> None:
        await busy(go, work)

    go.on_click(run)
    for field in (name, password):
        field.on("keydown.enter", run)
    dialog.open()
