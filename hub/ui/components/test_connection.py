"""*Test connection*: connect and read once on the gateway, and show what came back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import ui

from hub.records import Role
from hub.ui.components.badge import Badge
from hub.ui.components.plain_table import table_head
from hub.ui.components.scan_plan import ScanPlan
from hub.ui.session import Session
from hub.ui.words import NOTHING
from schemas import quality
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.errors import SpindleError
from schemas.messages.commands import TestReply

_SHOWN = 100


class TestResult:
    """A place for the result; `run` fills it."""

    __test__ = False  # not a test of pytest

    def __init__(self) -> None:
        self._place = ui.element("div").classes("stack").props("aria-live=polite")
        self._place.mark("test-result")
        self._run = 0

    def clear(self) -> None:
        """Take the result away, also that of a test that still runs: it is of other settings."""
        self._run += 1
        self._place.clear()

    async def run(
        self, session: Session, spoke_id: int, config: DeviceConfig, tags: Sequence[TagConfig]
    ) -> None:
        """Raises LoginError, ForbiddenError, ConfigErrors; other errors are shown here."""
        await session.who(Role.ENGINEER)
        self.clear()
        mine = self._run
        with self._place, ui.element("div").classes("callout info row"):
            ui.spinner(size="1.2em")
            ui.label("The gateway connects and reads once …")
        try:
            reply = await session.services.fleet.test_device(spoke_id, config, tags)
        except SpindleError as error:
            if mine == self._run:
                self._show_error(error.as_dict())
            raise
        if mine == self._run:
            self._show(reply)

    def _show(self, reply: TestReply) -> None:
        if reply.error is not None:
            self._show_error(reply.error)
            return
        self._place.clear()
        with self._place:
            bad = sum(not quality.is_good(int(item["quality"])) for item in reply.values)
            with ui.element("div").classes("callout warn" if bad else "callout ok"):
                ui.label(_summary(reply, bad))
            if reply.groups:
                with ui.element("div").classes("stack tight").mark("planned"):
                    ui.label("What each scan will ask").classes("section-title")
                    for group in reply.groups:
                        ScanPlan(measured=False).show(group)
            if reply.values:
                _values(reply.values)

    def _show_error(self, error: dict[str, Any]) -> None:
        self._place.clear()
        with self._place, ui.element("div").classes("callout bad").props("role=alert"):
            ui.label(str(error.get("message", "The test failed.")))
            if error.get("hint"):
                ui.label(str(error["hint"])).classes("hint")


def _summary(reply: TestReply, bad: int) -> str:
    text = f"Connected in {reply.connect_ms:.0f} ms"
    if not reply.values:
        return text + ". Add tags to see values."
    text += f", {len(reply.values)} tags read in {reply.read_ms:.0f} ms"
    return f"{text}; {bad} of them without a good value." if bad else f"{text}; all good."


def _values(values: Sequence[dict[str, Any]]) -> None:
    with ui.element("div").classes("scroll"), ui.element("table").classes("plain-table"):
        table_head(("Tag", "Address", "Value", "Quality", "Remark"))
        with ui.element("tbody"):
            for item in values[:_SHOWN]:
                _value(item)
    if len(values) > _SHOWN:
        ui.label(f"and {len(values) - _SHOWN} more").classes("muted")


def _value(item: dict[str, Any]) -> None:
    code = int(item["quality"])
    level = "ok" if quality.is_good(code) else "bad" if quality.is_bad(code) else "warn"
    problem = item.get("problem") or ""
    if isinstance(problem, dict):
        problem = f"{problem.get('message', '')} {problem.get('hint', '')}".strip()
    shown = NOTHING if item.get("value") is None else _plain(item["value"])
    with ui.element("tr"):
        for text in (item["tag"], item["address"]):
            with ui.element("td"):
                ui.label(str(text))
        with ui.element("td").classes("num"):
            ui.label(shown)
        with ui.element("td"):
            Badge(level, str(item.get("words") or quality.words(code)))
        with ui.element("td").classes("muted"):
            ui.label(str(problem))


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
