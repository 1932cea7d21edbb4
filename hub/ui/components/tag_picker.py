"""Search for tags over all devices; the search runs in the hub, so any number of tags is fine."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from nicegui import ui

from hub.records import Tag
from hub.ui.notices import explained
from hub.ui.session import Session

_SHOWN = 40
_FRESH_S = 30.0


class TagPicker:
    """A chosen tag goes to `spindle.trend.add` in the browser."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._found: list[Tag] = []
        self._tags: list[Tag] = []
        self._read_s = float("-inf")
        with ui.element("div").classes("picker"):
            self._box = ui.input(placeholder="Search tags to draw").props(
                "outlined dense clearable data-filter debounce=150 autocomplete=off "
                'aria-label="Search tags"'
            )
            with self._box.add_slot("prepend"):
                ui.icon("search")
            self._list = ui.element("div").classes("picker-list").props("role=listbox")
            self._list.set_visibility(False)
        self._box.on_value_change(self._search)
        self._box.on("keydown.enter", self._first)
        self._box.on("focus", self._search)
        self._box.on("keydown.esc", self._close)
        self._list.on("keydown.esc", self._close)

    async def _search(self) -> None:
        text = str(self._box.value or "")
        with explained():
            await self._read()
            self._found = matching(self._tags, text)
            self._draw(len(self._tags))

    async def _read(self) -> None:
        """The tags, read once for a search and not once per letter."""
        now_s = time.monotonic()
        if now_s - self._read_s > _FRESH_S:
            self._tags = await self._session.services.fleet.tags()
            self._read_s = now_s

    def _draw(self, all_tags: int) -> None:
        self._list.clear()
        self._list.set_visibility(True)
        with self._list:
            if not self._found:
                text = "No tag has these words." if all_tags else "No tag exists yet."
                ui.label(text).classes("menu-note")
            for tag in self._found[:_SHOWN]:
                self._item(tag)
            if len(self._found) > _SHOWN:
                ui.label(f"{len(self._found) - _SHOWN} more: type more letters.").classes(
                    "menu-note"
                )

    def _item(self, tag: Tag) -> None:
        with ui.element("button").classes("picker-item").props("type=button role=option") as item:
            ui.label(tag.config.name)
            if tag.config.unit:
                ui.label(f"[{tag.config.unit}]").classes("muted-inline")
            ui.label(f"{tag.spoke} / {tag.device}").classes("muted")
        item.on("click", lambda: self._choose(tag))

    def _choose(self, tag: Tag) -> None:
        ui.run_javascript(f"spindle.trend.add({json.dumps(described(tag))})")
        self._close()

    async def _first(self) -> None:
        await self._search()
        if self._found and self._box.value:
            self._choose(self._found[0])
            self._box.set_value("")
            self._close()

    def _close(self) -> None:
        self._list.set_visibility(False)


def described(tag: Tag) -> dict[str, Any]:
    """A tag as trend.js needs it."""
    return {
        "id": tag.id,
        "name": tag.config.name,
        "device": tag.device,
        "spoke": tag.spoke,
        "unit": tag.config.unit,
        "kind": tag.config.kind.value,
    }


def matching(tags: Sequence[Tag], text: str) -> list[Tag]:
    """Tags whose gateway, device, name or description has every word of `text`; names first."""
    words = text.lower().split()
    found = [
        tag
        for tag in tags
        if all(
            word in f"{tag.spoke} {tag.device} {tag.config.name} {tag.config.description}".lower()
            for word in words
        )
    ]
    first = words[0] if words else ""
    return sorted(found, key=lambda tag: not tag.config.name.lower().startswith(first))
