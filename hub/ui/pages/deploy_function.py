"""Put a function to work on a gateway, or change how it works."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from nicegui import ui
from starlette.requests import Request

from hub.function_records import FunctionVersion, Origin, PlantFunction, Use, UseDraft
from hub.functions.use_edits import draft_of
from hub.records import Role, Tag
from hub.ui.components.empty import empty_state
from hub.ui.components.function_form import FunctionForm, Place
from hub.ui.components.function_state import use_path
from hub.ui.components.function_words import changes, first_sentence, state_note
from hub.ui.frame import heading
from hub.ui.notices import busy
from hub.ui.page import page
from hub.ui.session import Session
from schemas.errors import ConfigError, ConflictError, SpindleError

_LIST = ("Functions", "/functions")


def register() -> None:
    @page("/functions/{name}/deploy", "Deploy function")
    async def deploy(session: Session, request: Request) -> None:
        session.services.access.require(session.user, Role.ENGINEER)
        name = str(request.path_params["name"])
        found = await session.services.functions.function(name)
        ui.page_title(f"Deploy {found.name} · Spindle")
        crumbs = (_LIST, (found.name, f"/functions/{quote(found.name)}"))
        about = first_sentence(found.newest.spec.description)
        heading(f"Deploy {found.name}", *crumbs, subtitle=about)
        await _deploy(session, found, request)

    @page("/functions/uses/{device_id:int}/change", "Change function")
    async def change(session: Session, request: Request) -> None:
        session.services.access.require(session.user, Role.ENGINEER)
        use = await session.services.functions.use(int(request.path_params["device_id"]))
        name = use.device.config.name
        ui.page_title(f"Change {name} · Spindle")
        crumbs = ((use.function, f"/functions/{quote(use.function)}"), (name, _path(use)))
        heading(f"Change {name}", _LIST, *crumbs, subtitle=f"{use.function} on {use.device.spoke}")
        found = await session.services.functions.function(use.function)
        await _Change(session, found, use).open(request.query_params.get("version", ""))


async def _deploy(session: Session, function: PlantFunction, request: Request) -> None:
    fleet = session.services.fleet
    spokes = await fleet.spokes()
    if not spokes:
        with empty_state("router", "No gateway yet", "A function works on a gateway. Create one."):
            ui.button("To the gateways", on_click=lambda: ui.navigate.to("/gateways"))
        return
    wanted = request.query_params.get("gateway", "")
    place = Place(spokes, await fleet.tags(), int(wanted) if wanted.isdecimal() else None)
    spec = function.newest.spec
    draft = UseDraft(
        name=spec.title or function.name,
        function=function.name,
        version=_wanted(function, request.query_params.get("version", "")),
    )
    form = FunctionForm(function, draft, place, lambda: None)

    async def work() -> None:
        form.clear()
        who = await session.who(Role.ENGINEER)
        try:
            made = await session.services.functions.deploy(who, form.spoke_id, form.draft())
        except (ConfigError, ConflictError) as error:
            form.show_error(error)
            return
        ui.navigate.to(use_path(made.device.id))

    _go("Deploy", "add_circle", f"/functions/{quote(function.name)}").on_click(
        lambda event: busy(event.sender, work)
    )


class _Change:
    """The form of a use that exists, with what a save would change."""

    def __init__(self, session: Session, function: PlantFunction, use: Use) -> None:
        self._session = session
        self._function = function
        self._use = use
        self._old = draft_of(use.device.config)
        self._tags: dict[int, str] = {}
        self._form: FunctionForm | None = None
        self._button: ui.button | None = None

    async def open(self, version: str) -> None:
        fleet, device = self._session.services.fleet, self._use.device
        spoke = await fleet.spoke(device.spoke_id)
        tags = await fleet.tags()
        own = [tag for tag in tags if tag.device_id == device.id]
        self._tags = _names(tags)
        place = Place([spoke], tags, spoke.id, fixed=True, own=own)
        start = self._old
        if version and self._function.origin is not Origin.BUILT_IN:
            start = replace(start, version=_wanted(self._function, version))
        self._form = FunctionForm(self._function, start, place, self._show)
        with ui.element("section").classes("panel").mark("changes"):
            with ui.element("div").classes("panel-head"):
                ui.html("What changes", tag="h2", sanitize=False)
            self._list = ui.element("div").classes("panel-body stack tight")
            self._list.props("aria-live=polite")
        button = self._button = _go("Save", "save", _path(self._use))
        button.on_click(lambda: busy(button, self._save))
        self._show()

    def _show(self) -> None:
        if self._form is None or self._button is None:
            return
        try:
            new = self._form.draft()
        except SpindleError:
            return
        found = changes(self._old, new, self._form.version.spec, self._tags)
        self._button.set_enabled(bool(found))
        self._list.clear()
        with self._list:
            if not found:
                ui.label("Nothing yet.").classes("muted")
                return
            for text in found:
                ui.label(text)
            if self._function.origin is not Origin.BUILT_IN:
                ui.label(state_note(self._old.version, new.version)).classes("state-note")

    async def _save(self) -> None:
        assert self._form is not None
        self._form.clear()
        who = await self._session.who(Role.ENGINEER)
        device = self._use.device
        try:
            draft = self._form.draft()
            await self._session.services.functions.change_use(who, device.id, draft, device.version)
        except (ConfigError, ConflictError) as error:
            self._form.show_error(error)
            return
        ui.navigate.to(_path(self._use))


def _go(title: str, icon: str, back: str) -> ui.button:
    with ui.element("div").classes("row end form-end"):
        ui.button("Cancel", on_click=lambda: ui.navigate.to(back), color=None).props("flat")
        return ui.button(title, icon=icon)


def _path(use: Use) -> str:
    return use_path(use.device.id)


def _names(tags: list[Tag]) -> dict[int, str]:
    return {tag.id: f"{tag.device} / {tag.config.name}" for tag in tags}


def _wanted(function: PlantFunction, number: str) -> str:
    """The version of the address, else the newest; empty for a built-in."""
    if function.origin is Origin.BUILT_IN:
        return ""
    known: list[FunctionVersion] = list(function.versions)
    return next((item.number for item in known if item.number == number), known[0].number)
