"""List of all devices."""

from __future__ import annotations

from nicegui import ui
from starlette.requests import Request

from hub.records import Device, Role, Spoke
from hub.ui.components.device_rows import DEVICE_COLUMNS, device_row, function_health
from hub.ui.components.empty import empty_state
from hub.ui.components.grid import Grid
from hub.ui.frame import heading
from hub.ui.page import page
from hub.ui.refresh import refreshing
from hub.ui.session import Session

_PERIOD_S = 2.0
_STATES = {"all": "All", "problems": "With problems", "running": "Running", "off": "Switched off"}


def register() -> None:
    @page("/devices", "Devices")
    async def devices(session: Session, request: Request) -> None:
        fleet = session.services.fleet
        spokes, found = await fleet.spokes(), await fleet.devices()
        with heading("Devices"):
            place = ui.element("div").classes("row")
        if found:
            rows = _rows(spokes, found)
            grid = Grid(DEVICE_COLUMNS, rows, fill=len(rows) > 12, label="Devices")
            wanted = request.query_params.get("state", "all")
            with place:
                choice = ui.select(_STATES, value=wanted if wanted in _STATES else "all")
                choice.props('outlined dense aria-label="State"')
                grid.filter_box("Filter devices")

            async def refresh() -> None:
                now = _rows(await fleet.spokes(), await fleet.devices())
                grid.set_rows([row for row in now if _fits(row, choice.value)])

            choice.on_value_change(refresh)
            refreshing(_PERIOD_S, refresh)
        else:
            _nothing(session, spokes)
        if session.can(Role.ENGINEER) and spokes:
            with place:
                ui.button("Add device", icon="add", on_click=lambda: ui.navigate.to("/devices/new"))


def _rows(spokes: list[Spoke], devices: list[Device]) -> list[dict[str, object]]:
    online = {spoke.id for spoke in spokes if spoke.online}
    functions = function_health(spokes)
    return [device_row(device, device.spoke_id in online, functions) for device in devices]


def _fits(row: dict[str, object], wanted: str) -> bool:
    level = row["state_level"]
    if wanted == "problems":
        return level in ("bad", "warn") or bool(row["problem"])
    if wanted == "running":
        return row["state"] == "Running"
    return not row["enabled"] if wanted == "off" else True


def _nothing(session: Session, spokes: list[Spoke]) -> None:
    if not spokes:
        text = "A device is read by a gateway, so create a gateway first."
        with empty_state("memory", "No device yet", text):
            ui.button("To the gateways", on_click=lambda: ui.navigate.to("/gateways"))
        return
    text = (
        "A device is a PLC or any other controller that a gateway can reach. You need its address "
        "and driver; Test connection tells at once whether it answers."
    )
    with empty_state("memory", "No device yet", text):
        if session.can(Role.ENGINEER):
            ui.button(
                "Add the first device", icon="add", on_click=lambda: ui.navigate.to("/devices/new")
            )
        else:
            ui.label("Your role cannot add devices: ask an engineer.").classes("muted")
