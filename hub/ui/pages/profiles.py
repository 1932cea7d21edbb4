"""List of device profiles: kinds of devices, to make many of."""

from __future__ import annotations

from nicegui import ui
from starlette.requests import Request

from hub.bulk import Profile
from hub.records import Role
from hub.ui.components.device_rows import DRIVER_WORDS
from hub.ui.components.empty import empty_state
from hub.ui.components.grid import Grid, column, link_column, number_column
from hub.ui.frame import heading
from hub.ui.notices import busy
from hub.ui.page import page
from hub.ui.session import Session
from hub.ui.words import plural

_COLUMNS = (
    link_column("name", "Profile", minWidth=180, flex=2),
    column("driver", "Driver", minWidth=120),
    column("description", "Description", minWidth=180, flex=3),
    number_column("version", "Version", maxWidth=100),
    number_column("parameters", "Parameters", minWidth=110, maxWidth=120),
    number_column("tags", "Tags", maxWidth=90),
    number_column("devices", "Devices", maxWidth=100),
)


def register() -> None:
    @page("/profiles", "Profiles")
    async def profiles(session: Session, _: Request) -> None:
        found = await session.services.profiles.profiles()
        with heading("Profiles", subtitle="Kinds of devices: set one up, make many of it."):
            place = ui.element("div").classes("row")
        if not found:
            text = (
                "Set up one device with its tags, make a profile of it, and create thirty more "
                "from a table with their names and addresses."
            )
            with empty_state("dashboard_customize", "No profile yet", text):
                _from_device(session)
            return
        rows = [_row(item) for item in found]
        grid = Grid(_COLUMNS, rows, fill=len(rows) > 12, label="Profiles")
        with place:
            grid.filter_box("Filter profiles")
            _from_device(session)


def _row(profile: Profile) -> dict[str, object]:
    return {
        "id": profile.id,
        "name": profile.name,
        "href": f"/profiles/{profile.id}",
        "driver": DRIVER_WORDS.get(profile.driver, profile.driver),
        "description": profile.description,
        "version": profile.version,
        "parameters": len(profile.parameters),
        "tags": len(profile.tags),
        "devices": profile.devices,
    }


def _from_device(session: Session) -> None:
    if session.can(Role.ENGINEER):
        button = ui.button("From a device …", icon="add")
        button.on_click(lambda: busy(button, lambda: _choose(session)))


async def _choose(session: Session) -> None:
    devices = await session.services.fleet.devices()
    with ui.dialog() as dialog, ui.card().classes("dialog"):
        ui.label("Profile from a device").classes("dialog-title")
        if not devices:
            ui.label("There is no device yet: add one with its tags first.").classes("dialog-text")
            ui.button("Add device", on_click=lambda: ui.navigate.to("/devices/new"))
            dialog.on("hide", dialog.delete)
            dialog.open()
            return
        ui.label(
            "Its settings and tags become the profile; name and address become parameters. The "
            "device itself stays as it is."
        ).classes("dialog-text")
        words = {
            item.id: f"{item.config.name} on {item.spoke}, {plural(item.tags, 'tag')}"
            for item in devices
        }
        choice = ui.select(words, label="Device", with_input=True)
        choice.props("outlined dense stack-label autofocus")
        with ui.element("div").classes("dialog-actions"):
            ui.button("Cancel", on_click=dialog.close, color=None).props("flat")
            go = ui.button("Continue")
    go.bind_enabled_from(choice, "value", bool)
    go.on_click(lambda: ui.navigate.to(f"/profiles/new?device={choice.value}"))
    dialog.on("hide", dialog.delete)
    dialog.open()
