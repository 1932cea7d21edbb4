"""One function: where it works, its versions, what it declares."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from nicegui import ui
from starlette.requests import Request

from hub.function_records import Origin, PlantFunction, Use
from hub.records import Role
from hub.ui.components.confirm import confirm
from hub.ui.components.empty import empty_state
from hub.ui.components.function_compare import VersionCompare
from hub.ui.components.function_deployments import Deployments
from hub.ui.components.function_rates import Rates
from hub.ui.components.function_rollout import roll_out_dialog
from hub.ui.components.function_rows import USE_COLUMNS, use_row
from hub.ui.components.function_spec import spec_tables
from hub.ui.components.function_state import use_path
from hub.ui.components.function_versions import VersionTable
from hub.ui.components.grid import Column, Grid, Row
from hub.ui.frame import heading
from hub.ui.page import page
from hub.ui.refresh import refreshing
from hub.ui.session import Session
from hub.ui.words import plural

_PERIOD_S = 2.0
_LIST = ("Functions", "/functions")
_ORIGINS = {
    Origin.BUILT_IN: "Comes with Spindle",
    Origin.SOURCE: "Written in the editor",
    Origin.WHEEL: "Uploaded",
}
_UNUSED = (
    "Deploy it on a gateway: choose its input tags and parameters. Its outputs become tags that "
    "are stored and shown like any other."
)


def register() -> None:
    @page("/functions/{name}", "Function")
    async def function(session: Session, request: Request) -> None:
        name = str(request.path_params["name"])
        found = await session.services.functions.function(name)
        ui.page_title(f"{found.name} · Spindle")
        await _View(session, found).open()


class _View:
    def __init__(self, session: Session, function: PlantFunction) -> None:
        self._session = session
        self._function = function
        self._uses: list[Use] = []
        self._rates = Rates()
        self._at_work: list[tuple[int, str]] = []
        self._own = function.origin is not Origin.BUILT_IN

    @property
    def _path(self) -> str:
        return f"/functions/{quote(self._function.name)}"

    async def open(self) -> None:
        function = self._function
        words = [_ORIGINS[function.origin]]
        if self._own:
            words.append(f"newest version {function.newest.number}")
        with heading(function.name, _LIST, subtitle=", ".join(words)):
            self._buttons()
        spec = function.newest.spec
        if spec.description or spec.title:
            ui.label(spec.description or spec.title).classes("function-about")
        rows = await self._rows()
        self._deployments = Deployments(self._session, self._refresh)
        self._grid = self._draw_uses(rows)
        if self._own:
            self._versions = VersionTable(self._session)
            self._versions.show(function)
            if len(function.versions) > 1:
                VersionCompare(function)
        ui.html(self._declares(), tag="h2", sanitize=False).classes("section-head")
        spec_tables(spec)
        await self._show_deployments()
        refreshing(_PERIOD_S, self._refresh, immediate=False)

    def _declares(self) -> str:
        return f"Version {self._function.newest.number} declares" if self._own else "Declares"

    def _draw_uses(self, rows: list[Row]) -> Grid | None:
        if rows:
            columns: Sequence[Column] = USE_COLUMNS
            if not self._own:
                columns = tuple(item for item in USE_COLUMNS if item["field"] != "version")
            return Grid(columns, rows, label="Uses")
        with empty_state("sensors_off", "It is not in use", _UNUSED):
            if self._session.can(Role.ENGINEER):
                self._deploy_button()
        return None

    async def _rows(self) -> list[Row]:
        services = self._session.services
        self._uses = await services.functions.uses(self._function.name)
        self._rates.look(await services.fleet.spokes())
        return [use_row(use, self._rates) for use in self._uses]

    async def _refresh(self) -> None:
        rows = await self._rows()
        if bool(rows) != (self._grid is not None):
            ui.navigate.reload()
            return
        if self._grid is not None:
            self._grid.set_rows(rows)
        await self._show_deployments()
        versions = [(use.device.id, use.version) for use in self._uses]
        if self._own and versions != self._at_work:
            self._at_work = versions
            now = await self._session.services.functions.function(self._function.name)
            self._versions.show(now)

    async def _show_deployments(self) -> None:
        if self._own:
            functions = self._session.services.functions
            self._deployments.show(await functions.deployments(self._function.name))

    # --- buttons ---------------------------------------------------------------------------
    def _buttons(self) -> None:
        engineer = self._session.can(Role.ENGINEER)
        edits = engineer and self._function.origin is Origin.SOURCE
        ui.button(
            "Edit and try" if edits else "Try" if engineer else "Look inside",
            icon="edit" if edits else "science" if engineer else "visibility",
            on_click=lambda: ui.navigate.to(f"{self._path}/edit"),
            color=None,
        ).props("outline")
        if not engineer:
            return
        if self._own:
            ui.button("Delete", icon="delete", on_click=self._ask_delete, color=None).props(
                "outline"
            ).classes("danger")
            ui.button("Roll out …", icon="publish", on_click=self._ask_roll_out, color=None).props(
                "outline"
            )
        self._deploy_button()

    def _deploy_button(self) -> None:
        ui.button(
            "Deploy", icon="add_circle", on_click=lambda: ui.navigate.to(f"{self._path}/deploy")
        )

    def _ask_roll_out(self) -> None:
        if self._uses:
            roll_out_dialog(self._session, self._function, self._uses, self._refresh)
            return
        _told(
            "It is not in use",
            "A rollout gives another version to uses that exist. Deploy it first.",
            [],
        )

    def _ask_delete(self) -> None:
        name = self._function.name
        if self._uses:
            _told(
                f"{name} is in use",
                f"It cannot be deleted while {plural(len(self._uses), 'use')} need it. Delete "
                "these first; their stored values stay.",
                self._uses,
            )
            return

        async def delete() -> None:
            who = await self._session.who(Role.ENGINEER)
            await self._session.services.functions.delete_function(who, name)
            ui.navigate.to("/functions")

        versions = plural(len(self._function.versions), "version")
        confirm(
            f"Delete function {name}?", f"Its {versions} are gone.", "Delete function", delete,
            type_name=name,
        )  # fmt: skip


def _told(title: str, text: str, uses: list[Use]) -> None:
    """Why not, with links to what stands in the way."""
    with ui.dialog() as dialog, ui.card().classes("dialog"):
        ui.label(title).classes("dialog-title")
        ui.label(text).classes("dialog-text")
        with ui.element("div").classes("stack tight"):
            for use in uses:
                words = f"{use.device.config.name} on {use.device.spoke}"
                ui.link(words, use_path(use.device.id))
        with ui.element("div").classes("dialog-actions"):
            ui.button("Close", on_click=dialog.close)
    dialog.on("hide", dialog.delete)
    dialog.open()
