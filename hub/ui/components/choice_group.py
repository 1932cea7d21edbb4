"""A few buttons side by side of which one is pressed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nicegui import ui


class ChoiceGroup:
    """`options` are titles by value; `chosen` is called when somebody presses another one."""

    def __init__(
        self,
        options: Mapping[str, str],
        value: str,
        label: str,
        chosen: Callable[[], None] | None = None,
    ) -> None:
        self._chosen = chosen
        self._buttons: dict[str, ui.element] = {}
        with ui.element("div").classes("group self-start").props("role=group") as self.element:
            for option, title in options.items():
                self._buttons[option] = self._button(option, title)
        self.element.props(f'aria-label="{label}"')
        self.value = value
        self.set(value)

    def set(self, value: str) -> None:
        """Press it without a call of `chosen`."""
        self.value = value
        for option, button in self._buttons.items():
            button.props(f"aria-pressed={'true' if option == value else 'false'}")

    def _button(self, option: str, title: str) -> ui.element:
        button = ui.element("button").props("type=button")
        with button:
            ui.label(title)
        button.on("click", lambda: self._press(option))
        return button

    def _press(self, option: str) -> None:
        if option == self.value:
            return
        self.set(option)
        if self._chosen is not None:
            self._chosen()
