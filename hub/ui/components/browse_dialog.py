"""*Browse*: pick values and whole folders of a device and add them as tags."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui

from hub.records import Device, Role
from hub.ui.components.browsed_tags import BrowsedTags, as_tags
from hub.ui.components.node_tree import NodeTree
from hub.ui.components.plain_table import table_head
from hub.ui.notices import busy, show_done
from hub.ui.session import Session
from hub.ui.words import plural
from schemas.config.devices import TagConfig
from schemas.errors import ConfigErrors, SpindleError
from schemas.messages.browsing import BrowseReply

BROWSABLE = frozenset({"opcua"})
"""Drivers whose devices tell what they have."""
_SHOWN = 100


class BrowseDialog:
    def __init__(
        self, session: Session, device: Device, saved: Callable[[], Awaitable[None]]
    ) -> None:
        self._session = session
        self._device = device
        self._saved = saved
        self._found = BrowsedTags()
        self._names: set[str] = set()
        self._addresses: set[str] = set()
        groups = [group.name for group in device.config.groups]
        with ui.dialog().props("persistent") as self._dialog, ui.card().classes("dialog wide"):
            ui.label(f"Browse {device.config.name}").classes("dialog-title")
            ui.label(
                "Open folders with the arrow. Tick values, or a folder for all values below it."
            ).classes("dialog-text")
            self._tree = NodeTree(self._browse, self._count)
            with ui.element("div").classes("row"):
                self._group = ui.select(groups, label="Scan group", value=groups[0])
                self._group.props("outlined dense stack-label").style("min-width: 180px")
                self._write = ui.switch("Operators may write what the device lets be written")
            self._summary = ui.label().props("aria-live=polite").mark("browse-summary")
            self._problems = ui.element("div").classes("stack tight")
            self._preview = ui.element("div")
            with ui.element("div").classes("dialog-actions"):
                ui.button("Cancel", on_click=self._dialog.close, color=None).props("flat")
                self._add = ui.button("Add tags", icon="add")
        self._dialog.on("hide", self._dialog.delete)
        self._dialog.on("keydown.esc", self._dialog.close)
        self._group.on_value_change(self._count)
        self._write.on_value_change(self._count)
        self._add.on_click(lambda: busy(self._add, self._save))

    async def open(self) -> None:
        tags = await self._session.services.fleet.tags(self._device.id)
        self._names = {tag.config.name for tag in tags}
        self._addresses = {tag.config.address for tag in tags}
        self._count()
        self._dialog.open()
        await self._tree.load()

    async def _browse(self, node: str, deep: bool) -> BrowseReply:
        await self._session.who(Role.ENGINEER)
        device = self._device
        try:
            return await self._session.services.remote.browse(
                device.spoke_id,
                device.config.connection,
                node,
                deep=deep,
                device_id=device.id,
            )
        except SpindleError as error:
            return BrowseReply(error=error.as_dict())

    def _count(self) -> None:
        self._found = as_tags(
            self._tree.chosen(),
            str(self._group.value),
            names=self._names,
            addresses=self._addresses,
            writable=bool(self._write.value),
        )
        number = len(self._found.tags)
        text = "Nothing ticked yet."
        if self._tree.reading:
            text = f"Reading all values below {self._tree.reading} … This can take a minute."
        elif number or self._found.known:
            text = f"{plural(number, 'tag')} will be added."
            if self._found.known:
                text += f" {self._found.known} of the ticked ones are tags already."
        for name in self._tree.cut():
            text += f" {name} has more than 10,000 values; the rest is left out."
        self._summary.set_text(text)
        self._add.set_text(f"Add {plural(number, 'tag')}" if number else "Add tags")
        self._add.set_enabled(bool(number) and not self._tree.reading)
        self._show_problems(self._found.problems)
        self._show_preview(self._found.tags)

    def _show_preview(self, tags: Sequence[TagConfig]) -> None:
        self._preview.clear()
        if not tags:
            return
        with (
            self._preview,
            ui.element("div").classes("scroll short"),
            ui.element("table").classes("plain-table"),
        ):
            table_head(("Tag", "Type", "Unit", "Access", "Address"))
            with ui.element("tbody"):
                for tag in tags[:_SHOWN]:
                    texts = (tag.name, tag.data_type.value, tag.unit, tag.access.value, tag.address)
                    with ui.element("tr"):
                        for text in texts:
                            with ui.element("td"):
                                ui.label(text)
        if len(tags) > _SHOWN:
            with self._preview:
                ui.label(f"and {len(tags) - _SHOWN} more").classes("muted")

    def _show_problems(self, problems: Sequence[str]) -> None:
        self._problems.clear()
        if not problems:
            return
        with self._problems, ui.element("div").classes("callout bad").props("role=alert"):
            for text in problems[:_SHOWN]:
                ui.label(text)
            if len(problems) > _SHOWN:
                ui.label(f"and {len(problems) - _SHOWN} more").classes("muted")

    async def _save(self) -> None:
        who = await self._session.who(Role.ENGINEER)
        try:
            made = await self._session.services.fleet.create_tags(
                who, self._device.id, self._found.tags
            )
        except ConfigErrors as error:
            self._show_problems([f"{item.message} {item.hint}".strip() for item in error.problems])
            return
        self._dialog.close()
        show_done(f"{plural(len(made), 'tag')} added.")
        await self._saved()
