"""Which tags a use may read and write, and the choice of them."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence

from nicegui import ui

from hub.functions.versions import convertible
from hub.records import Tag
from hub.ui.components.tag_picker import matching
from hub.ui.components.try_tags import InputTags
from hub.ui.words import plural
from schemas.config.devices import Access
from schemas.functions import Input, WritePort
from schemas.kinds import Kind

_SHOWN = 40


class PortTags(InputTags):
    """The tags of one input, only such as fit it. A `*` in the search makes it a name pattern."""

    def __init__(self, port: Input, tags: Sequence[Tag], changed: Callable[[], None]) -> None:
        super().__init__(port, readable(port, tags), changed)
        if port.many:
            self.element.classes("wide-port")
            self._box.props('placeholder="Search, or a name pattern such as Torque*"')

    def offered(self, tags: Sequence[Tag]) -> None:
        super().offered(readable(self._port, tags))

    def _search(self) -> None:
        text = str(self._box.value or "")
        taken = set(self.ids)
        self._found = [tag for tag in found_by(self._tags, text) if tag.id not in taken]
        self._list.clear()
        self._list.set_visibility(True)
        with self._list:
            if not self._found:
                ui.label(self._nothing(text)).classes("menu-note")
            if self._port.many and text and len(self._found) > 1:
                every = self._item(f"All {plural(len(self._found), 'tag')}", "", "", "done_all")
                every.on("click", lambda: self._take(self._found))
            for tag in self._found[:_SHOWN]:
                note = f"{tag.device}, {tag.config.kind}"
                item = self._item(tag.config.name, tag.config.unit, note)
                item.on("click", lambda tag=tag: self._take([tag]))
            if len(self._found) > _SHOWN:
                ui.label(f"{len(self._found) - _SHOWN} more: type more letters.").classes(
                    "menu-note"
                )

    def _nothing(self, text: str) -> str:
        if text and self._tags:
            return "No tag that fits has these words."
        kind = self._port.kind.value
        return f"This gateway has no stored tag that fits: {kind} is needed."


class WriteTag:
    """The tag of one write port; none is allowed, and nothing is written then."""

    def __init__(
        self, port: WritePort, tags: Sequence[Tag], chosen: int | None, changed: Callable[[], None]
    ) -> None:
        names = {tag.id: f"{tag.device} / {tag.config.name}" for tag in writable(tags)}
        self._select = ui.select(
            names,
            label=port.name,
            value=chosen if chosen in names else None,
            with_input=True,
            clearable=True,
            on_change=changed,
        )
        self._select.props(f"outlined dense stack-label bottom-slots data-field={port.name}")
        self._select.classes("field")
        about = port.description or "A tag with access rw."
        empty = "" if names else " This gateway has no tag with access rw."
        self._select.props["hint"] = f"{about.rstrip('.')}. Empty: nothing is written.{empty}"

    @property
    def id(self) -> int | None:
        found = self._select.value
        return None if found is None else int(found)

    def show(self, message: str) -> None:
        self._select.error = message or None


def readable(port: Input, tags: Sequence[Tag]) -> list[Tag]:
    """Stored ones of a kind that the input takes."""
    return [
        tag for tag in tags if tag.config.store and convertible(Kind(tag.config.kind), port.kind)
    ]


def writable(tags: Sequence[Tag]) -> list[Tag]:
    return [tag for tag in tags if tag.config.access is Access.READ_WRITE]


def found_by(tags: Sequence[Tag], text: str) -> list[Tag]:
    """By words; with `*` the whole name, or device and name, fits the pattern."""
    pattern = text.strip().lower()
    if "*" not in pattern:
        return matching(tags, text)
    return [
        tag
        for tag in tags
        if fnmatch.fnmatchcase(tag.config.name.lower(), pattern)
        or fnmatch.fnmatchcase(f"{tag.device} / {tag.config.name}".lower(), pattern)
    ]
