"""One device: live values, tags, settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui
from starlette.requests import Request

from hub.records import Device, Role, Spoke
from hub.ui.components.badge import Badge
from hub.ui.components.confirm import confirm
from hub.ui.components.device_form import DeviceForm
from hub.ui.components.device_rows import DRIVER_WORDS, endpoint_of, function_health
from hub.ui.components.function_state import is_use, use_path, use_trouble
from hub.ui.components.live_table import LiveTable
from hub.ui.components.settings_facts import settings_facts
from hub.ui.components.tag_table import TagTable
from hub.ui.components.trust_panel import TrustPanel
from hub.ui.frame import heading
from hub.ui.notices import busy, show_done
from hub.ui.page import page
from hub.ui.refresh import refreshing
from hub.ui.session import Session
from hub.ui.words import STATE_LEVELS, STATE_WORDS, age, count, device_state, duration, plural
from schemas.config.devices import DeviceConfig

_PERIOD_S = 2.0
_TABS = {"live": "Live values", "tags": "Tags", "settings": "Settings"}


def register() -> None:
    @page("/devices/{device_id:int}", "Device")
    async def device(session: Session, request: Request) -> None:
        fleet = session.services.fleet
        found = await fleet.device(int(request.path_params["device_id"]))
        spoke = await fleet.spoke(found.spoke_id)
        ui.page_title(f"{found.config.name} · Spindle")
        crumbs = (("Devices", "/devices"), (found.spoke, f"/gateways/{found.spoke_id}"))
        words = f"{DRIVER_WORDS.get(found.config.connection.driver, '')}, {endpoint_of(found)}"
        if found.config.description:
            words += f". {found.config.description}"
        use = is_use(found)
        elsewhere = use_path(found.id) if use else f"/devices/{found.id}/diagnosis"
        with heading(found.config.name, *crumbs, subtitle=words):
            with ui.link(target=elsewhere).classes("badge-link"):
                badge = Badge(*_badge(found, spoke))
            ui.button(
                "Function" if use else "Why bad?",
                icon="functions" if use else "troubleshoot",
                on_click=lambda: ui.navigate.to(elsewhere),
                color=None,
            ).props("outline")
            if session.can(Role.ENGINEER):
                _buttons(session, found)
        trouble = _Trouble()
        trust = None if use else TrustPanel(session, found.id)
        live = await _tabs(session, found, spoke, request.query_params.get("tab", "live"))

        async def refresh() -> None:
            now, at = await fleet.device(found.id), await fleet.spoke(found.spoke_id)
            badge.show(*_badge(now, at))
            trouble.show(now, at)
            if trust is not None:
                await trust.show(now, at)
            await live.switched(now)

        refreshing(_PERIOD_S, refresh)


def _badge(device: Device, spoke: Spoke) -> tuple[str, str]:
    health = function_health([spoke]).get(device.id) if is_use(device) else device.health
    state = device_state(health, device.config.enabled, spoke.online)
    return STATE_LEVELS[state], STATE_WORDS[state]


class _Trouble:
    """Error in words and hint above the tabs, and one line of counters."""

    def __init__(self) -> None:
        with ui.element("div").classes("callout bad").props("role=status") as self._box:
            self._message = ui.label()
            self._hint = ui.label().classes("hint")
        self._box.set_visibility(False)
        self._line = ui.label().classes("muted")

    def show(self, device: Device, spoke: Spoke) -> None:
        message, hint, line = (_use_words if is_use(device) else _words)(device, spoke)
        if not spoke.online:
            message = f"The gateway {spoke.name} is offline."
            hint = "What it reads meanwhile waits on its disk and arrives when the link is back."
        self._box.set_visibility(bool(message) and device.config.enabled)
        self._message.set_text(message)
        self._hint.set_text(hint)
        if line:
            self._line.set_text(line)


def _words(device: Device, spoke: Spoke) -> tuple[str, str, str]:
    """(error, hint, counters) of a device; empty for what is not known."""
    health = device.health
    if health is None:
        return "", "", ""
    error = health.error or {}
    message, hint = str(error.get("message", "")), str(error.get("hint", ""))
    if message and health.since_ns:
        message = f"{message} Since {age(health.since_ns).removesuffix(' ago')}."
    line = (
        f"Last good scan {age(health.last_good_ns)}. {count(health.scans)} scans, "
        f"{count(health.skipped)} skipped, {count(health.values)} values, "
        f"{plural(health.connects, 'connect')}, "
        f"{plural(len(health.tag_problems), 'tag')} with a problem."
    )
    return message, hint, line


def _use_words(device: Device, spoke: Spoke) -> tuple[str, str, str]:
    """The same of a function at work."""
    health = function_health([spoke]).get(device.id)
    if health is None:
        return "", "", ""
    line = (
        f"{count(health.values_in)} values in, {count(health.values_out)} out, "
        f"slowest batch {duration(health.slowest_s)}, {plural(health.faults_ever, 'fault')} since "
        f"its start. Newest value {duration(health.lag_s)} old."
    )
    return *use_trouble(health), line


async def _tabs(session: Session, device: Device, spoke: Spoke, wanted: str) -> LiveTable:
    shown = {k: v for k, v in _TABS.items() if k != "settings" or not is_use(device)}
    first = wanted if wanted in shown else "live"
    with ui.tabs().props("align=left no-caps inline-label dense") as tabs:
        for name, title in shown.items():
            ui.tab(name, title)
    tabs.set_value(first)
    places = {name: ui.element("div").classes("stack") for name in shown}
    stale = set(_TABS)

    async def tags_changed() -> None:
        stale.update(("live", "settings"))

    with places["live"]:
        live = LiveTable(session, device)
    with places["tags"]:
        table = TagTable(session, device, tags_changed)

    async def settings() -> None:
        places["settings"].clear()
        with places["settings"]:
            await _settings(session, device, spoke)

    draw: dict[str, Callable[[], Awaitable[None]]] = {
        "live": live.show,
        "tags": table.load,
        "settings": settings,
    }

    async def open_tab(name: str) -> None:
        for other, place in places.items():
            place.set_visibility(other == name)
        if name in stale:
            stale.discard(name)
            await draw[name]()

    async def chosen() -> None:
        name = str(tabs.value)
        ui.run_javascript(
            f"history.replaceState(history.state, '', '/devices/{device.id}?tab={name}')"
        )
        await open_tab(name)

    await open_tab(first)
    tabs.on_value_change(chosen)
    return live


async def _settings(session: Session, device: Device, spoke: Spoke) -> None:
    if not session.can(Role.ENGINEER):
        settings_facts(await session.services.fleet.device(device.id))
        return
    tags = [tag.config for tag in await session.services.fleet.tags(device.id)]

    async def save(_: int, config: DeviceConfig) -> None:
        who = await session.who(Role.ENGINEER)
        await session.services.fleet.update_device(who, device.id, config, device.version)
        show_done("Saved. The gateway applies it now.")
        ui.navigate.to(f"/devices/{device.id}?tab=settings")

    DeviceForm(session, [spoke], save, device=device, tags=tags)


def _buttons(session: Session, device: Device) -> None:
    fleet = session.services.fleet
    enabled = device.config.enabled

    async def toggle() -> None:
        who = await session.who(Role.ENGINEER)
        now = await fleet.device(device.id)
        config = now.config.model_copy(update={"enabled": not enabled})
        await fleet.update_device(who, now.id, config, now.version)
        ui.navigate.reload()

    async def delete() -> None:
        who = await session.who(Role.ENGINEER)
        await fleet.delete_device(who, device.id)
        ui.navigate.to("/devices")

    def ask() -> None:
        confirm(
            f"Delete device {device.config.name}?",
            f"It is not read any more and its {plural(device.tags, 'tag')} are deleted. "
            "Stored values stay in SQL.",
            "Delete device",
            delete,
            type_name=device.config.name if device.tags else "",
        )

    switch = ui.button(
        "Switch off" if enabled else "Switch on", icon="power_settings_new", color=None
    ).props("outline")

    def ask_off() -> None:
        confirm(
            f"Switch off {device.config.name}?",
            f"The recording of its {plural(device.tags, 'tag')} stops until somebody switches it "
            "on again; what happens meanwhile is not stored.",
            "Switch off",
            toggle,
        )

    switch.on_click(ask_off if enabled else lambda: busy(switch, toggle))
    if not is_use(device):
        ui.button(
            "Clone", icon="content_copy", on_click=lambda: _clone(session, device), color=None
        ).props("outline")
    ui.button("Delete", icon="delete", on_click=ask, color=None).props("outline").classes("danger")


def _clone(session: Session, device: Device) -> None:
    with ui.dialog() as dialog, ui.card().classes("dialog"):
        ui.label(f"Clone {device.config.name}").classes("dialog-title")
        ui.label(
            f"A copy with {plural(device.tags, 'tag')}, switched off so that you can set its "
            "address first."
        ).classes("dialog-text")
        name = ui.input("Name of the copy", value=f"{device.config.name} 2")
        name.props("outlined dense autofocus")
        with ui.element("div").classes("dialog-actions"):
            ui.button("Cancel", on_click=dialog.close, color=None).props("flat")
            go = ui.button("Clone")

    async def work() -> None:
        who = await session.who(Role.ENGINEER)
        made = await session.services.fleet.clone_device(who, device.id, name.value.strip())
        ui.navigate.to(f"/devices/{made.id}?tab=settings")

    go.on_click(lambda: busy(go, work))
    name.on("keydown.enter", lambda: busy(go, work))
    dialog.open()
