"""One use of a function: how it does, its values, live log, faults, shadow and set-up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from nicegui import ui
from starlette.requests import Request

from hub.function_records import PlantFunction, Use
from hub.records import Role, Tag
from hub.ui.components.badge import Badge
from hub.ui.components.function_actions import UseActions
from hub.ui.components.function_events import EventTable
from hub.ui.components.function_faults import FaultList
from hub.ui.components.function_head import UseHead
from hub.ui.components.function_log import FunctionLog
from hub.ui.components.function_rates import Rates
from hub.ui.components.function_setup import setup_panels
from hub.ui.components.function_shadow import FunctionShadow
from hub.ui.components.function_state import at_work, use_path
from hub.ui.components.function_trend import FunctionTrend
from hub.ui.components.function_words import function_of, state_of, use_badge
from hub.ui.components.live_table import LiveTable
from hub.ui.frame import heading
from hub.ui.notices import explained
from hub.ui.page import page
from hub.ui.refresh import refreshing
from hub.ui.session import Session
from schemas.errors import LoginError, NotFoundError, SpindleError
from schemas.functions import FunctionSpec

_LOOK_S = 1.0
_ASKING = ("log", "faults", "shadow")
"""Tabs that ask the gateway; the others show what it says by itself."""
_PERIOD_S = 2.0
_TABS = {
    "values": "Values",
    "log": "Live log",
    "faults": "Faults and events",
    "shadow": "Shadow",
    "setup": "Set-up",
}


def register() -> None:
    @page("/functions/uses/{device_id:int}", "Function")
    async def function_use(session: Session, request: Request) -> None:
        use = await session.services.functions.use(int(request.path_params["device_id"]))
        ui.page_title(f"{use.device.config.name} · Spindle")
        function = await _function(session, use)
        view = _View(session, use, function)
        await view.open(request.query_params.get("tab", ""))


async def _function(session: Session, use: Use) -> PlantFunction | None:
    """None when it was deleted, which a plant with uses cannot do, and a restored one can."""
    try:
        return await session.services.functions.function(use.function)
    except NotFoundError:
        return None


class _View:
    def __init__(self, session: Session, use: Use, function: PlantFunction | None) -> None:
        self._session = session
        self._use = use
        self._function = function
        self._rates = Rates()
        self._tags: dict[int, Tag] = {}
        self._tab = "values"
        self._drawn_version = use.device.version

    async def open(self, wanted: str) -> None:
        use, device = self._use, self._use.device
        await self._read_tags()
        crumbs = (("Functions", "/functions"), (use.function, f"/functions/{quote(use.function)}"))
        words = f"{at_work(function_of(use))} on {device.spoke}"
        if device.config.description:
            words += f". {device.config.description}"
        with heading(device.config.name, *crumbs, subtitle=words):
            self._badge = Badge(*use_badge(use))
            if self._session.can(Role.ENGINEER):
                self._actions: UseActions | None = UseActions(self._session, use, self._refresh)
            else:
                self._actions = None
        self._head = UseHead()
        await self._draw_tabs(wanted)
        await self._refresh()
        refreshing(_PERIOD_S, self._refresh, immediate=False)
        refreshing(_LOOK_S, self._look)

    # --- tabs ------------------------------------------------------------------------------
    async def _draw_tabs(self, wanted: str) -> None:
        own = not function_of(self._use).built_in and self._function is not None
        shown = {name: title for name, title in _TABS.items() if name != "shadow" or own}
        self._tab = wanted if wanted in shown else "values"
        with ui.tabs().props("align=left no-caps inline-label dense") as tabs:
            for name, title in shown.items():
                ui.tab(name, title)
        tabs.set_value(self._tab)
        places = {name: ui.element("div").classes("stack") for name in shown}
        config = function_of(self._use)
        inputs = [self._tags[i] for ids in config.inputs.values() for i in ids if i in self._tags]
        with places["values"]:
            self._live = LiveTable(self._session, self._use.device)
            self._trend = FunctionTrend(inputs, self._outputs())
        with places["log"]:
            self._log = FunctionLog(self._use.device.config.name)
        with places["faults"]:
            self._faults, self._events = FaultList(), EventTable()
        self._shadow: FunctionShadow | None = None
        if own and self._function is not None:
            with places["shadow"]:
                self._shadow = FunctionShadow(
                    self._session, self._function, self._use, self._refresh
                )
        draw: dict[str, Callable[[], Awaitable[None]]] = {
            "values": self._show_values,
            "setup": lambda: self._show_setup(places["setup"]),
        }

        async def open_tab() -> None:
            for other, place in places.items():
                place.set_visibility(other == self._tab)
            if self._tab in draw:
                await draw[self._tab]()

        async def chosen() -> None:
            self._tab = str(tabs.value)
            path = f"{use_path(self._use.device.id)}?tab={self._tab}"
            ui.run_javascript(f"history.replaceState(history.state, '', {path!r})")
            with explained():
                await open_tab()
                await self._refresh()
                await self._look()

        await self._live.show()
        await open_tab()
        tabs.on_value_change(chosen)

    async def _show_values(self) -> None:
        self._trend.draw()

    async def _show_setup(self, place: ui.element) -> None:
        revisions = await self._session.services.fleet.revisions(self._use.device.spoke_id)
        place.clear()
        with place:
            setup_panels(self._use, self._spec(), self._tags, revisions)

    # --- what changes ----------------------------------------------------------------------
    async def _refresh(self) -> None:
        services = self._session.services
        use = self._use = await services.functions.use(self._use.device.id)
        if use.device.version != self._drawn_version:
            self._drawn_version = use.device.version
            if _ports(use) != self._drawn_ports:
                ui.navigate.reload()
                return
        self._rates.look([await services.fleet.spoke(use.device.spoke_id)])
        self._badge.show(*use_badge(use))
        self._head.show(use, self._rates.of(use.device.id))
        if self._actions is not None:
            self._actions.show(use)
        await self._live.switched(use.device)
        if self._shadow is not None:
            self._shadow.show(use, self._tags)
        if self._tab == "faults":
            self._events.show(await services.functions.events(use.device.id))

    async def _look(self) -> None:
        """Ask the gateway, while somebody reads it; the log says so when it is away."""
        use = self._use
        if self._tab not in _ASKING:
            return
        if use.health is not None:
            self._log.started(use.health.since_ns)
        try:
            reply = await self._session.services.functions.look(use.device.id, self._log.newest)
        except LoginError:
            raise
        except SpindleError as error:
            self._log.explain(f"{error.message} Nothing new is shown.")
            return
        self._log.take(reply.log)
        if state_of(use) != "running":
            self._log.explain("It does not run.")
        self._faults.show(reply.faults)
        if self._shadow is not None and self._tab == "shadow":
            self._shadow.take(reply.compared)

    # --- below -----------------------------------------------------------------------------
    async def _read_tags(self) -> None:
        self._tags = {tag.id: tag for tag in await self._session.services.fleet.tags()}
        self._drawn_ports = _ports(self._use)

    def _outputs(self) -> list[Tag]:
        return [tag for tag in self._tags.values() if tag.device_id == self._use.device.id]

    def _spec(self) -> FunctionSpec:
        """Of the version at work."""
        versions = self._function.versions if self._function else ()
        mine = [item.spec for item in versions if item.number == self._use.version]
        newest = versions[0].spec if versions else FunctionSpec(self._use.function, "")
        return mine[0] if mine else newest


def _ports(use: Use) -> tuple[object, ...]:
    """What the page was drawn for: with other tags or another function it is drawn again."""
    config = function_of(use)
    return config.inputs, config.version, use.device.tags, use.device.config.name
