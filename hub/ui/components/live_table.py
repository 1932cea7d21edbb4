"""The live values of one device. The values go around Python: WebSocket to AG Grid (live.js)."""

from __future__ import annotations

import json
from typing import Any

from nicegui import ui

from hub.services import Device, Latest, Tag
from hub.ui.components.empty import empty_state
from hub.ui.components.grid import Grid, column
from hub.ui.session import Session
from schemas import quality

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
    column("q", "Quality", minWidth=170, **{":cellRenderer": "spindle.cells.quality"}),
    column("age", "Age", maxWidth=110, sortable=False, **{":valueFormatter": "spindle.cells.age"}),
    column("address", "Address", minWidth=130, flex=1),
    column("description", "Description", minWidth=150, flex=2),
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
        self._place = ui.element("div").classes("stack")

    async def switched(self, device: Device) -> None:
        """Draw again when the device was switched on or off meanwhile."""
        changed = device.config.enabled != self._device.config.enabled
        self._device = device
        if changed and self._shown:
            await self.show()

    async def show(self) -> None:
        self._shown = True
        services = self._session.services
        tags = await services.fleet.tags(self._device.id)
        latest = await services.data.latest([tag.id for tag in tags]) if tags else {}
        self._place.clear()
        with self._place:
            if not tags:
                text = "Add tags on the tab Tags; their values then appear here as they are read."
                empty_state("sell", "No tag, so no value", text)
                return
            enabled = self._device.config.enabled
            self._draw([_row(tag, latest.get(tag.id), enabled) for tag in tags])

    def _draw(self, rows: list[dict[str, Any]]) -> None:
        bar = ui.element("div").classes("row")
        grid = Grid(
            _COLUMNS,
            rows,
            fill=len(rows) > 12,
            label="Live values",
            options={
                "asyncTransactionWaitMillis": 60,
                "rowClassRules": {
                    "bad-row": "data.level == 'bad'",
                    "off-row": "data.level == 'off'",
                },
            },
        )
        with bar:
            grid.filter_box("Filter tags")
            status = ui.element("span").props("role=status").mark("live-status")
            status.classes("live-status")
            if not self._device.config.enabled:
                ui.label("The device is switched off: no new values.").classes("muted")
        options = {
            "grid": grid.element.id,
            "status": status.id,
            "device": self._device.id,
            "levels": levels(),
            "off": "" if self._device.config.enabled else OUT_OF_SERVICE,
        }
        ui.run_javascript(f"spindle.live({json.dumps(options)})")


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
        "t": latest.time_ns // 1_000_000 if latest else 0,
        "past": [],
        "age": 0,
    }
