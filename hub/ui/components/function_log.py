"""The live log of a use. Its lines go to the browser as they come (function_log.js)."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from nicegui import ui

from hub.ui.words import clock

_LEVELS = {"debug": "All", "info": "Info", "warning": "Warnings", "error": "Errors"}
_KEPT = 1000
_KEYS = "Space pauses, End follows, 1 to 4 choose the level."


class LogLines:
    """Which lines are new. The gateway counts them, and may begin anew after a restart. Pure."""

    def __init__(self) -> None:
        self.newest = 0
        """Number of the last line that is known, to ask for what follows."""
        self._known: deque[tuple[int, int]] = deque(maxlen=_KEPT)
        self._since_ns = 0

    def started(self, since_ns: int) -> None:
        """When the process was started; after another start its last lines are asked again."""
        if since_ns != self._since_ns:
            self._since_ns, self.newest = since_ns, 0

    def fresh(self, lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those that were not there yet, as the page wants them; a gap is a line of its own."""
        found: list[dict[str, Any]] = []
        known = set(self._known)
        for item in lines:
            number, time_ns = int(item.get("number", 0)), int(item.get("time_ns", 0))
            if (number, time_ns) in known:
                self.newest = max(self.newest, number)
                continue
            missing = number - self.newest - 1
            if self.newest and missing > 0:
                text = f"⋯ {missing} lines came too quickly to be shown"
                found.append({"gap": True, "level": "info", "message": text})
            self._known.append((number, time_ns))
            self.newest = max(self.newest, number)
            found.append(
                {
                    "time": _time(time_ns),
                    "level": _level(str(item.get("level", ""))),
                    "message": str(item.get("message", "")),
                }
            )
        return found


class FunctionLog:
    """`take` what the gateway says; follow, pause and level are the browser's own."""

    def __init__(self, name: str) -> None:
        self._lines = LogLines()
        with ui.element("section").classes("panel").mark("log"):
            with ui.element("div").classes("panel-head"):
                ui.html("Live log", tag="h2", sanitize=False)
                self._note = ui.label().classes("muted").props("aria-live=polite")
                ui.element("div").classes("grow")
                toolbar = ui.html(_toolbar(), sanitize=False)
            self._place = ui.element("div").classes("log").props("role=log tabindex=0")
            self._place.props(f'aria-label="Live log. {_KEYS}"')
            ui.label(_KEYS).classes("muted log-keys")
        file = json.dumps(re.sub(r"[^A-Za-z0-9_-]+", "-", name))
        ui.run_javascript(f"spindle.functionLog.open({self._place.id}, {toolbar.id}, {file})")

    @property
    def newest(self) -> int:
        return self._lines.newest

    def started(self, since_ns: int) -> None:
        self._lines.started(since_ns)

    def take(self, lines: Sequence[dict[str, Any]]) -> None:
        fresh = self._lines.fresh(lines)
        if fresh:
            text = json.dumps(fresh, ensure_ascii=False)
            ui.run_javascript(f"spindle.functionLog.add({self._place.id}, {text})")
        self._note.set_text("" if self._lines.newest else "It has not logged anything yet.")

    def explain(self, text: str) -> None:
        """Why there is nothing new."""
        self._note.set_text(text)


def _level(level: str) -> str:
    return level if level in _LEVELS else "info"


def _time(time_ns: int) -> str:
    return f"{clock(time_ns)[11:-1]}.{time_ns // 1_000_000 % 1000:03d}Z"


def _toolbar() -> str:
    """Plain buttons; function_log.js listens. All of it is constant text."""
    levels = "".join(
        f'<button type="button" data-least="{level}">{title}</button>'
        for level, title in _LEVELS.items()
    )
    tools = "".join(
        f'<button type="button" class="tool" data-log="{action}">'
        f'<i class="material-icons" aria-hidden="true">{icon}</i><span>{title}</span></button>'
        for action, icon, title in (
            ("follow", "vertical_align_bottom", "Follow"),
            ("pause", "pause", "Pause"),
            ("copy", "content_copy", "Copy"),
            ("save", "download", "Download"),
        )
    )
    group = f'<div class="group" role="group" aria-label="Least level">{levels}</div>'
    return f'<div class="toolbar">{group}{tools}</div>'
