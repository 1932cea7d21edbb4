"""Which tags stand at an input of a function: search, choose, take away."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from nicegui import ui

from hub.records import Tag
from hub.ui.components.tag_picker import matching
from hub.ui.words import plural
from schemas.functions import Input
from schemas.kinds import Kind

_SHOWN = 40


class InputTags:
    """The chosen tags of one input. `tags` are those to choose from, all of one gateway."""

    def __init__(self, port: Input, tags: Sequence[Tag], changed: Callable[[], None]) -> None:
        self._port = port
        self._tags = fitting(port, tags)
        self._changed = changed
        self._chosen: list[Tag] = []
        self._found: list[Tag] = []
        with ui.element("div").classes("input-tags").mark(f"input-{port.name}") as self.element:
            with ui.element("div").classes("input-head"):
                ui.label(port.name + (" *" if port.required else "")).classes("texts-title")
                ui.label(_words(port)).classes("help")
            self._chips = ui.element("div").classes("input-chips")
            with ui.element("div").classes("picker"):
                text = "Search tags" if port.many else "Search a tag"
                self._box = ui.input(placeholder=text).props(
                    "outlined dense clearable debounce=120 autocomplete=off "
                    f'data-field={port.name} aria-label="{text} for {port.name}"'
                )
                with self._box.add_slot("prepend"):
                    ui.icon("search")
                self._list = ui.element("div").classes("picker-list").props("role=listbox")
                self._list.set_visibility(False)
            self._error = ui.label().classes("field-error").props("role=alert")
            self._error.set_visibility(False)
        self._box.on_value_change(self._search)
        self._box.on("focus", self._search)
        self._box.on("keydown.enter", self._first)
        self._box.on("keydown.esc", self._close)
        self._list.on("keydown.esc", self._close)
        leaves = "(e) => !e.currentTarget.contains(e.relatedTarget) && emit()"
        self.element.on("focusout", self._close, js_handler=leaves)
        self._draw()

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(tag.id for tag in self._chosen)

    def choose(self, ids: Sequence[int]) -> None:
        """These, as far as they can be chosen."""
        known = {tag.id: tag for tag in self._tags}
        found = [known[tag_id] for tag_id in ids if tag_id in known]
        self._chosen = found if self._port.many else found[:1]
        self._draw()

    def offered(self, tags: Sequence[Tag]) -> None:
        """Other tags to choose from, of another gateway."""
        self._tags = fitting(self._port, tags)
        self.choose(self.ids)

    def show(self, message: str) -> None:
        self._error.set_text(message)
        self._error.set_visibility(bool(message))

    def _search(self) -> None:
        text = str(self._box.value or "")
        taken = set(self.ids)
        self._found = [tag for tag in matching(self._tags, text) if tag.id not in taken]
        self._list.clear()
        self._list.set_visibility(True)
        with self._list:
            if not self._found:
                ui.label("No tag of this gateway has these words.").classes("menu-note")
            if self._port.many and text and len(self._found) > 1:
                every = self._item(f"All {plural(len(self._found), 'tag')}", "", "", "done_all")
                every.on("click", lambda: self._take(self._found))
            for tag in self._found[:_SHOWN]:
                item = self._item(tag.config.name, tag.config.unit, tag.device)
                item.on("click", lambda tag=tag: self._take([tag]))
            if len(self._found) > _SHOWN:
                more = f"{len(self._found) - _SHOWN} more: type more letters."
                ui.label(more).classes("menu-note")

    @staticmethod
    def _item(name: str, unit: str, note: str, icon: str = "") -> ui.element:
        with ui.element("button").classes("picker-item").props("type=button role=option") as made:
            if icon:
                ui.icon(icon).props("aria-hidden=true")
            ui.label(name)
            if unit:
                ui.label(f"[{unit}]").classes("muted-inline")
            ui.label(note).classes("muted")
        return made

    def _first(self) -> None:
        if self._box.value:
            self._search()
            if self._found:
                self._take(self._found[:1])

    def _take(self, tags: Sequence[Tag]) -> None:
        self._chosen = [*self._chosen, *tags] if self._port.many else list(tags[:1])
        self._box.set_value("")
        self._close()
        self._edited()

    def _remove(self, tag: Tag) -> None:
        self._chosen = [item for item in self._chosen if item.id != tag.id]
        self._edited()

    def _edited(self) -> None:
        self.show("")
        self._draw()
        self._changed()

    def _close(self) -> None:
        self._list.set_visibility(False)

    def _draw(self) -> None:
        self._chips.clear()
        self._chips.set_visibility(bool(self._chosen))
        with self._chips:
            for tag in self._chosen:
                with ui.element("span").classes("trend-chip"):
                    ui.label(f"{tag.device} / {tag.config.name}")
                    button = ui.element("button").props("type=button")
                    button.props(f'aria-label="Take away {_plain(tag.config.name)}"')
                    button.on("click", lambda tag=tag: self._remove(tag))
                    with button:
                        ui.label("\N{MULTIPLICATION SIGN}")
        self._box.set_visibility(self._port.many or not self._chosen)


def fitting(port: Input, tags: Sequence[Tag]) -> list[Tag]:
    """A text input takes every tag, the others take what is no text."""
    return [tag for tag in tags if port.kind is Kind.TEXT or tag.config.kind is not Kind.TEXT]


def by_name(port: Input, tags: Sequence[Tag]) -> tuple[int, ...]:
    """The one tag that is called like the input; of several none."""
    found = [tag.id for tag in fitting(port, tags) if _plain(tag.config.name) == _plain(port.name)]
    return tuple(found) if len(found) == 1 else ()


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name.lower()).strip()


def _words(port: Input) -> str:
    kind = "several tags" if port.many else port.kind.value
    parts = (kind, f"in {port.unit}" if port.unit else "", port.description)
    return ", ".join(part for part in parts if part)
