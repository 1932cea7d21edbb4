"""One gateway: presence, buffer, computer, completeness, devices, revisions."""

from __future__ import annotations

from nicegui import ui
from starlette.requests import Request

from hub.records import LedgerRow, Role, Spoke
from hub.ui.components.badge import Badge
from hub.ui.components.device_rows import DEVICE_COLUMNS, device_row, function_health
from hub.ui.components.empty import empty_state
from hub.ui.components.facts import Facts, buffer_bar
from hub.ui.components.gateway_dialogs import delete_gateway, new_credentials, next_steps
from hub.ui.components.grid import Grid, column
from hub.ui.frame import heading
from hub.ui.page import page
from hub.ui.pages.gateways import presence, revision_words, time_to_full_s
from hub.ui.refresh import refreshing
from hub.ui.session import Session
from hub.ui.words import NOTHING, age, clock, count, duration, plural, rate, size

_PERIOD_S = 2.0
_CLOCK_JUMP_WARN_S = 1.0
_REVISION_COLUMNS = (
    column("number", "Revision", maxWidth=110, sort="desc"),
    column("time", "Time (UTC)", minWidth=170),
    column("author", "Author", minWidth=110),
    column("summary", "Change", minWidth=260, flex=3),
)


def register() -> None:
    @page("/gateways/{spoke_id:int}", "Gateway")
    async def gateway(session: Session, request: Request) -> None:
        spoke_id = int(request.path_params["spoke_id"])
        fleet, data = session.services.fleet, session.services.data
        spoke = await fleet.spoke(spoke_id)
        ui.page_title(f"{spoke.name} · Spindle")
        with heading(spoke.name, ("Gateways", "/gateways"), subtitle=spoke.description):
            badge = Badge(*presence(spoke))
            _buttons(session, spoke)
        start = _start(session, spoke)
        errors = ui.element("div").classes("stack")
        with ui.element("div").classes("halves"):
            state, stream = Facts("State"), Facts("Buffer and way to the hub")
            with stream.panel:
                bar = buffer_bar()
            computer, ledger = Facts("Computer"), Facts("Completeness")
        devices = await _devices(session, spoke)
        await _revisions(session, spoke)

        shown_errors: list[object] = []

        async def refresh() -> None:
            now = await fleet.spoke(spoke_id)
            badge.show(*presence(now))
            start.set_visibility(_is_new(now))
            state.show(_state(now))
            stream.show(_stream(now))
            bar(now.health.stream if now.health else None)
            computer.show(_computer(now))
            rows = [row for row in await data.ledger() if row.spoke == now.name]
            ledger.show(_ledger(rows))
            found = list(now.health.revision_errors) if now.health else []
            if found != shown_errors:
                shown_errors[:] = found
                _show_errors(errors, now)
            if devices is not None:
                listed = await fleet.devices(spoke_id)
                known = function_health([now])
                devices.set_rows([device_row(item, now.online, known) for item in listed])

        await refresh()
        refreshing(_PERIOD_S, refresh, immediate=False)


def _is_new(spoke: Spoke) -> bool:
    return not spoke.online and spoke.last_seen_ns <= 0


def _start(session: Session, spoke: Spoke) -> ui.element:
    """What to do next, for a gateway that never connected."""
    with ui.element("div").classes("callout info") as place:
        if _is_new(spoke):
            ui.label("This gateway has not connected yet. Next, on its computer:")
            next_steps(session, spoke.name)
    return place


def _buttons(session: Session, spoke: Spoke) -> None:
    if session.can(Role.ENGINEER):
        ui.button(
            "Add device",
            icon="add",
            on_click=lambda: ui.navigate.to(f"/devices/new?gateway={spoke.id}"),
        )
    if session.can(Role.ADMIN):
        ui.button(
            "New credentials",
            icon="key",
            on_click=lambda: new_credentials(session, spoke),
            color=None,
        ).props("outline")
        ui.button(
            "Delete", icon="delete", on_click=lambda: delete_gateway(session, spoke), color=None
        ).props("outline").classes("danger")


def _show_errors(place: ui.element, spoke: Spoke) -> None:
    """The problems of a refused revision, by path."""
    place.clear()
    assert spoke.health is not None
    if not spoke.health.revision_errors:
        return
    with place, ui.element("div").classes("callout bad").props("role=alert"):
        ui.label(
            f"The gateway refused revision {spoke.revision}; "
            f"revision {spoke.applied_revision} runs on. Correct these and save again:"
        )
        with ui.element("ul"):
            for error in spoke.health.revision_errors:
                with ui.element("li"):
                    path = str(error.get("path", ""))
                    ui.label(f"{path}: {error.get('message', '')}" if path else error["message"])
                    if error.get("hint"):
                        ui.label(str(error["hint"])).classes("hint")


