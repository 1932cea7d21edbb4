"""Inputs and outputs of a use in one chart that follows (functions.js)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nicegui import ui

from hub.records import Tag
from hub.ui.components.choice_group import ChoiceGroup

_RANGES = {"300": "5 min", "3600": "1 h", "28800": "8 h", "86400": "24 h"}
_MOST = 4
"""Curves of inputs, and of outputs; more cannot be told apart."""


class FunctionTrend:
    def __init__(self, inputs: Sequence[Tag], outputs: Sequence[Tag]) -> None:
        self._curves = curves(inputs, outputs)
        more = len(inputs) + len(outputs) - len(self._curves)
        with ui.element("section").classes("panel").mark("trend"):
            with ui.element("div").classes("panel-head"):
                ui.html("Inputs and outputs", tag="h2", sanitize=False)
                if more:
                    ui.label(f"{more} more not drawn").classes("muted")
                ui.element("div").classes("grow")
                ids = ",".join(str(item["id"]) for item in self._curves)
                ui.link("Open in Trends", f"/trends?tags={ids}")
                self._range = ChoiceGroup(_RANGES, "300", "Time range", self.draw)
            with ui.element("div").classes("panel-body stack tight"):
                self._legend = ui.element("div").classes("trend-legend")
                self._legend.props('aria-label="Curves"')
                self._chart = ui.echart({"series": []}).classes("use-chart")
                self._chart.props('role=img aria-label="Trend of inputs and outputs"')

    def draw(self) -> None:
        """Also when it was hidden until now."""
        data = json.dumps(self._curves)
        ui.run_javascript(
            f"spindle.functions.trend({self._chart.id}, {self._legend.id}, {data}, "
            f"{int(self._range.value)})"
        )


def curves(inputs: Sequence[Tag], outputs: Sequence[Tag]) -> list[dict[str, Any]]:
    """What functions.js draws: inputs pale, outputs strong."""
    found = [(tag, "in") for tag in inputs[:_MOST]] + [(tag, "out") for tag in outputs[:_MOST]]
    return [
        {
            "id": tag.id,
            "name": tag.config.name,
            "title": f"{tag.device} / {tag.config.name}" if role == "in" else tag.config.name,
            "unit": tag.config.unit,
            "kind": tag.config.kind.value,
            "role": role,
            "stroke": "pale" if role == "in" else "",
        }
        for tag, role in found
    ]
