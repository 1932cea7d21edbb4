"""A version that runs beside the one at work: figures, and both in one chart."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from nicegui import ui

from hub.function_records import PlantFunction, Use
from hub.records import Role, Tag
from hub.ui.components.function_state import use_path
from hub.ui.components.function_words import fault_words, function_of
from hub.ui.notices import busy
from hub.ui.session import Session
from hub.ui.words import NOTHING, count, plural
from schemas.messages.health import ShadowHealth

_ABOUT = (
    "Another version gets the same values as the one at work. Its results are only compared and "
    "shown here: they are not stored, and it writes nothing."
)
_WAITS = "It is on its way to the gateway; the first rows are compared there."


class FunctionShadow:
    """`changed` is called after a start or an end."""

    def __init__(
        self,
        session: Session,
        function: PlantFunction,
        use: Use,
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        self._session = session
        self._function = function
        self._use = use
        self._changed = changed
        self._tags: dict[int, Tag] = {}
        self._drawn: str | None = None
        self._figures: dict[str, ui.label] = {}
        self._output: ui.select | None = None
        self._compared: Sequence[Mapping[str, Any]] = ()
        with ui.element("section").classes("panel").mark("shadow"):
            with ui.element("div").classes("panel-head"):
                ui.html("Shadow", tag="h2", sanitize=False)
                self._title = ui.label().classes("muted")
            self._body = ui.element("div").classes("panel-body stack")

    def show(self, use: Use, tags: Mapping[int, Tag]) -> None:
        """The use as it is now; drawn again when a shadow came or went."""
        self._use, self._tags = use, dict(tags)
        wanted = function_of(use).shadow
        now = f"{use.version} {wanted.version if wanted else ''}"
        if now != self._drawn:
            self._drawn = now
            self._body.clear()
            self._title.set_text(f"{wanted.version} beside {use.version}" if wanted else "")
            with self._body:
                self._running(wanted.version) if wanted else self._none()
        health = use.health.shadow if use.health else None
        for name, text in shadow_figures(health).items():
            if name in self._figures:
                self._figures[name].set_text(text)

    def take(self, compared: Sequence[Mapping[str, Any]]) -> None:
        """Rows of both, by output tag."""
        self._compared = compared
        if self._output is None:
            return
        names = {
            int(item["tag_id"]): self._tags[int(item["tag_id"])].config.name
            for item in compared
            if int(item["tag_id"]) in self._tags
        }
        if list(names) != list(self._output.options):
            self._output.set_options(names, value=next(iter(names), None))
        self._draw_chart()

    # --- drawing ---------------------------------------------------------------------------
    def _none(self) -> None:
        self._figures, self._output = {}, None
        ui.label(_ABOUT).classes("dialog-text")
        others = [v.number for v in self._function.versions if v.number != self._use.version]
        if not self._session.can(Role.ENGINEER):
            ui.label("No shadow runs. An engineer can start one.").classes("muted")
            return
        if not others:
            ui.label("There is no other version yet.").classes("muted")
            return
        with ui.element("div").classes("row"):
            version = ui.select(others, label="Version", value=others[0]).classes("version-choice")
            version.props("outlined dense stack-label")
            go = ui.button("Start shadow", icon="contrast")
        go.on_click(lambda: busy(go, lambda: self._set(str(version.value))))

    def _running(self, number: str) -> None:
        with ui.element("div").classes("row"):
            ui.label(_ABOUT).classes("dialog-text grow")
            if self._session.can(Role.ENGINEER):
                end = ui.button("End shadow", icon="stop", color=None).props("outline")
                end.on_click(lambda: busy(end, lambda: self._set(None)))
                path = f"{use_path(self._use.device.id)}/change?version={number}"
                ui.button(
                    f"Change to {number} …", icon="publish", on_click=lambda: ui.navigate.to(path)
                )
        with ui.element("dl").classes("try-figures"):
            self._figures = {}
            for name in shadow_figures(None):
                with ui.element("div"):
                    with ui.element("dt"):
                        ui.label(name)
                    with ui.element("dd"):
                        self._figures[name] = ui.label(NOTHING)
        with ui.element("div").classes("row"):
            self._output = ui.select({}, label="Output", on_change=self._draw_chart)
            self._output.props("outlined dense stack-label").classes("version-choice")
            self._legend = ui.element("div").classes("trend-legend")
        self._waits = ui.label(_WAITS).classes("muted")
        self._chart = ui.echart({"series": []}).classes("use-chart")
        self._chart.props('role=img aria-label="What is at work and its shadow"')

    def _draw_chart(self) -> None:
        if self._output is None:
            return
        found = next((i for i in self._compared if i["tag_id"] == self._output.value), None)
        self._waits.set_visibility(found is None)
        if found is None or not found.get("times_ns"):
            return
        shadow = function_of(self._use).shadow
        number = shadow.version if shadow else ""
        tag = self._tags.get(int(found["tag_id"]))
        curves, series = compare_data(found, tag, (self._use.version, number))
        ui.run_javascript(
            f"spindle.functions.compare({self._chart.id}, {self._legend.id}, "
            f"{json.dumps(curves)}, {json.dumps(series)})"
        )

    async def _set(self, version: str | None) -> None:
        who = await self._session.who(Role.ENGINEER)
        await self._session.services.functions.shadow(who, self._use.device.id, version)
        await self._changed()


def shadow_figures(health: ShadowHealth | None) -> dict[str, str]:
    """Named numbers since the shadow started."""
    known = health is not None and health.values > 0
    equal = health.equal / health.values * 100 if health and health.values else 0.0
    fault = fault_words(health.fault) if health else ""
    faults = plural(health.faults, "fault") if health else NOTHING
    return {
        "Values compared": count(health.values) if health else NOTHING,
        "Equal": _percent(equal) if known else NOTHING,
        "Largest difference": f"{health.largest:.6g}" if health and known else NOTHING,
        "Faults": f"{faults}: {fault}" if fault else faults,
        "CPU": f"{health.cpu_s:.1f} s" if health else NOTHING,
    }


def _percent(share: float) -> str:
    """Never 100 % for less than all of them."""
    return "100 %" if share == 100 else f"{min(share, 99.99):.2f} %"


def compare_data(
    found: Mapping[str, Any], tag: Tag | None, versions: tuple[str, str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(curves, points) for functions.js: 1 is at work, 2 is the shadow."""
    unit = tag.config.unit if tag else ""
    kind = tag.config.kind.value if tag else "float"
    lane = kind in ("bool", "text")
    times = [int(time_ns) // 1_000_000 for time_ns in found["times_ns"]]
    curves, series = [], []
    for number, (role, name) in enumerate((("live", "at work"), ("shadow", "shadow")), 1):
        title = f"{versions[number - 1]} {name}"
        curve = {"id": number, "name": title, "title": title, "unit": unit, "kind": kind}
        curves.append({**curve, "role": "", "stroke": "thin" if role == "shadow" else "wide"})
        values = list(found[role])
        texts = [_text(value) for value in values]
        series.append(
            {
                "id": number,
                "t": times,
                "avg": [None] * len(values) if lane else values,
                "texts": texts if lane else None,
                "raw": True,
            }
        )
    return curves, series


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
