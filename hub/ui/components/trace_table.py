"""The last requests and answers of a device, decoded; switched on for ten minutes."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nicegui import ui

from hub.records import Role
from hub.ui.notices import busy, show_done
from hub.ui.session import Session
from hub.ui.words import clock
from schemas.messages.diagnosis import DiagnoseReply, Exchange

TRACE_S = 600.0


class TraceTable:
    """`switch` is called with the seconds to trace, 0 for off."""

    def __init__(
        self, session: Session, name: str, switch: Callable[[float], Awaitable[None]]
    ) -> None:
        self._name = name
        self._switch = switch
        self._on = False
        self._trace: tuple[Exchange, ...] = ()
        with ui.element("section").classes("panel"):
            with ui.element("div").classes("panel-head"):
                ui.html("Requests and answers", tag="h2", sanitize=False)
                ui.element("div").classes("grow")
                self._copy = self._button("Copy", "content_copy", self._to_clipboard)
                self._save = self._button("Download", "download", self._download)
                self._button_on = ui.button("", color=None).props("outline").classes("record")
                self._button_on.on_click(lambda: busy(self._button_on, self._toggle))
                self._button_on.set_visibility(session.can(Role.OPERATOR))
            with ui.element("div").classes("panel-body stack tight"):
                self._note = ui.label().classes("muted").props("aria-live=polite")
                self._table = ui.element("div").classes("trace").mark("trace")
        self._draw()

    def _button(self, text: str, icon: str, work: Callable[[], None]) -> ui.button:
        return ui.button(text, icon=icon, on_click=work, color=None).props("flat dense")

    @property
    def on(self) -> bool:
        return self._on

    def show(self, reply: DiagnoseReply) -> None:
        self._on = reply.tracing
        if reply.trace != self._trace:
            self._trace = reply.trace
            rows = json.dumps([_row(item) for item in reply.trace])
            ui.run_javascript(f"spindle.trace({self._table.id}, {rows})")
        self._draw()

    def _draw(self) -> None:
        self._button_on.set_text("Stop recording" if self._on else "Record for 10 minutes")
        self._button_on.props(f"icon={'stop' if self._on else 'fiber_manual_record'}")
        for button in (self._copy, self._save):
            button.set_visibility(bool(self._trace))
        if self._on:
            text = "Recording. The last 50 are kept on the gateway; click a line for its bytes."
        elif self._trace:
            text = "Recording is off. These are the last ones; click a line for its bytes."
        else:
            text = "Record to see every request to the device and what it answers, decoded."
        self._note.set_text(text)

    async def _toggle(self) -> None:
        await self._switch(0.0 if self._on else TRACE_S)

    def _to_clipboard(self) -> None:
        ui.clipboard.write(as_text(self._trace))
        show_done("Copied.")

    def _download(self) -> None:
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", self._name)
        ui.download.content(as_text(self._trace).encode(), f"trace-{name}.txt")


def as_text(trace: Sequence[Exchange]) -> str:
    """One exchange per paragraph, oldest first, for a mail to whoever programs the PLC."""
    lines = []
    for item in trace:
        mark = "" if item.good else "  <-- bad"
        lines.append(f"{_time(item)}  {item.took_ms:.1f} ms  {item.request}{mark}")
        lines.append(f"    answer: {item.answer}")
        for title, found in (("sent", item.sent), ("received", item.received)):
            if found:
                lines.append(f"    {title}: {found}")
    return "\n".join(lines) + "\n"


def _time(item: Exchange) -> str:
    return f"{clock(item.time_ns)[:-1]}.{item.time_ns // 1_000_000 % 1000:03d}Z"


def _row(item: Exchange) -> dict[str, Any]:
    return {
        "key": f"{item.time_ns}-{item.request}",
        "time": _time(item)[11:-1],
        "took": f"{item.took_ms:.1f} ms",
        "request": item.request,
        "answer": item.answer,
        "good": item.good,
        "sent": item.sent,
        "received": item.received,
    }
