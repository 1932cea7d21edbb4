"""The versions of a function: who made which when, and what is done with one."""

from __future__ import annotations

from urllib.parse import quote

from nicegui import ui

from hub.function_records import FunctionVersion, Origin, PlantFunction
from hub.records import Role
from hub.ui.components.plain_table import table_head
from hub.ui.session import Session
from hub.ui.words import NOTHING, clock, size


class VersionTable:
    """Draw again with `show`; nothing is drawn when nothing changed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._shown: tuple[FunctionVersion, ...] = ()
        with ui.element("section").classes("panel").mark("versions"):
            with ui.element("div").classes("panel-head"):
                ui.html("Versions", tag="h2", sanitize=False)
            self._table = ui.element("div").classes("spec-scroll")

    def show(self, function: PlantFunction) -> None:
        if function.versions == self._shown:
            return
        self._shown = function.versions
        self._table.clear()
        with self._table, ui.element("table").classes("plain-table versions"):
            table_head(("Version", "Saved", "Author", "Size", "Uses", "", "Notes"))
            with ui.element("tbody"):
                for item in function.versions:
                    self._row(function, item)

    def _row(self, function: PlantFunction, item: FunctionVersion) -> None:
        texts = (
            item.number,
            clock(item.created_ns),
            item.author,
            size(item.size_bytes),
            str(item.uses) if item.uses else NOTHING,
        )
        with ui.element("tr"):
            for text in texts:
                with ui.element("td"):
                    ui.label(text)
            with ui.element("td"), ui.element("div").classes("row"):
                self._links(function, item)
            with ui.element("td"):
                ui.label(item.notes)

    def _links(self, function: PlantFunction, item: FunctionVersion) -> None:
        path, query = f"/functions/{quote(function.name)}", f"?version={quote(item.number)}"
        source = "Source" if function.origin is Origin.SOURCE else "Declares"
        ui.link(source, f"{path}/edit{query}").props(f'aria-label="{source} of {item.number}"')
        if self._session.can(Role.ENGINEER):
            link = ui.link("Deploy", f"{path}/deploy{query}")
            link.props(f'aria-label="Deploy {item.number}"')
