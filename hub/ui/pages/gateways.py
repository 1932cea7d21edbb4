"""List of gateways."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from starlette.requests import Request

from hub.records import Role, Spoke
from hub.ui.components.empty import empty_state
from hub.ui.components.gateway_dialogs import create_gateway
from hub.ui.components.grid import Grid, column, link_column, number_column, state_column
from hub.ui.frame import heading
from hub.ui.page import page
from hub.ui.refresh import refreshing
from hub.ui.session import Session
from hub.ui.words import NOTHING, age, duration, rate

_PERIOD_S = 2.0
_COLUMNS = (
    link_column("name", "Gateway", minWidth=140),
    state_column("state", "State", minWidth=150),
    number_column("devices", "Devices", maxWidth=110),
    number_column("tags", "Tags", maxWidth=110),
    column("rate", "Values/s", type="rightAligned", maxWidth=120),
    column("revision", "Revision", minWidth=130),
    column("buffer", "Buffer", minWidth=130),
    column("seen", "Last seen", minWidth=120),
    column("description", "Description", minWidth=180, flex=2),
)


def register() -> None:
    @page("/gateways", "Gateways")
    async def gateways(session: Session, request: Request) -> None:
        spokes = await session.services.fleet.spokes()
        with heading("Gateways"):
            place = ui.element("div").classes("row")
        if not spokes:
            _nothing(session)
        else:
            grid = Grid(_COLUMNS, [row(spoke) for spoke in spokes], label="Gateways")
            with place:
                grid.filter_box("Filter gateways")

            async def refresh() -> None:
                grid.set_rows([row(spoke) for spoke in await session.services.fleet.spokes()])

            refreshing(_PERIOD_S, refresh)
        if session.can(Role.ADMIN):
            with place:
                ui.button("Create gateway", icon="add", on_click=lambda: create_gateway(session))
            if request.query_params.get("new"):
                create_gateway(session)


def _nothing(session: Session) -> None:
    text = (
        "A gateway is the computer next to the machines that reads the PLCs. Create one here, "
        "copy its credentials file to that computer, and start spindle-spoke there."
    )
    if not session.can(Role.ADMIN):
        text += "\nYour role cannot create gateways: ask an administrator."
    with empty_state("router", "No gateway yet", text):
        if session.can(Role.ADMIN):
            ui.button(
                "Create the first gateway", icon="add", on_click=lambda: create_gateway(session)
            )


def presence(spoke: Spoke) -> tuple[str, str]:
    """(level, words) of a gateway."""
    if spoke.online:
        refused = spoke.health is not None and bool(spoke.health.revision_errors)
        return ("warn", "Revision refused") if refused else ("ok", "Online")
    return ("bad", "Offline") if spoke.last_seen_ns else ("off", "Never connected")


def revision_words(spoke: Spoke) -> str:
    if spoke.applied_revision == spoke.revision:
        return f"{spoke.revision}"
    return f"{spoke.applied_revision}, newest {spoke.revision}"


def buffer_words(spoke: Spoke) -> str:
    """Share of the buffer that waits for the hub, and how long until it is full."""
    if spoke.health is None or spoke.health.stream.max_bytes <= 0:
        return NOTHING
    stream = spoke.health.stream
    share = stream.size_bytes / stream.max_bytes
    text = f"{share:.0%}"
    full = time_to_full_s(spoke)
    return f"{text}, full in {duration(full)}" if full is not None else text


def time_to_full_s(spoke: Spoke) -> float | None:
    """None while the gateway is online (the hub drains it) or nothing comes in."""
    if spoke.health is None or spoke.online or spoke.health.stream.bytes_per_s <= 0:
        return None
    stream = spoke.health.stream
    return max(0.0, (stream.max_bytes - stream.size_bytes) / stream.bytes_per_s)


def row(spoke: Spoke) -> dict[str, Any]:
    level, words = presence(spoke)
    live = spoke.health if spoke.online else None
    return {
        "id": spoke.id,
        "name": spoke.name,
        "href": f"/gateways/{spoke.id}",
        "state": words,
        "state_level": level,
        "devices": spoke.devices,
        "tags": spoke.tags,
        "rate": rate(live.values_per_s) if live else NOTHING,
        "revision": revision_words(spoke),
        "buffer": buffer_words(spoke),
        "seen": "now" if spoke.online else age(spoke.last_seen_ns),
        "description": spoke.description,
    }
