"""Create a gateway, show its credentials once, delete it."""

from __future__ import annotations

from nicegui import ui

from hub.records import Role, Spoke
from hub.ui.components.confirm import confirm
from hub.ui.notices import busy, show_done
from hub.ui.session import Session
from hub.ui.words import plural
from schemas.errors import ConfigError, ConflictError


def create_gateway(session: Session) -> None:
    with ui.dialog() as dialog, ui.card().classes("dialog"):
        ui.label("Create gateway").classes("dialog-title")
        ui.label(
            "A gateway reads the machines near it and buffers on its disk. Next you get its "
            "credentials file and what to do on that computer."
        ).classes("dialog-text")
        name = ui.input("Name *").props(
            'outlined dense stack-label autofocus data-field=name hint="Up to 32 '
            'lower-case letters, digits and dashes; for example filling-1"'
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
        show_credentials(session, spoke.name, secret, f"/gateways/{spoke.id}")

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
        show_credentials(session, spoke.name, secret, "")

    confirm(
        f"New credentials for {spoke.name}?",
        "You get a new credentials file, shown once. Replace the file on the gateway with it.",
        "Make new credentials",
        work,
    )


def show_credentials(session: Session, name: str, secret: str, then: str) -> None:
    """The file, once; closing needs a click on purpose. `then` is the page to open afterwards."""
    file = f"{name}.creds"
    with ui.dialog().props("persistent") as dialog, ui.card().classes("dialog wide"):
        ui.label(f"Credentials of {name}").classes("dialog-title")
        with ui.element("div").classes("callout warn"):
            ui.label("This file is shown only now. Whoever has it can send data as this gateway.")
        ui.label(secret).classes("mono secret").props('tabindex=0 aria-label="Credentials file"')
        next_steps(session, name)
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


def next_steps(session: Session, name: str) -> None:
    """What to do on the gateway's computer, as a list; docs/operate/gateway.md has the commands."""
    leaf_url = str(session.services.settings.get("leaf_url", ""))
    at = f" at {leaf_url}" if leaf_url else ""
    command = f"spindle-nats init-spoke --spoke {name} --hub-url {leaf_url or '(leaf address)'} …"
    file = f"Put the credentials file {name}.creds on the gateway, readable for its user only."
    give = (
        f"Give it to the gateway's nats-server, which connects to the hub{at}: {command}, then "
        "spindle-nats credentials. The whole commands are in docs/operate/gateway.md."
    )
    start = "Start nats-server and spindle-spoke there."
    online = "The gateway shows as Online here within some seconds."
    with ui.element("ol").classes("what-next"):
        for text in (file, give, start, online):
            with ui.element("li"):
                ui.label(text)


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
