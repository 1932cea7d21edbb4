"""What a trial showed: figures, chart, faults, effects, log."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui

from hub.function_records import Trial
from hub.ui.components.plain_table import table_head
from hub.ui.components.try_words import chart_data, figures
from hub.ui.words import clock, plural
from schemas.functions import Fault

_SHOWN = 200


class TryResult:
    """`go` puts the cursor on a line of the source; None where there is no source."""

    def __init__(self, go: Callable[[int], None] | None) -> None:
        self._go = go
        self.element = ui.element("div").classes("stack try-result").props("aria-live=polite")

    def clear(self) -> None:
        self.element.clear()

    def show(self, trial: Trial, start_ns: int, end_ns: int) -> None:
        self.element.clear()
        with self.element:
            self._verdict(trial)
            with ui.element("dl").classes("try-figures"):
                for name, value in figures(trial).items():
                    with ui.element("div"):
                        with ui.element("dt"):
                            ui.label(name)
                        with ui.element("dd"):
                            ui.label(value)
            if trial.before or trial.after:
                _chart(trial, start_ns, end_ns)
            if trial.faults:
                self._faults(trial.faults)
            if trial.effects:
                _lines("Alarms, events and writes", trial.effects, "kind")
            if trial.log:
                _lines("Log", trial.log, "level")
        ui.run_javascript(f"getHtmlElement({self.element.id}).scrollIntoView({{block: 'nearest'}})")

    def _verdict(self, trial: Trial) -> None:
        if trial.faults:
            level, text = (
                "bad",
                f"{plural(len(trial.faults), 'fault')}. It was taken out for those rows.",
            )
        elif not trial.rows:
            level = "warn"
            text = "There are no stored values of these inputs in this time. Choose another range."
        else:
            level, text = "ok", "It ran without a fault. Nothing was stored or written."
        with ui.element("div").classes(f"callout {level}"):
            ui.label(text)

    def _faults(self, faults: Sequence[Fault]) -> None:
        """Equal ones once, with how often."""
        alike: dict[tuple[str, int, str], list[Fault]] = {}
        for fault in faults:
            alike.setdefault((fault.kind, fault.line, fault.message), []).append(fault)
        with _section("Faults", len(faults)):
            for found in list(alike.values())[:_SHOWN]:
                self._fault(found[0], len(found))

    def _fault(self, fault: Fault, times: int) -> None:
        with ui.element("article").classes("try-fault"):
            with ui.element("div").classes("row"):
                ui.icon("error").props("aria-hidden=true")
                if fault.line:
                    self._place(fault.line)
                ui.label(fault.message).classes("try-fault-words")
                ui.label(fault.kind).classes("muted")
                often = f"{times} times, first at " if times > 1 else ""
                ui.label(f"{often}{clock(fault.time_ns)}").classes("muted num")
            if fault.traceback:
                with ui.expansion("Traceback").props("dense").classes("fold"):
                    ui.label(fault.traceback).classes("mono traceback")

    def _place(self, line: int) -> None:
        go = self._go
        if go is None:
            ui.label(f"Line {line}").classes("problem-place")
            return
        button = ui.element("button").props("type=button").classes("line-link")
        with button:
            ui.label(f"Line {line}")
        button.on("click", lambda: go(line))


def _section(title: str, number: int) -> ui.element:
    with ui.element("section").classes("try-section"):
        with ui.element("div").classes("row"):
            ui.html(title, tag="h3", sanitize=False)
            ui.label(str(number)).classes("muted")
        return ui.element("div")


def _chart(trial: Trial, start_ns: int, end_ns: int) -> None:
    legend = ui.element("div").classes("trend-legend").props('aria-label="Curves"')
    chart = ui.echart({"series": []}).classes("try-chart")
    chart.props('role=img aria-label="Inputs and outputs of the trial"')
    data = json.dumps(chart_data(trial, start_ns, end_ns))
    ui.run_javascript(f"spindle.trial.show({chart.id}, {legend.id}, {data})")


def _lines(title: str, rows: Sequence[dict[str, Any]], kind: str) -> None:
    with (
        _section(title, len(rows)),
        ui.element("div").classes("scroll short"),
        ui.element("table").classes("plain-table"),
    ):
        table_head(("Time", kind.capitalize(), "Message"))
        with ui.element("tbody"):
            for row in rows[:_SHOWN]:
                with ui.element("tr"):
                    with ui.element("td").classes("num"):
                        ui.label(clock(int(row.get("time_ns", 0))))
                    with ui.element("td"):
                        ui.label(str(row.get(kind, "")))
                    with ui.element("td"):
                        ui.label(str(row.get("message", "")))
    if len(rows) > _SHOWN:
        ui.label(f"{len(rows) - _SHOWN} more are not shown.").classes("muted")
