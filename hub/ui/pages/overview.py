"""Overview: the state of the plant at a glance, and every problem with what to do."""

from __future__ import annotations

from nicegui import ui
from starlette.requests import Request

from hub.records import Device, LedgerRow, Role, Spoke, System
from hub.services import Services
from hub.ui.components.device_rows import function_health
from hub.ui.components.function_state import is_use, use_problems
from hub.ui.components.problems import ProblemList, problems_of
from hub.ui.components.pulse_chart import PulseChart
from hub.ui.components.tile import Tile
from hub.ui.frame import heading
from hub.ui.page import page
from hub.ui.pulse import Pulse
from hub.ui.refresh import refreshing
from hub.ui.session import Session
from hub.ui.words import NOTHING, count, device_state, duration, plural, rate, size

_PERIOD_S = 2.0
_LAG_WARN_S = 10.0
_LAG_BAD_S = 120.0


def register(services: Services, pulse: Pulse) -> None:
    @page("/", "Overview")
    async def overview(session: Session, _: Request) -> None:
        spokes = await services.fleet.spokes()
        devices = await services.fleet.devices()
        heading("Overview")
        if not devices:
            _first_steps(session, spokes)
            if not spokes:
                return
        board = _Board(pulse)

        async def refresh() -> None:
            board.show(
                await pulse.now(),
                await services.fleet.spokes(),
                await services.fleet.devices(),
                await services.data.ledger(),
            )

        refreshing(_PERIOD_S, refresh)


def _first_steps(session: Session, spokes: list[Spoke]) -> None:
    """What to do on an empty hub."""
    steps = (
        (
            "Create a gateway",
            "A gateway is the computer next to the machines. You get its credentials here.",
            "/gateways?new=1" if session.can(Role.ADMIN) else "/gateways",
            bool(spokes),
        ),
        (
            "Add a device",
            "Tell Spindle where the PLC is. Test connection shows at once whether it answers.",
            "/devices/new",
            False,
        ),
        (
            "Look at values",
            "Add tags, open Live values, then draw a trend. Everything is in SQL from then on.",
            "/devices",
            False,
        ),
    )
    ui.label("Three steps until values flow:").classes("muted")
    with ui.element("div").classes("steps"):
        for number, (title, text, target, done) in enumerate(steps, 1):
            with ui.element("section").classes("panel step"):
                ui.label("✓" if done else str(number)).classes("step-number")
                ui.label(title).classes("step-title")
                ui.label(text).classes("muted")
                ui.link("Done, open" if done else title, target)


def _gateways_tile(spokes: list[Spoke], online: int) -> tuple[str, str, str]:
    """(level, value, note); who never connected is no fault."""
    value = f"{online} / {len(spokes)}"
    new = sum(not spoke.online and spoke.last_seen_ns <= 0 for spoke in spokes)
    offline = len(spokes) - online - new
    waiting = f"{new} not connected yet"
    if offline:
        return "bad", value, f"{offline} offline, {waiting}" if new else f"{offline} offline"
    return ("info", value, waiting) if new else ("ok", value, "all of them")


def _states(devices: list[Device], spokes: list[Spoke]) -> list[str]:
    alive = {spoke.id: spoke.online for spoke in spokes}
    functions = function_health(spokes)
    return [
        device_state(
            functions.get(item.id) if is_use(item) else item.health,
            item.config.enabled,
            alive.get(item.spoke_id, False),
        )
        for item in devices
    ]


class _Board:
    """Tiles, chart and problem list."""

    def __init__(self, pulse: Pulse) -> None:
        with ui.element("div").classes("tiles"):
            self._gateways = Tile("Gateways online", "/gateways")
            self._devices = Tile("Devices running", "/devices")
            self._rate = Tile("Values per second", "/trends")
            self._lag = Tile("Ingest lag", "/system")
            self._database = Tile("Database", "/system")
            self._missing = Tile("Missing messages", "/system")
        with ui.element("div").classes("columns"):
            with ui.element("section").classes("panel"):
                with ui.element("div").classes("panel-head"):
                    ui.html("Values stored per second", tag="h2", sanitize=False)
                    ui.label("last 10 minutes").classes("muted")
                self._chart = PulseChart(pulse)
            self._problems = ProblemList()

    def show(
        self, system: System, spokes: list[Spoke], devices: list[Device], ledger: list[LedgerRow]
    ) -> None:
        self._show_fleet(spokes, devices)
        self._rate.show("info", rate(system.values_per_s), "stored in SQL, average of 10 s")
        self._show_lag(system.ingest_lag_s)
        if system.database_ok:
            note = f"{size(system.database_size_bytes)}, {system.database}"
            self._database.show("ok", "Running", note)
        else:
            self._database.show("bad", "Not available", system.database_error)
        self._show_ledger(ledger)
        plain = [item for item in devices if not is_use(item)]
        found = problems_of(system, spokes, plain) + use_problems(spokes, devices)
        self._problems.show(found)
        self._chart.refresh()

    def _show_fleet(self, spokes: list[Spoke], devices: list[Device]) -> None:
        online = sum(spoke.online for spoke in spokes)
        self._gateways.show(*_gateways_tile(spokes, online))
        states = _states([item for item in devices if not is_use(item)], spokes)
        uses = _states([item for item in devices if is_use(item)], spokes)
        wanted = sum(state != "off" for state in states)
        running = states.count("running")
        off = len(states) - wanted
        trouble = wanted - running
        note = plural(trouble, "problem") if trouble else "no problems"
        if off:
            note += f", {off} switched off"
        if uses:
            note += f"; {uses.count('running')} of {plural(len(uses), 'function')} running"
        level = "ok" if not trouble else "bad"
        self._devices.show(level, f"{running} / {wanted}", note)

    def _show_lag(self, lag_s: float) -> None:
        level = "ok" if lag_s < _LAG_WARN_S else "warn" if lag_s < _LAG_BAD_S else "bad"
        note = "age of the newest stored value" if level == "ok" else "the hub is catching up"
        self._lag.show(level, duration(lag_s), note)

    def _show_ledger(self, ledger: list[LedgerRow]) -> None:
        """Green only when nothing at all is missing or lost."""
        missing = sum(abs(row.missing) for row in ledger)
        lost = sum(row.lost for row in ledger)
        if missing:
            self._missing.show("bad", count(missing), "produced but not stored: see the ledger")
        elif lost:
            self._missing.show("warn", "0", f"{count(lost)} given up when a buffer was full")
        elif not ledger:
            self._missing.show("off", NOTHING, "nothing received yet")
        else:
            stored = sum(row.stored for row in ledger)
            self._missing.show("ok", "0", f"all of {count(stored)} messages are stored")
