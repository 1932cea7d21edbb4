"""Write a function: editor, what it declares, and a trial on stored data."""

from __future__ import annotations

from urllib.parse import quote

from nicegui import ui
from starlette.requests import Request

from hub.function_records import FunctionVersion, Origin, PlantFunction
from hub.records import Role
from hub.ui.components.choice_group import ChoiceGroup
from hub.ui.components.confirm import confirm
from hub.ui.components.editor_page import EditorPage
from hub.ui.components.editor_spec import SpecPanel
from hub.ui.components.editor_templates import FIRST, TEMPLATES
from hub.ui.components.function_upload import upload_dialog
from hub.ui.components.try_panel import TryPanel
from hub.ui.frame import heading
from hub.ui.page import page
from hub.ui.session import Session
from schemas.errors import NotFoundError

_LIST = ("Functions", "/functions")
_NO_SOURCE = {
    Origin.WHEEL: "This version is a wheel: it was written elsewhere and cannot be changed here. "
    "Change it where it was written, and upload the new version.",
    Origin.BUILT_IN: "This function comes with Spindle and cannot be changed. You can try it here.",
}


def register() -> None:
    @page("/functions/new", "New function")
    async def function_new(session: Session, request: Request) -> None:
        session.services.access.require(session.user, Role.ENGINEER)
        wanted = request.query_params.get("template", FIRST)
        template = TEMPLATES.get(wanted, TEMPLATES[FIRST])
        buttons = heading("New function", _LIST)
        with buttons:
            upload = ui.button("Upload a wheel", icon="upload", color=None).props("outline")
            upload.on_click(lambda: upload_dialog(session))
        editing = EditorPage(session, template.source, buttons, _saved)
        with editing.choice:
            _templates(editing, template.key)

    @page("/functions/{name}/edit", "Edit function")
    async def function_edit(session: Session, request: Request) -> None:
        name = str(request.path_params["name"])
        found = await session.services.functions.function(name)
        version = _version(found, request.query_params.get("version", ""))
        ui.page_title(f"Edit {found.name} · Spindle")
        buttons = heading(found.name, _LIST, (found.name, f"/functions/{quote(found.name)}"))
        if not version.source:
            _without_source(session, found, version)
            return
        editing = EditorPage(session, version.source, buttons, _saved, found, version)
        _versions(editing, found, version)


def _version(found: PlantFunction, wanted: str) -> FunctionVersion:
    """Raises NotFoundError."""
    for version in found.versions:
        if version.number == wanted or not wanted:
            return version
    numbers = ", ".join(version.number for version in found.versions)
    raise NotFoundError(f"{found.name} has no version {wanted}.", hint=f"There are {numbers}.")


def _templates(editing: EditorPage, first: str) -> None:
    titles = {item.key: item.title for item in TEMPLATES.values()}
    used = [first]

    def take(key: str) -> None:
        used[0] = key
        choice.set(key)
        editing.start_from(TEMPLATES[key].source)

    def ask() -> None:
        wanted = choice.value
        if not editing.changed:
            take(wanted)
            return
        choice.set(used[0])

        async def replace() -> None:
            take(wanted)

        confirm(
            "Replace what you wrote?",
            f"The template {titles[wanted]} takes the place of the text in the editor.",
            "Replace",
            replace,
        )

    choice = ChoiceGroup(titles, first, "Template", ask)


def _saved(editing: EditorPage, found: PlantFunction) -> None:
    """A version was saved, maybe of a function that was new."""
    _versions(editing, found, found.newest)


def _versions(editing: EditorPage, found: PlantFunction, version: FunctionVersion) -> None:
    """The choice of a version; drawn again after each save."""
    path = f"/functions/{quote(found.name)}/edit"
    numbers = {
        item.number: f"{item.number} (newest)" if item is found.newest else item.number
        for item in found.versions
    }
    editing.choice.clear()
    with editing.choice:
        choice = ui.select(numbers, value=version.number)
        choice.props('outlined dense aria-label="Version"')
    choice.on_value_change(lambda: ui.navigate.to(f"{path}?version={choice.value}"))


def _without_source(session: Session, found: PlantFunction, version: FunctionVersion) -> None:
    with ui.element("div").classes("callout info"):
        ui.label(_NO_SOURCE.get(found.origin, "This version has no source to show."))
    panel = SpecPanel()
    panel.show(version.spec)
    if not session.can(Role.ENGINEER):
        return
    number = "" if found.origin is Origin.BUILT_IN else version.number

    async def ready() -> tuple[str | None, str]:
        return None, number

    TryPanel(session, f"{session.user.name}.{found.name}", ready).show(version.spec)
