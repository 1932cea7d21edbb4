"""Why is it bad? One device: state, what each scan asks, bad tags, requests and answers."""

from __future__ import annotations

import asyncio
import time

from nicegui import ui
from starlette.requests import Request

from hub.records import Device, Latest, Role, Spoke, Tag
from hub.ui.components.bad_tags import BadTags
from hub.ui.components.empty import empty_state
from hub.ui.components.scan_plan import ScanPlan
from hub.ui.components.trace_table import TraceTable
from hub.ui.components.trust_panel import TrustPanel
from hub.ui.components.verdict import Verdict
from hub.ui.frame import heading
from hub.ui.page import page
from hub.ui.refresh import refreshing
from hub.ui.session import Session
from hub.ui.words import age, clock
from schemas.errors import SpindleError, SpokeOfflineError
from schemas.messages.diagnosis import DiagnoseReply

_PERIOD_S = 1.0
_EVERY = 3
"""Without a trace the gateway is asked only every so many periods."""
_VALUES_S = 5.0
"""How often the stored values are read anew."""

_SWITCHED_OFF = (
    "Nothing is asked while it is off. An engineer can switch it on, on the device's page."
)


def register() -> None:
    @page("/devices/{device_id:int}/diagnosis", "Why bad")
    async def diagnosis(session: Session, request: Request) -> None:
        found = await session.services.fleet.device(int(request.path_params["device_id"]))
        ui.page_title(f"Why bad: {found.config.name} · Spindle")
        crumbs = (("Devices", "/devices"), (found.config.name, f"/devices/{found.id}"))
        words = f"{found.config.name} on {found.spoke}: what Spindle asks it and what comes back."
        with heading("Why is it bad?", *crumbs, subtitle=words):
            ui.button(
                "Live values",
                icon="monitor_heart",
                on_click=lambda: ui.navigate.to(f"/devices/{found.id}"),
                color=None,
            ).props("outline")
        view = _View(session, found, request.query_params.get("tag", ""))
        refreshing(_PERIOD_S, view.tick)


class _View:
    """The parts of the page; drawn once, then only updated."""

    def __init__(self, session: Session, device: Device, wanted: str) -> None:
        self._session = session
        self._id = device.id
        self._ticks = 0
        self._lock = asyncio.Lock()
        self._plans: dict[str, ScanPlan] = {}
        self._verdict = Verdict(self._retry if session.can(Role.OPERATOR) else None)
        self._trust = TrustPanel(session, device.id)
        self._offline = ui.element("div").mark("offline")
        self._offline.set_visibility(False)
        with ui.element("div").classes("stack") as self._parts:
            self._parts.set_visibility(False)
            self._bad = BadTags(wanted)
            with ui.element("section").classes("panel"):
                with ui.element("div").classes("panel-head"):
                    ui.html("What each scan asks", tag="h2", sanitize=False)
                    self._link = ui.label().classes("muted")
                self._groups = ui.element("div").classes("panel-body stack")
            self._trace = TraceTable(session, device.config.name, self._switch)
        self._said = ("", "")
        self._read_at_s = 0.0
        self._tags: list[Tag] = []
        self._latest: dict[int, Latest] = {}

    async def tick(self) -> None:
        self._ticks += 1
        self._verdict.count_down()
        if self._trace.on or self._ticks % _EVERY == 1:
            await self.refresh()

    async def refresh(self, trace_s: float | None = None, *, retry: bool = False) -> None:
        """Ask the gateway and show its answer. One at a time: a click may come in between."""
        async with self._lock:
            services = self._session.services
            device = await services.fleet.device(self._id)
            spoke = await services.fleet.spoke(device.spoke_id)
            reply = await self._ask(device, spoke, trace_s, retry=retry)
            health = (reply.health if reply else None) or device.health
            self._verdict.show(device, spoke, health, reply)
            await self._trust.show(device, spoke)
            self._parts.set_visibility(reply is not None)
            self._verdict.element.set_visibility(reply is not None)
            if reply is None:
                return
            if time.monotonic() >= self._read_at_s:
                self._read_at_s = time.monotonic() + _VALUES_S
                self._tags = await services.fleet.tags(self._id)
                ids = [tag.id for tag in self._tags]
                self._latest = await services.data.latest(ids) if ids else {}
            self._bad.show(self._tags, health, self._latest)
            self._show_groups(reply)
            self._trace.show(reply)

    async def _ask(
        self, device: Device, spoke: Spoke, trace_s: float | None, *, retry: bool
    ) -> DiagnoseReply | None:
        """None while there is nobody to ask, with the reason on the page."""
        if not device.config.enabled:
            self._explain("The device is switched off", _SWITCHED_OFF)
            return None
        if not spoke.online:
            self._explain(*_away(spoke))
            return None
        try:
            remote = self._session.services.remote
            reply = await remote.diagnose(device.id, trace_s, retry=retry)
        except SpokeOfflineError:
            self._explain(*_away(spoke))
            return None
        except SpindleError as error:
            self._explain(error.message, error.hint)
            return None
        if reply.error is not None:
            self._explain(str(reply.error.get("message")), str(reply.error.get("hint")))
            return None
        self._explain("", "")
        return reply

    def _explain(self, title: str, text: str) -> None:
        """Drawn again only when it says something else."""
        if (title, text) == self._said:
            return
        self._said = (title, text)
        self._offline.clear()
        self._offline.set_visibility(bool(title))
        if title:
            with self._offline:
                empty_state("cloud_off", title, text)

    def _show_groups(self, reply: DiagnoseReply) -> None:
        if [group.name for group in reply.groups] != list(self._plans):
            self._groups.clear()
            with self._groups:
                self._plans = {group.name: ScanPlan() for group in reply.groups}
                if not reply.groups:
                    ui.label("No tag, so nothing is asked.").classes("muted")
        for group in reply.groups:
            self._plans[group.name].show(group)
        self._link.set_text(f"shares the connection {reply.link} with others" if reply.link else "")

    async def _switch(self, trace_s: float) -> None:
        await self._session.who(Role.OPERATOR)
        await self.refresh(trace_s)

    async def _retry(self) -> None:
        await self._session.who(Role.OPERATOR)
        await self.refresh(retry=True)


def _away(spoke: Spoke) -> tuple[str, str]:
    since = "It has not been seen since the hub started."
    if spoke.last_seen_ns:
        away = age(spoke.last_seen_ns).removesuffix(" ago")
        since = f"No sign of it for {away}, since {clock(spoke.last_seen_ns)}."
    text = (
        f"{since}\n"
        "First check its power and its network link, then that spindle-spoke runs on it.\n\n"
        "Only the gateway knows why a tag is bad, so nothing can be said here before it is back. "
        "What it reads meanwhile waits on its disk. This page goes on by itself."
    )
    return f"The gateway {spoke.name} does not answer", text
