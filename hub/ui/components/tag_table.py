"""The tags of a device: table with add, change, clone, delete, paste and trend."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from hub.records import Device, Role, Tag
from hub.ui.components.browse_dialog import BROWSABLE, BrowseDialog
from hub.ui.components.confirm import confirm
from hub.ui.components.empty import empty_state
from hub.ui.components.function_state import is_use
from hub.ui.components.grid import Grid, column
from hub.ui.components.tag_dialogs import add_many, edit_tag
from hub.ui.components.tag_file_buttons import tag_file_buttons
from hub.ui.notices import explained, show_done
from hub.ui.session import Session
from hub.ui.words import plural
from schemas.config.devices import Access
from schemas.errors import ConfigError

_COLUMNS = (
    column("name", "Tag", minWidth=160, flex=2),
    column("address", "Address", minWidth=150, flex=2),
    column("data_type", "Type", minWidth=90),
    column("unit", "Unit", minWidth=80),
    column("scaling", "Scaling", minWidth=110),
    column("group", "Scan group", minWidth=110),
    column("access", "Access", minWidth=80),
    column("description", "Description", minWidth=160, flex=2),
    column("id", "Id", maxWidth=90, type="rightAligned"),
)


class TagTable:
    """`changed` is called after every change."""

    def __init__(
        self, session: Session, device: Device, changed: Callable[[], Awaitable[None]]
    ) -> None:
        self._session = session
        self._device = device
        self._changed = changed
        self._tags: dict[int, Tag] = {}
        self._grid: Grid | None = None
        self._place = ui.element("div").classes("stack")

    async def load(self) -> None:
        """Read the tags anew and draw them."""
        found = await self._session.services.fleet.tags(self._device.id)
        self._tags = {tag.id: tag for tag in found}
        if self._grid is not None and found:
            self._grid.set_rows([_row(tag) for tag in found])
            return
        self._place.clear()
        self._grid = None
        with self._place:
            self._draw(found)

    def _draw(self, found: list[Tag]) -> None:
        may = self._session.can(Role.ENGINEER)
        use = is_use(self._device)
        if not found:
            text = (
                "A tag is one value of the device: a name and the address where the driver "
                "finds it. Many at once: paste a list from the PLC project."
            )
            with empty_state("sell", "No tag yet", text):
                if may and not use:
                    self._add_buttons()
                    tag_file_buttons(self._session, self._device)
            return
        bar = ui.element("div").classes("row")
        rows = [_row(tag) for tag in found]
        self._grid = Grid(_COLUMNS, rows, select=True, fill=len(rows) > 12, label="Tags")
        with bar:
            self._grid.filter_box("Filter tags")
            ui.element("div").classes("grow")
            self._button("Trend", "show_chart", self._trend)
            tag_file_buttons(self._session, self._device, imports=not use, dense=True)
            if may:
                self._button("Change", "edit", self._edit)
            if may and not use:
                self._button("Clone", "content_copy", self._clone)
                self._button("Delete", "delete", self._delete).classes("danger")
                self._add_buttons()
        if may:
            self._grid.element.on("cellDoubleClicked", self._open, ["data"])

    def _button(self, text: str, icon: str, work: Callable[[], Awaitable[None]]) -> ui.button:
        return ui.button(text, icon=icon, on_click=work, color=None).props(
            "outline dense padding='4px 10px'"
        )

    def _add_buttons(self) -> None:
        session, device = self._session, self._device
        if device.config.connection.driver in BROWSABLE:
            ui.button("Browse …", icon="account_tree", on_click=self._browse, color=None).props(
                "outline"
            )
        ui.button(
            "Add many",
            icon="playlist_add",
            on_click=lambda: add_many(session, device, self._names(), self._saved),
            color=None,
        ).props("outline")
        ui.button("Add tag", icon="add", on_click=lambda: edit_tag(session, device, self._saved))

    async def _browse(self) -> None:
        with explained(), self._place:
            await BrowseDialog(self._session, self._device, self._saved).open()

    def _names(self) -> set[str]:
        return {tag.config.name for tag in self._tags.values()}

    async def _saved(self) -> None:
        await self.load()
        await self._changed()

    async def _selected(self, most: int | None = None) -> list[Tag]:
        """The ticked tags. Raises ConfigError with what to do when the number does not fit."""
        rows = await self._grid.selected() if self._grid else []
        found = [self._tags[int(row["id"])] for row in rows if int(row["id"]) in self._tags]
        if not found:
            raise ConfigError("No tag is ticked.", hint="Tick the box in front of a tag first.")
        if most and len(found) > most:
            raise ConfigError(
                f"{len(found)} tags are ticked.", hint=f"Tick {most} for this, or fewer."
            )
        return found

    async def _edit(self) -> None:
        with explained():
            edit_tag(self._session, self._device, self._saved, (await self._selected(1))[0])

    def _open(self, event: Any) -> None:
        tag = self._tags.get(int(event.args["data"]["id"]))
        if tag is not None:
            with self._place:
                edit_tag(self._session, self._device, self._saved, tag)

    async def _clone(self) -> None:
        with explained():
            tag = (await self._selected(1))[0]
            edit_tag(self._session, self._device, self._saved, tag, clone=True)

    async def _trend(self) -> None:
        with explained():
            ids = ",".join(str(tag.id) for tag in await self._selected(12))
            ui.navigate.to(f"/trends?tags={ids}")

    async def _delete(self) -> None:
        with explained():
            tags = await self._selected()

            async def work() -> None:
                who = await self._session.who(Role.ENGINEER)
                ids = [tag.id for tag in tags]
                number = await self._session.services.fleet.delete_tags(who, ids)
                show_done(f"{plural(number, 'tag')} deleted.")
                await self._saved()

            names = ", ".join(tag.config.name for tag in tags[:8])
            more = f" and {len(tags) - 8} more" if len(tags) > 8 else ""
            confirm(
                f"Delete {plural(len(tags), 'tag')}?",
                f"{names}{more}\nStored values stay in SQL.",
                "Delete",
                work,
            )


def _row(tag: Tag) -> dict[str, Any]:
    config = tag.config
    scale, offset = config.factors
    scaling = f"x {scale:g} + {offset:g}" if config.scaled else ""
    return {
        "id": tag.id,
        "name": config.name,
        "address": config.address,
        "data_type": config.data_type.value,
        "unit": config.unit,
        "scaling": scaling,
        "group": config.group,
        "access": "write" if config.access is Access.READ_WRITE else "",
        "description": config.description,
    }
