"""A bar of a long step with its words, fed from any thread."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from hub.ui.words import count

_PERIOD_S = 0.1


class ProgressLine:
    """`tell` is a hub.bulk.Progress for any thread: it only notes two numbers, and a timer of the
    page draws them. `stop` adds a button."""

    def __init__(self, stop: Callable[[], None] | None = None) -> None:
        self._done = (0, 0)
        self._drawn = (-1, -1)
        self._text = ""
        with ui.element("div").classes("callout info working").props("role=status") as self.element:
            ui.spinner(size="1.4em")
            self._label = ui.label()
            with ui.element("div").classes("bar").props("role=progressbar") as self._bar:
                self._inner = ui.element("div")
            if stop:
                ui.button("Cancel", icon="close", on_click=stop, color=None).props("flat dense")
        self.element.set_visibility(False)
        self._timer = ui.timer(_PERIOD_S, self._draw, active=False)

    def start(self, text: str, total: int = 0) -> None:
        """Show it; with `total` 0 there is no bar until somebody tells numbers."""
        self._text, self._done, self._drawn = text, (0, total), (-1, -1)
        self._draw()
        self.element.set_visibility(True)
        self._timer.activate()

    def tell(self, done: int, total: int) -> None:
        self._done = (done, total)

    def end(self) -> None:
        self._timer.deactivate()
        self.element.set_visibility(False)

    def _draw(self) -> None:
        done, total = self._done
        if (done, total) == self._drawn:
            return
        self._drawn = (done, total)
        share = min(done / total, 1.0) if total else 0.0
        self._bar.set_visibility(bool(total))
        self._bar.props(f"aria-valuenow={share * 100:.0f} aria-valuemin=0 aria-valuemax=100")
        self._inner.style(f"width: {share:.1%}")
        self._label.set_text(
            f"{self._text} {count(done)} of {count(total)}" if total else self._text
        )
