"""Make devices of a profile: a table with one row for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nicegui import ui
from starlette.requests import Request

from hub.bulk import Profile
from hub.records import Device, Role, Spoke
from hub.ui.components.cell_table import CellColumn, CellTable
from hub.ui.components.empty import empty_state
from hub.ui.components.fill_dialog import MOST, fill_dialog
from hub.ui.components.profile_texts import at_row, columns_to_fill, said
from hub.ui.components.progress_line import ProgressLine
from hub.ui.frame import heading
from hub.ui.notices import busy
from hub.ui.page import page
from hub.ui.session import Session
from hub.ui.words import plural
from schemas.errors import ConfigErrors

_SHOWN = 10


def register() -> None:
    @page("/profiles/{profile_id:int}/devices", "Make devices")
    async def make_devices(session: Session, request: Request) -> None:
        session.services.access.require(session.user, Role.ENGINEER)
        found = await session.services.profiles.profile(int(request.path_params["profile_id"]))
        spokes = await session.services.fleet.spokes()
        crumbs = (("Profiles", "/profiles"), (found.name, f"/profiles/{found.id}"))
        heading("Make devices", *crumbs, subtitle=_subtitle(found))
        if not spokes:
            text = "A device is read by a gateway, so create a gateway first."
            with empty_state("router", "No gateway yet", text):
                ui.button("To the gateways", on_click=lambda: ui.navigate.to("/gateways"))
            return
        MakeDevices(session, found, spokes)


def _subtitle(profile: Profile) -> str:
    return (
        f"From {profile.name}, version {profile.version}: each row becomes a device with "
        f"{plural(len(profile.tags), 'tag')}."
    )


class MakeDevices:
    """The table, and afterwards what was made."""

    def __init__(self, session: Session, profile: Profile, spokes: Sequence[Spoke]) -> None:
        self._session = session
        self._profile = profile
        self._columns = columns_to_fill(profile)
        self._line = ProgressLine()
        self._rest = ui.element("div").classes("callout bad").props("role=alert")
        self._rest.set_visibility(False)
        self._result = ui.element("div").classes("stack")
        self._body = ui.element("div").classes("stack")
        with self._body:
            with ui.element("div").classes("row"):
                names = {item.id: _gateway(item) for item in spokes}
                self._spoke = ui.select(names, label="Gateway", value=spokes[0].id)
                self._spoke.props("outlined dense stack-label").style("min-width: 230px")
                self._button("Add many …", "playlist_add", self._fill)
                self._button("Add row", "add", self._add)
                self._button("Delete ticked", "delete", self._delete).classes("danger")
                ui.element("div").classes("grow")
                self._go = ui.button("Create", icon="library_add", on_click=self._create)
            ui.label(
                "Fill in the cells, or click one and paste from Excel with Ctrl+V. An empty cell "
                "takes the default in the heading."
            ).classes("muted")
            self._table = CellTable(
                [CellColumn(name, title) for name, title in self._columns],
                [{}],
                label="Devices to make",
                changed=self._count,
                most=MOST,
                fill=True,
            )
        self._count()

    def _button(self, text: str, icon: str, work: Callable[[], object]) -> ui.button:
        return ui.button(text, icon=icon, on_click=work, color=None).props("outline")

    def _given(self) -> list[tuple[int, dict[str, str]]]:
        """(place in the table, cells) of the rows that are not empty."""
        return [(at, row) for at, row in enumerate(self._table.rows()) if any(row.values())]

    def _count(self) -> None:
        many = len(self._given())
        self._go.set_text(f"Create {plural(many, 'device')}")
        self._go.set_enabled(bool(many))

    def _fill(self) -> None:
        fill_dialog(self._profile.name, self._columns, len(self._given()) + 1, self._filled)

    def _filled(self, rows: list[dict[str, str]]) -> None:
        kept = [row for _, row in self._given()]
        self._table.replace([*kept, *rows])

    def _add(self) -> None:
        self._table.add_empty()

    async def _delete(self) -> None:
        await self._table.remove_ticked()

    async def _create(self) -> None:
        await busy(self._go, self._run)

    async def _run(self) -> None:
        who = await self._session.who(Role.ENGINEER)
        given = self._given()
        self._rest.set_visibility(False)
        self._table.clear_problems()
        self._line.start(f"Creating {plural(len(given), 'device')} …")
        try:
            made = await self._session.services.profiles.create_from_profile(
                who, self._profile.id, int(self._spoke.value), [row for _, row in given]
            )
        except ConfigErrors as error:
            self._show(error, [at for at, _ in given])
            return
        finally:
            self._line.end()
        self._done(made)

    def _show(self, error: ConfigErrors, places: Sequence[int]) -> None:
        """At the cells; the sentences come on top as well, so that they can be read."""
        titles = dict(self._columns)
        cells, rest = [], []
        for problem in error.problems:
            found = at_row(problem, "rows")
            if found is None or found[0] >= len(places):
                rest.append(said(problem))
                continue
            row, name, text = places[found[0]], found[1], found[2]
            cells.append((row, name, text))
            title = titles.get(name, "")
            rest.append(f"Row {row + 1}{', ' if title else ''}{title}: {text}")
        self._table.show(cells)
        self._rest.clear()
        self._rest.set_visibility(True)
        with self._rest:
            ui.label("Nothing was created.").classes("section-title")
            for text in rest[:_SHOWN]:
                ui.label(text)
            if len(rest) > _SHOWN:
                ui.label(f"and {len(rest) - _SHOWN} more, marked in the table").classes("muted")

    def _done(self, made: Sequence[Device]) -> None:
        self._body.set_visibility(False)
        tags = sum(device.tags for device in made)
        with self._result, ui.element("section").classes("panel").mark("made"):
            with ui.element("div").classes("panel-body result").props("role=status"):
                ui.icon("check_circle").classes("big").props("aria-hidden=true")
                with ui.element("div").classes("grow"):
                    title = f"{plural(len(made), 'device')} created on {made[0].spoke}."
                    ui.label(title).classes("result-title")
                    ui.label(
                        f"{plural(tags, 'tag')} in all. They are on their way to the gateway."
                    ).classes("muted")
                ui.button(
                    "Make more", icon="library_add", on_click=ui.navigate.reload, color=None
                ).props("outline")
                ui.button(
                    "To the devices",
                    icon="memory",
                    on_click=lambda: ui.navigate.to("/devices"),
                )
            with ui.element("div").classes("panel-body made"):
                for device in made:
                    ui.link(device.config.name, f"/devices/{device.id}")


def _gateway(spoke: Spoke) -> str:
    return spoke.name if spoke.online else f"{spoke.name} (offline)"
