"""Create a gateway, show its credentials once, delete it."""

from __future__ import annotations

from nicegui import ui

from hub.services import Role, Spoke
from hub.ui.components.confirm import confirm
from hub.ui.notices import busy, show_done
from hub.ui.session import Session
from hub.ui.words import plural
from schemas.errors import ConfigError, ConflictError


def create_gateway(session: Session) -> None:
    with ui.dialog() as dialog, ui.card().classes("dialog"):
        ui.label("Create gateway").classes("dialog-title")
        ui.label("A gateway reads the machines near it and buffers on its disk.").classes(
            "dialog-text"
        )
        name = ui.input("Name *").props(
            'outlined dense stack-label autofocus data-field=name hint="Letters, digits, - and _; '
            'for example filling-1"'
        )
        note = ui.input("Description").props(
            'outlined dense stack-label hint="For example: control cabinet, hall 3"'
        )
        with ui.element("div").classes("dialog-actions"):
            ui.button("Cancel", on_click=dialog.close, color=None).props("flat")
            go = ui.button("Create gateway")

    async def work() -> None:
        name.error = None
        who = await session.who(Role.ADMIN)
        fleet = session.services.fleet
        try:
            spoke = await fleet.create_spoke(who, name.value.strip(), note.value.strip())
        except (ConfigError, ConflictError) as error:
            name.error = f"{error.message} {error.hint}"
            return
        secret = await fleet.credentials(who, spoke.id)
        dialog.close()
        show_credentials(spoke.name, secret, f"/gateways/{spoke.id}")

    async def run() -> None:
        await busy(go, work)

    go.on_click(run)
    name.on("keydown.enter", run)
    note.on("keydown.enter", run)
    dialog.open()


def new_credentials(session: Session, spoke: Spoke) -> None:
    """Ask first: the file that the gateway has may stop working."""

    async def work() -> None:
        who = await session.who(Role.ADMIN)
        secret = await session.services.fleet.credentials(who, spoke.id)
        show_credentials(spoke.name, secret, "")

    confirm(
        f"New credentials for {spoke.name}?",
        "You get a new credentials file, shown once. Replace the file on the gateway with it.",
        "Make new credentials",
        work,
    )


def show_credentials(name: str, secret: str, then: str) -> None:
    """The file, once; closing needs a click on purpose. `then` is the page to open afterwards."""
    file = f"{name}.creds"
    with ui.dialog().props("persistent") as dialog, ui.card().classes("dialog wide"):
        ui.label(f"Credentials of {name}").classes("dialog-title")
        with ui.element("div").classes("callout warn"):
            ui.label("This file is shown only now. Whoever has it can send data as this gateway.")
        ui.label(secret).classes("mono secret").props('tabindex=0 aria-label="Credentials file"')
        with ui.element("ol").classes("what-next"):
            for text in (
                f"Download {file} and copy it to the gateway.",
                "Make it readable for the user of spindle-spoke only (chmod 600).",
                "Name it in the gateway's settings, then start spindle-spoke.",
                "The gateway shows as Online here within some seconds.",
            ):
                with ui.element("li"):
                    ui.label(text)
        with ui.element("div").classes("dialog-actions"):
            ui.button(
                "Copy", icon="content_copy", on_click=lambda: _copy(secret), color=None
            ).props("flat")
            ui.button(
                f"Download {file}",
                icon="download",
                on_click=lambda: ui.download.content(secret.encode(), file),
            )
            ui.button("I have saved it", on_click=dialog.close, color=None).props("outline")
    if then:
        dialog.on("hide", lambda: ui.navigate.to(then))
    dialog.open()


def _copy(secret: str) -> None:
    ui.clipboard.write(secret)
    show_done("Copied. Paste it into a file on the gateway, nowhere else.")


def delete_gateway(session: Session, spoke: Spoke) -> None:
    async def work() -> None:
        who = await session.who(Role.ADMIN)
        await session.services.fleet.delete_spoke(who, spoke.id)
        ui.navigate.to("/gateways")

    confirm(
        f"Delete gateway {spoke.name}?",
        f"It is cut off at once, and {plural(spoke.devices, 'device')} with "
        f"{plural(spoke.tags, 'tag')} are deleted. Stored values stay in SQL. "
        "What it has buffered and not sent is lost.",
        "Delete gateway",
        work,
        type_name=spoke.name,
    )
