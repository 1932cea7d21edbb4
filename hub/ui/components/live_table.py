"""The live values of one device. The values go around Python: WebSocket to AG Grid (live.js)."""

from __future__ import annotations

import json
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from hub.records import Device, Latest, Role, Tag
from hub.ui.components.empty import empty_state
from hub.ui.components.grid import Grid, column
from hub.ui.components.reasons import hint_words, problems_of
from hub.ui.components.write_dialog import WriteDialog
from hub.ui.notices import explained
from hub.ui.session import Session
from schemas import quality
from schemas.config.devices import Access
from schemas.errors import ConfigError

_COLUMNS = (
    column("name", "Tag", minWidth=150, flex=2),
    column(
        "v",
        "Value",
        minWidth=130,
        cellClass="value-cell",
        **{":valueFormatter": "spindle.cells.value", "type": "rightAligned"},
    ),
    column(
        "past",
        "Recent",
        cellDataType=False,
        minWidth=140,
        sortable=False,
        **{":cellRenderer": "spindle.cells.spark"},
    ),
    column(
        "q",
        "Quality",
        minWidth=235,
        **{
            ":cellRenderer": "spindle.cells.quality",
            ":tooltipValueGetter": "spindle.cells.why",
        },
    ),
    column("age", "Age", maxWidth=110, sortable=False, **{":valueFormatter": "spindle.cells.age"}),
    column("address", "Address", minWidth=130, flex=1),
    column("description", "Description", minWidth=150, flex=2),
)

_WRITE = column(
    "rw",
    "Write",
    minWidth=90,
    maxWidth=100,
    sortable=False,
    cellDataType=False,
    **{":cellRenderer": "spindle.cells.write"},
)

OUT_OF_SERVICE = "out of service"
"""Shown instead of the last quality while the device is switched off."""


def levels() -> dict[str, str]:
    """Quality words -> level of the badge."""
    codes = (int(code) for code in quality.Quality)
    found = {quality.words(code): level_of(code) for code in codes}
    return {**found, "uncertain": "warn", "bad": "bad", "good": "ok"}


def level_of(code: int) -> str:
    return "ok" if quality.is_good(code) else "bad" if quality.is_bad(code) else "warn"


class LiveTable:
    """Draw with `show`; again after the tags changed."""

    def __init__(self, session: Session, device: Device) -> None:
        self._session = session
        self._device = device
        self._shown = False
        self._tags: dict[int, Tag] = {}
        self._why = ""
        self._grid: Grid | None = None
        self._place = ui.element("div").classes("stack")
        ui.on("spindle-write", self._write_one)

    async def switched(self, device: Device) -> None:
        """Draw again when the device was switched on or off meanwhile; tell the page the reasons
        of bad values."""
        changed = device.config.enabled != self._device.config.enabled
        self._device = device
        if changed and self._shown:
            await self.show()
        self._tell_why()

    def _tell_why(self) -> None:
        health = self._device.health
        error = health.error if health and health.state != "running" else None
        why = json.dumps(
            {
                "device": self._device.id,
                "problems": problems_of(health),
                "error": [error.get("message", ""), error.get("hint", "")] if error else None,
                "hints": hint_words(),
            }
        )
        if why != self._why:
            self._why = why
            ui.run_javascript(f"spindle.setWhy({why})")

    async def show(self) -> None:
        self._shown = True
        services = self._session.services
        tags = await services.fleet.tags(self._device.id)
        latest = await services.data.latest([tag.id for tag in tags]) if tags else {}
        self._tags = {tag.id: tag for tag in tags}
        self._place.clear()
        with self._place:
            if not tags:
                text = "Add tags on the tab Tags; their values then appear here as they are read."
                empty_state("sell", "No tag, so no value", text)
                return
            enabled = self._device.config.enabled
            self._draw([_row(tag, latest.get(tag.id), enabled) for tag in tags])

    def _draw(self, rows: list[dict[str, Any]]) -> None:
        writable = sum(row["rw"] for row in rows) if self._session.can(Role.OPERATOR) else 0
        bar = ui.element("div").classes("row")
        columns = (*_COLUMNS[:2], _WRITE, *_COLUMNS[2:]) if writable else _COLUMNS
        options: dict[str, Any] = {
            "asyncTransactionWaitMillis": 60,
            ":onCellKeyDown": "spindle.cells.press",
            ":popupParent": "document.body",
            "rowClassRules": {"bad-row": "data.level == 'bad'", "off-row": "data.level == 'off'"},
        }
        if writable > 1:
            options["rowSelection"] = {
                "mode": "multiRow",
                "headerCheckbox": True,
                "hideDisabledCheckboxes": True,
                ":isRowSelectable": "node => Boolean(node.data && node.data.rw)",
            }
        label = "Live values"
        grid = Grid(columns, rows, fill=len(rows) > 12, label=label, options=options)
        self._grid = grid
        with bar:
            grid.filter_box("Filter tags")
            if writable > 1:
                ui.button("Write …", icon="edit_note", on_click=self._write_many, color=None).props(
                    "outline dense padding='4px 10px'"
                )
            status = ui.element("span").props("role=status").mark("live-status")
            status.classes("live-status")
            if not self._device.config.enabled:
                ui.label("The device is switched off: no new values.").classes("muted")
        live = {
            "grid": grid.element.id,
            "status": status.id,
            "device": self._device.id,
            "levels": levels(),
            "off": "" if self._device.config.enabled else OUT_OF_SERVICE,
        }
        ui.run_javascript(f"spindle.live({json.dumps(live)})")

    async def _write_one(self, event: GenericEventArguments) -> None:
        with explained():
            await self._write([int(event.args)])

    async def _write_many(self) -> None:
        with explained():
            rows = await self._grid.selected() if self._grid else []
            if not rows:
                raise ConfigError("No tag is ticked.", hint="Tick the tags to write first.")
            await self._write([int(row["id"]) for row in rows])

    async def _write(self, tag_ids: list[int]) -> None:
        await self._session.who(Role.OPERATOR)
        tags = [self._tags[tag_id] for tag_id in tag_ids if tag_id in self._tags]
        with self._place:
            await WriteDialog(self._session, self._device, tags).open()


def _row(tag: Tag, latest: Latest | None, enabled: bool) -> dict[str, Any]:
    words, level = "", "off"
    if not enabled:
        words = OUT_OF_SERVICE
    elif latest:
        words, level = quality.words(latest.quality), level_of(latest.quality)
    return {
        "id": tag.id,
        "name": tag.config.name,
        "unit": tag.config.unit,
        "address": tag.config.address,
        "description": tag.config.description,
        "v": latest.value if latest else None,
        "q": words,
        "level": level,
        "rw": tag.config.access is Access.READ_WRITE,
        "t": latest.time_ns // 1_000_000 if latest else 0,
        "past": [],
        "age": 0,
    }
