"""Functions: the plant's own in versions, and those that come with Spindle."""

from __future__ import annotations

from collections import defaultdict

from nicegui import ui
from starlette.requests import Request

from hub.function_records import Origin, PlantFunction, Use
from hub.records import Role
from hub.ui.components.empty import empty_state
from hub.ui.components.function_rates import Rates
from hub.ui.components.function_rows import BUILT_IN_COLUMNS, OWN_COLUMNS, function_row
from hub.ui.components.function_upload import upload_dialog
from hub.ui.components.grid import Grid, Row
from hub.ui.frame import heading
from hub.ui.page import page
from hub.ui.refresh import refreshing
from hub.ui.session import Session
from hub.ui.words import plural

_PERIOD_S = 5.0
_EMPTY = (
    "A function calculates tags from other tags, on the gateway: a trend, a balance, an alarm. "
    "Write one here, upload one that was written elsewhere, or deploy one of those below."
)


def register() -> None:
    @page("/functions", "Functions")
    async def functions(session: Session, _: Request) -> None:
        with heading("Functions", subtitle="Python on the gateways: calculated tags, alarms."):
            _buttons(session)
        await _Lists(session).open()


def _buttons(session: Session) -> None:
    if session.can(Role.ENGINEER):
        ui.button(
            "Upload", icon="upload", on_click=lambda: upload_dialog(session), color=None
        ).props("outline")
        ui.button("New function", icon="add", on_click=lambda: ui.navigate.to("/functions/new"))


class _Lists:
    """Both tables; the rows are read again while the page is open."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rates = Rates()

    async def open(self) -> None:
        own, built_in = await self._rows()
        if own:
            grid = Grid(OWN_COLUMNS, own, label="Own functions")
        else:
            with empty_state("functions", "No function of your own yet", _EMPTY):
                _buttons(self._session)
        with ui.element("div").classes("row section-head"):
            ui.html("Built-in", tag="h2", sanitize=False)
            ui.label(f"{plural(len(built_in), 'function')} that come with Spindle").classes("muted")
            ui.element("div").classes("grow")
            place = ui.element("div")
        below = Grid(BUILT_IN_COLUMNS, built_in, fill=True, label="Built-in functions")
        with place:
            below.filter_box("Filter built-in functions")
        drawn = bool(own)

        async def refresh() -> None:
            own, built_in = await self._rows()
            below.set_rows(built_in)
            if bool(own) != drawn:
                ui.navigate.reload()
            elif own:
                grid.set_rows(own)

        refreshing(_PERIOD_S, refresh, immediate=False)

    async def _rows(self) -> tuple[list[Row], list[Row]]:
        """Rows of own functions and of built-ins; of these, those in use come first."""
        services = self._session.services
        found = await services.functions.functions()
        by_name: dict[str, list[Use]] = defaultdict(list)
        for use in await services.functions.uses():
            by_name[use.function].append(use)
        self._rates.look(await services.fleet.spokes())

        def rows(wanted: list[PlantFunction]) -> list[Row]:
            return [function_row(item, by_name[item.name], self._rates) for item in wanted]

        own = [item for item in found if item.origin is not Origin.BUILT_IN]
        others = [item for item in found if item.origin is Origin.BUILT_IN]
        return rows(own), rows(sorted(others, key=lambda item: not by_name[item.name]))
