"""The first thing to read on *Why bad*: the state in one large sentence, and what to do."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui

from hub.records import Device, Spoke
from hub.ui.components.badge import ICONS
from hub.ui.components.scan_plan import verdict
from hub.ui.notices import busy
from hub.ui.words import NS, STATE_LEVELS, age, device_state
from schemas.messages.diagnosis import DiagnoseReply, GroupDiagnosis
from schemas.messages.health import DeviceHealth

_TITLES = {
    "running": "The device answers",
    "connecting": "Connecting for the first time",
    "waiting": "No connection to the device",
    "refused": "The device or its settings refuse the connection",
    "off": "The device is switched off",
    "unknown": "Nothing is known about the device now",
}


class Verdict:
    """Icon, title, the error with its hint, and since when; the next try counts down. `retry` ends
    the pause before it; without it there is no button for that."""

    def __init__(self, retry: Callable[[], Awaitable[None]] | None = None) -> None:
        self._retry_at_s = 0.0
        self._level = ""
        with ui.element("section").classes("verdict").props("role=status") as self.element:
            self._icon = ui.icon("help").classes("verdict-icon").props("aria-hidden=true")
            with ui.element("div").classes("verdict-text"):
                self._title = ui.label().classes("verdict-title")
                self._message = ui.label().classes("verdict-message")
                self._hint = ui.label().classes("verdict-hint")
                with ui.element("div").classes("row verdict-facts"):
                    self._facts = ui.label().classes("muted")
                    self._next = ui.label().classes("verdict-next").mark("next-try")
                    again = ui.button("Try now", icon="refresh", color=None)
                    again.props("outline dense padding='2px 10px'")
                    self._again = again
                    self._may_retry = retry is not None
                    if retry is not None:
                        again.on_click(lambda: busy(again, retry))

    def show(
        self, device: Device, spoke: Spoke, health: DeviceHealth | None, reply: DiagnoseReply | None
    ) -> None:
        """`reply` is None while the gateway cannot be asked."""
        state = device_state(health, device.config.enabled, spoke.online)
        level = STATE_LEVELS[state]
        error = (health.error if health and state not in ("off", "unknown") else None) or {}
        late = [g for g in reply.groups if verdict(g)[0] == "bad"] if reply else []
        if state == "running" and health and (health.tag_problems or late):
            level = "warn"
            error = error or _late(late)
        self.element.classes(add=level, remove=self._level if self._level != level else "")
        self._level = level
        self._icon.set_name(ICONS[level])
        self._title.set_text(_title(state, health))
        for label, text in (
            (self._message, str(error.get("message", ""))),
            (self._hint, str(error.get("hint", ""))),
        ):
            label.set_text(text)
            label.set_visibility(bool(text))
        self._facts.set_text(_facts(state, health, spoke))
        self._again.set_visibility(self._may_retry and state in ("waiting", "refused"))
        self._retry_at_s = 0.0
        if state == "waiting" and health and health.next_try_ns and reply:
            left_ns = health.next_try_ns - reply.time_ns  # both are of the gateway's clock
            self._retry_at_s = time.monotonic() + left_ns / NS
        self.count_down()

    def count_down(self) -> None:
        left = self._retry_at_s - time.monotonic()
        self._next.set_visibility(bool(self._retry_at_s))
        self._next.set_text(f"Next try in {left:.0f} s" if left >= 1 else "Trying now …")


def _title(state: str, health: DeviceHealth | None) -> str:
    if state == "running" and health and health.tag_problems:
        number = len(health.tag_problems)
        some = "1 tag has" if number == 1 else f"{number} tags have"
        return f"The device answers, but {some} no value"
    return _TITLES[state]


def _late(groups: Sequence[GroupDiagnosis]) -> dict[str, str]:
    """What to say when scans take longer than their period."""
    if not groups:
        return {}
    names = ", ".join(group.name for group in groups)
    return {
        "message": f"Scan group {names}: a scan takes longer than its period, so some are skipped.",
        "hint": "See below what each scan asks and which period would fit.",
    }


def _facts(state: str, health: DeviceHealth | None, spoke: Spoke) -> str:
    if state == "unknown" or health is None:
        return f"Last sign of the gateway {age(spoke.last_seen_ns)}."
    parts = []
    if health.since_ns:
        parts.append(f"In this state for {age(health.since_ns).removesuffix(' ago')}.")
    if state != "off":
        parts.append(f"Last good answer {age(health.last_good_ns)}.")
    if health.connects > 1:
        parts.append(f"Connected {health.connects} times.")
    return " ".join(parts)
