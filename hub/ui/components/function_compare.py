"""Two versions of a function compared: their sources, or what they declare."""

from __future__ import annotations

import json
from dataclasses import asdict

from nicegui import ui

from hub.function_records import FunctionVersion, PlantFunction
from hub.ui.components.choice_group import ChoiceGroup
from hub.ui.components.source_diff import compared, counts, side_by_side, unified
from hub.ui.words import plural


class VersionCompare:
    """A panel with two choices of a version and what differs; nothing with one version only."""

    def __init__(self, function: PlantFunction) -> None:
        self._versions = {item.number: item for item in function.versions}
        numbers = list(self._versions)
        used = next((item.number for item in function.versions[1:] if item.uses), numbers[1])
        with ui.element("section").classes("panel").mark("compare"):
            with ui.element("div").classes("panel-head"):
                ui.html("Compare", tag="h2", sanitize=False)
                self._old = ui.select(numbers, value=used, on_change=self._draw)
                ui.label("with").classes("muted")
                self._new = ui.select(numbers, value=numbers[0], on_change=self._draw)
                for select, label in ((self._old, "Older version"), (self._new, "Newer version")):
                    select.props(f'outlined dense aria-label="{label}"')
                self._summary = ui.label().classes("muted").props("aria-live=polite")
                ui.element("div").classes("grow")
                self._step_button("Previous change", "keyboard_arrow_up", -1)
                self._step_button("Next change", "keyboard_arrow_down", 1)
                views = {"sides": "Side by side", "one": "One column"}
                self._view = ChoiceGroup(views, "sides", "View", self._draw)
            self._place = ui.element("div").classes("diff").props("tabindex=0 role=region")
            self._place.props('aria-label="What differs; n and p go to the next and last change"')
            self._place.on(
                "keydown",
                js_handler="(e) => { const way = { n: 1, p: -1 }[e.key]; "
                "if (way) spindle.functions.step(e.currentTarget, way); }",
            )
        self._draw()

    def _step_button(self, title: str, icon: str, way: int) -> None:
        button = ui.button(icon=icon, color=None).props(f'flat round dense aria-label="{title}"')
        button.props(f'title="{title}"')
        button.on_click(
            lambda: ui.run_javascript(
                f"spindle.functions.step(getHtmlElement({self._place.id}), {way})"
            )
        )

    def _draw(self) -> None:
        old, new = self._versions[self._old.value], self._versions[self._new.value]
        what, before, after = texts_of(old, new)
        lines = compared(before, after)
        more, less = counts(lines)
        said = f"{plural(more, 'line')} new, {less} gone" if lines else "no difference"
        self._summary.set_text(f"{what}: {said}")
        one = self._view.value == "one"
        self._place.clear()
        with self._place:
            if not lines:
                ui.label("Both are the same.").classes("muted panel-body")
                return
            rows = unified(lines) if one else side_by_side(lines)
            ui.html(f"<table><tbody>{rows}</tbody></table>", sanitize=False).classes(
                "diff-one" if one else "diff-sides"
            )


def texts_of(old: FunctionVersion, new: FunctionVersion) -> tuple[str, str, str]:
    """(what is compared, older, newer). A wheel has no source here, so its declaration is."""
    if old.source and new.source:
        return "Source", old.source, new.source
    return "Declaration", _declared(old), _declared(new)


def _declared(version: FunctionVersion) -> str:
    return json.dumps(asdict(version.spec), indent=2, ensure_ascii=False, default=str)
