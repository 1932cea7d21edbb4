"""Faults of a use: what, where in its source, and the traceback behind a fold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from nicegui import ui

from hub.ui.words import clock, plural

_KINDS = {
    "exception": "It raised an error",
    "overrun": "It took too long, or too much CPU",
    "memory": "It used more memory than it may",
    "crash": "Its process ended",
    "shape": "What it returned does not fit its outputs",
    "start": "It could not be loaded",
}


class FaultList:
    """The last ones, newest first; drawn again only when there is another one."""

    def __init__(self) -> None:
        self._shown: list[Mapping[str, Any]] | None = None
        with ui.element("section").classes("panel").mark("faults"):
            with ui.element("div").classes("panel-head"):
                ui.html("Last faults", tag="h2", sanitize=False)
                self._number = ui.label().classes("muted")
            self._list = ui.element("div")

    def show(self, faults: Sequence[Mapping[str, Any]]) -> None:
        wanted = sorted(faults, key=lambda fault: -int(fault.get("time_ns", 0)))
        if wanted == self._shown:
            return
        self._shown = wanted
        self._list.clear()
        self._number.set_text(str(len(wanted)) if wanted else "")
        alike = equal_ones(wanted)
        with self._list:
            if not wanted:
                ui.label("None that the gateway remembers.").classes("muted panel-body")
            for fault, times in alike:
                with ui.element("article").classes("problem"):
                    fault_article(fault, times)


def equal_ones(faults: Iterable[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], int]]:
    """(the newest, how often) of faults with the same words at the same place; newest first."""
    found: dict[tuple[object, ...], tuple[Mapping[str, Any], int]] = {}
    for fault in faults:
        key = tuple(fault.get(part) for part in ("kind", "version", "line", "message"))
        first, times = found.get(key, (fault, 0))
        found[key] = first, times + 1
    return list(found.values())


def fault_article(fault: Mapping[str, Any], times: int = 1) -> None:
    """Kind and time, function with version and line, message, affected tags, traceback."""
    name, number = str(fault.get("function", "")), str(fault.get("version", ""))
    with ui.element("div").classes("problem-head"):
        kind = str(fault.get("kind", ""))
        ui.label(_KINDS.get(kind, kind or "Fault"))
        if fault.get("time_ns"):
            often = f"{times} times, last at " if times > 1 else ""
            ui.label(f"{often}{clock(int(fault['time_ns']))}").classes("muted num")
    with ui.element("div").classes("row"):
        line = f", line {fault['line']}" if fault.get("line") else ""
        place = f"{name} {number}{line}".strip()
        if number and line:
            ui.link(place, f"/functions/{quote(name)}/edit?version={quote(number)}")
        elif place:
            ui.label(place)
        ui.label(str(fault.get("message", ""))).classes("try-fault-words")
    tags = [str(tag) for tag in fault.get("tags", ())]
    if tags:
        names = ", ".join(tags[:8]) + (" …" if len(tags) > 8 else "")
        ui.label(f"{plural(len(tags), 'output')}: {names}").classes("hint")
    if fault.get("traceback"):
        with ui.expansion("Traceback").props("dense").classes("fold"):
            ui.label(str(fault["traceback"])).classes("mono traceback")