def _state(spoke: Spoke) -> dict[str, str]:
    health = spoke.health
    late = "" if spoke.applied_revision == spoke.revision else " (being applied)"
    found = {
        "Last seen": "now" if spoke.online else age(spoke.last_seen_ns),
        "Revision": revision_words(spoke) + late,
        "Devices, tags": f"{plural(spoke.devices, 'device')}, {plural(spoke.tags, 'tag')}",
        "Created": clock(spoke.created_ns),
    }
    if health is not None:
        found |= {
            "Values read": f"{rate(health.values_per_s)} per second",
            "Scans skipped": count(health.skipped),
            "Version": health.version,
            "Running since": f"{clock(health.started_ns)}, {age(health.started_ns)}",
        }
    return found


def _stream(spoke: Spoke) -> dict[str, str]:
    if spoke.health is None:
        return {"Buffer": "No report yet."}
    stream = spoke.health.stream
    full = time_to_full_s(spoke)
    waiting = max(0, stream.last_seq - stream.hub_seq)
    return {
        "On disk": f"{size(stream.size_bytes)} of {size(stream.max_bytes)}",
        "Coming in": f"{size(stream.bytes_per_s)} per second",
        "Full in": "not while the hub takes it" if full is None else duration(full),
        "Not yet confirmed": f"{count(waiting)} messages",
        "Newest, at the hub": f"{count(stream.last_seq)}, {count(stream.hub_seq)}",
        "Epoch": stream.epoch or NOTHING,
    }


def _computer(spoke: Spoke) -> dict[str, str]:
    health = spoke.health
    if health is None:
        return {"Computer": "No report yet."}
    jump = f"{health.clock_jump_s:+.3f} s since start"
    if abs(health.clock_jump_s) >= _CLOCK_JUMP_WARN_S:
        jump += ": check time synchronisation (NTP)"
    return {
        "Processor": f"{health.cpu_percent:.0f} %",
        "Memory": size(health.memory_bytes),
        "Disk free": size(health.disk_free_bytes),
        "Clock jumps": jump,
        "Workers": f"{health.workers}, restarted {health.worker_restarts} times",
    }


def _ledger(rows: list[LedgerRow]) -> dict[str, str]:
    if not rows:
        return {"Messages": "Nothing received yet."}
    missing = sum(row.missing for row in rows)
    lost = sum(row.lost for row in rows)
    return {
        "Missing": "0" if missing == 0 else f"{count(missing)}: look at the ledger on System",
        "Produced": count(sum(row.produced for row in rows)),
        "Stored": count(sum(row.stored for row in rows)),
        "Waiting": count(sum(row.waiting for row in rows)),
        "Undecodable": count(sum(row.dead for row in rows)),
        "Given up, buffer full": count(lost),
        "Values stored": count(sum(row.values for row in rows)),
    }


async def _devices(session: Session, spoke: Spoke) -> Grid | None:
    found = await session.services.fleet.devices(spoke.id)
    ui.html("Devices", tag="h2", sanitize=False)
    if not found:
        with empty_state(
            "memory", "No device on this gateway", "Add the first PLC that it shall read."
        ):
            if session.can(Role.ENGINEER):
                ui.button(
                    "Add device",
                    icon="add",
                    on_click=lambda: ui.navigate.to(f"/devices/new?gateway={spoke.id}"),
                )
        return None
    known = function_health([spoke])
    rows = [device_row(device, spoke.online, known) for device in found]
    return Grid([item for item in DEVICE_COLUMNS if item["field"] != "gateway"], rows)


async def _revisions(session: Session, spoke: Spoke) -> None:
    found = await session.services.fleet.revisions(spoke.id)
    ui.html("Revisions", tag="h2", sanitize=False)
    if not found:
        with ui.element("div").classes("muted"):
            ui.label("No change yet. Every change of a device or tag makes a revision.")
        return
    rows = [
        {
            "id": item.number,
            "number": item.number,
            "time": clock(item.time_ns),
            "author": item.author,
            "summary": item.summary,
        }
        for item in found
    ]
    Grid(_REVISION_COLUMNS, rows, label="Revisions")
