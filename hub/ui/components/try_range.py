"""The time range of a trial: the last hours, or from and to."""

from __future__ import annotations

import json

from nicegui import ui

from hub.ui.components.choice_group import ChoiceGroup
from hub.ui.words import NS, now_ns
from schemas.errors import ConfigError

PRESETS = {900: "15 min", 3600: "1 h", 28800: "8 h", 86400: "24 h"}
_DEFAULT_S = 3600
_CUSTOM = 0


class TimeRange:
    def __init__(self) -> None:
        options = {str(seconds): title for seconds, title in PRESETS.items()}
        options[str(_CUSTOM)] = "Custom"
        with ui.element("div").classes("try-range"):
            self._group = ChoiceGroup(options, str(_DEFAULT_S), "Stored data of", self._show)
            self._custom = ui.element("div").classes("row")
            with self._custom:
                self._start = _moment("From")
                self._end = _moment("To")
        self._show()

    @property
    def seconds(self) -> int:
        """Of the preset, 0 for a range of one's own."""
        return int(self._group.value)

    def choose(self, seconds: int) -> None:
        self._group.set(str(seconds if seconds in PRESETS else _DEFAULT_S))
        self._show()

    def _show(self) -> None:
        self._custom.set_visibility(self.seconds == _CUSTOM)

    async def read(self) -> tuple[int, int]:
        """(start, end) in ns UTC. Raises ConfigError for a range that is none."""
        if self.seconds != _CUSTOM:
            end_ns = now_ns()
            return end_ns - self.seconds * NS, end_ns
        texts = [str(field.value or "") for field in (self._start, self._end)]
        code = f"return {json.dumps(texts)}.map((text) => Date.parse(text) || 0)"
        try:
            found = await ui.run_javascript(code, timeout=5.0)
        except TimeoutError as error:
            raise ConfigError("The browser did not say which time this is.") from error
        start_ns, end_ns = (int(moment) * 1_000_000 for moment in found)
        if not start_ns or not end_ns:
            raise ConfigError("The time range is not whole.", hint="Give both from and to.")
        if end_ns <= start_ns:
            raise ConfigError(
                "The time range ends before it starts.", hint="Choose an end that is later."
            )
        return start_ns, end_ns


def _moment(title: str) -> ui.input:
    return ui.input(title).props("outlined dense stack-label type=datetime-local step=1")
