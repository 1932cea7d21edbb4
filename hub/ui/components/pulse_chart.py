"""The overview's small live chart of stored values per second."""

from __future__ import annotations

from nicegui import ui

from hub.ui.pulse import Pulse


class PulseChart:
    """Draws what the pulse has; pulse_chart.js gives it the theme's colours."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._last = 0
        self._chart = ui.echart({"animation": False, "series": []}).classes("chart")
        self._chart.props('role=img aria-label="Values stored per second, last 10 minutes"')
        points = self._points()
        ui.run_javascript(f"spindle.pulse({self._chart.id}, {points!r})")

    def _points(self) -> list[list[float | int | str]]:
        """[time ms, rate] of beats that were not sent yet; the text `-` is a gap to ECharts."""
        fresh = [beat for beat in self._pulse.beats if beat.time_ms > self._last]
        if fresh:
            self._last = fresh[-1].time_ms
        return [
            [beat.time_ms, "-" if beat.values_per_s is None else round(beat.values_per_s, 1)]
            for beat in fresh
        ]

    def refresh(self) -> None:
        points = self._points()
        if points:
            ui.run_javascript(f"spindle.pulse({self._chart.id}, {points!r})")
