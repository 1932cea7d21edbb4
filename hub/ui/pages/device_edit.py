"""Create a device."""

from __future__ import annotations

from nicegui import ui
from starlette.requests import Request

from hub.records import Role
from hub.ui.components.device_form import DeviceForm
from hub.ui.components.empty import empty_state
from hub.ui.frame import heading
from hub.ui.page import page
from hub.ui.session import Session
from schemas.config.devices import DeviceConfig


def register() -> None:
    @page("/devices/new", "Add device")
    async def device_new(session: Session, request: Request) -> None:
        session.services.access.require(session.user, Role.ENGINEER)
        heading("Add device", ("Devices", "/devices"))
        spokes = await session.services.fleet.spokes()
        if not spokes:
            text = "A device is read by a gateway, so create a gateway first."
            with empty_state("router", "No gateway yet", text):
                ui.button("To the gateways", on_click=lambda: ui.navigate.to("/gateways"))
            return

        async def save(spoke_id: int, config: DeviceConfig) -> None:
            who = await session.who(Role.ENGINEER)
            made = await session.services.fleet.create_device(who, spoke_id, config)
            ui.navigate.to(f"/devices/{made.id}?tab=tags")

        wanted = request.query_params.get("gateway", "")
        DeviceForm(session, spokes, save, spoke_id=int(wanted) if wanted.isdecimal() else 0)
