"""The hub itself: servers, completeness ledger, dead letters, users, version."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from starlette.requests import Request

from hub.records import DeadLetter, LedgerRow, Role, System
from hub.ui.components.badge import Badge
from hub.ui.components.empty import empty_state
from hub.ui.components.facts import Facts
from hub.ui.components.grid import Grid, column, number_column, state_column
from hub.ui.components.users import users_panel
from hub.ui.frame import heading
from hub.ui.page import page
from hub.ui.pulse import Pulse
from hub.ui.refresh import refreshing
from hub.ui.session import Session
from hub.ui.words import clock, count, duration, rate, size

_PERIOD_S = 5.0
API_DOCS = "/api/docs"
_LEDGER_COLUMNS = (
    column("spoke", "Gateway", minWidth=120, flex=2),
    state_column("verdict", "Verdict", minWidth=130),
    number_column("missing", "Missing", minWidth=90),
    number_column("produced", "Produced", minWidth=110),
    number_column("stored", "Stored", minWidth=110),
    number_column("waiting", "Waiting", minWidth=90),
    number_column("dead", "Undecodable", minWidth=110),
    number_column("lost", "Given up", minWidth=90),
    number_column("values", "Values", minWidth=130),
    column("last", "Newest (UTC)", minWidth=170),
    column("epoch", "Epoch", minWidth=110),
)
_LETTER_COLUMNS = (
    column("time", "Time (UTC)", minWidth=170),
    column("spoke", "Gateway", minWidth=120),
    column("sequence", "Sequence", minWidth=110, type="rightAligned"),
    column("reason", "Reason", minWidth=320, flex=4, tooltipField="reason"),
    column("size", "Size", minWidth=90),
)


def register(pulse: Pulse) -> None:
    @page("/system", "System")
    async def system(session: Session, _: Request) -> None:
        data = session.services.data
        with heading("System"):
            ui.link("API documentation", API_DOCS, new_tab=True).classes("tool")
        with ui.element("div").classes("halves"):
            database, hub = Facts("Database"), Facts("Hub")
            with database.panel:
                database_badge = Badge("busy", "Asking")
            with hub.panel:
                nats_badge = Badge("busy", "Asking")
                ingest_badge = Badge("busy", "Asking")
        ledger = _ledger(await data.ledger())
        await _letters(session)
        if session.can(Role.ADMIN):
            await users_panel(session)

        async def refresh() -> None:
            now = await pulse.now()
            database.show(_database(now))
            hub.show(_hub(now))
            database_badge.show(*_works(now.database_ok, "Running", "Not available"))
            nats_badge.show(*_works(now.nats_ok, "NATS connected", "NATS not connected"))
            ingest_badge.show(*_works(now.ingest_ok, "Ingest running", "Ingest waits"))
            if ledger is not None:
                ledger.set_rows([_ledger_row(row) for row in await data.ledger()])

        refreshing(_PERIOD_S, refresh)


def _works(works: bool, yes: str, no: str) -> tuple[str, str]:
    return ("ok", yes) if works else ("bad", no)


def _database(system: System) -> dict[str, str]:
    found = {
        "Server": system.database,
        "Size on disk": size(system.database_size_bytes),
        "Values stored": f"{rate(system.values_per_s)} per second",
    }
    return found if system.database_ok else {**found, "Error": system.database_error}


def _hub(system: System) -> dict[str, str]:
    found = {
        "Version": f"Spindle {system.version}",
        "Ingest lag": duration(system.ingest_lag_s),
        "Undecodable messages": count(system.dead_letters),
    }
    return found if system.ingest_ok else {**found, "Ingest error": system.ingest_error}


def _panel(title: str, note: str) -> tuple[ui.element, ui.element]:
    """(head, body) of a panel with a title."""
    with ui.element("section").classes("panel"):
        with ui.element("div").classes("panel-head") as head:
            ui.html(title, tag="h2", sanitize=False)
            ui.label(note).classes("muted")
            ui.element("div").classes("grow")
        body = ui.element("div")
    return head, body


def _ledger(rows: list[LedgerRow]) -> Grid | None:
    head, body = _panel(
        "Completeness ledger",
        "Messages: produced - stored - undecodable - given up - waiting = missing, which must be 0",
    )
    with head:
        ui.link("Export CSV", "/ui-data/ledger.csv").classes("tool")
    with body:
        if not rows:
            text = "As soon as a gateway sends, every one of its messages is accounted for here."
            empty_state("fact_check", "Nothing received yet", text)
            return None
        return Grid(_LEDGER_COLUMNS, [_ledger_row(row) for row in rows], label="Ledger")


def _ledger_row(row: LedgerRow) -> dict[str, Any]:
    if row.missing:
        level, verdict = "bad", "Missing"
    elif row.lost:
        level, verdict = "warn", "Given up"
    else:
        level, verdict = "ok", "Complete"
    return {
        "id": f"{row.spoke} {row.epoch}",
        "spoke": row.spoke,
        "verdict": verdict,
        "verdict_level": level,
        "missing": row.missing,
        "produced": row.produced,
        "stored": row.stored,
        "waiting": row.waiting,
        "dead": row.dead,
        "lost": row.lost,
        "values": row.values,
        "last": clock(row.last_time_ns),
        "epoch": row.epoch,
    }


async def _letters(session: Session) -> None:
    found = await session.services.data.dead_letters()
    _, body = _panel("Undecodable messages", "kept in the table dead_letter, newest 100")
    with body:
        if not found:
            with ui.element("div").classes("calm"):
                ui.icon("check_circle")
                ui.label("Every message could be read.")
            return
        Grid(_LETTER_COLUMNS, [_letter_row(item) for item in found], label="Undecodable messages")


def _letter_row(item: DeadLetter) -> dict[str, Any]:
    return {
        "id": item.id,
        "time": clock(item.time_ns),
        "spoke": item.spoke,
        "sequence": item.sequence,
        "reason": item.reason,
        "size": size(item.size_bytes),
    }
