"""A panel of named facts that is updated in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nicegui import ui

from schemas.messages.health import StreamHealth

_WARN_SHARE = 0.5
_BAD_SHARE = 0.8


class Facts:
    def __init__(self, title: str) -> None:
        with ui.element("section").classes("panel"):
            with ui.element("div").classes("panel-head"):
                ui.html(title, tag="h2", sanitize=False)
            self.panel = ui.element("div").classes("panel-body stack")
            with self.panel:
                self._list = ui.element("dl").classes("facts")
        self._values: dict[str, ui.label] = {}

    def show(self, facts: Mapping[str, str]) -> None:
        """The same names keep their rows; other names draw the list again."""
        if list(facts) != list(self._values):
            self._list.clear()
            self._values = {}
            with self._list:
                for name in facts:
                    with ui.element("dt"):
                        ui.label(name)
                    with ui.element("dd"):
                        self._values[name] = ui.label()
        for name, value in facts.items():
            self._values[name].set_text(value)


def buffer_bar() -> Callable[[StreamHealth | None], None]:
    """A bar of how full the buffer is; returns its update function."""
    outer = ui.element("div").classes("bar").props('role=img aria-label="Share of the buffer"')
    with outer:
        inner = ui.element("div")

    def update(stream: StreamHealth | None) -> None:
        share = stream.size_bytes / stream.max_bytes if stream and stream.max_bytes else 0.0
        level = "bad" if share >= _BAD_SHARE else "warn" if share >= _WARN_SHARE else ""
        outer.classes(replace=f"bar {level}")
        inner.style(f"width: {min(share, 1.0):.1%}")

    return update
