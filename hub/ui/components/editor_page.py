"""The parts of the editor's page, and how they hang together."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from nicegui import ui

from hub.function_records import FunctionVersion, PlantFunction
from hub.records import Role
from hub.ui.components.badge import Badge
from hub.ui.components.editor import CodeEditor
from hub.ui.components.editor_check import SourceCheck
from hub.ui.components.editor_help import help_panel
from hub.ui.components.editor_save import save_dialog
from hub.ui.components.editor_spec import SpecPanel
from hub.ui.components.try_panel import TryPanel
from hub.ui.notices import busy, show_done
from hub.ui.session import Session
from schemas.errors import ConfigError
from schemas.functions import FunctionSpec

NEW = "new"
_VIEWED = "Only an engineer can change functions: this is to read."


class EditorPage:
    """`function` and `version` are None for a new one. Who is no engineer reads. `saved` is called
    with each version that was saved; `choice` is the place for what to load."""

    def __init__(
        self,
        session: Session,
        source: str,
        buttons: ui.element,
        saved: Callable[[EditorPage, PlantFunction], None],
        function: PlantFunction | None = None,
        version: FunctionVersion | None = None,
    ) -> None:
        self._session = session
        self._saved = saved
        self._function = function
        self._may = session.can(Role.ENGINEER)
        self._trial: TryPanel | None = None
        self._opening(version)
        with ui.element("div").classes("editor-columns"):
            with ui.element("section").classes("panel editor-panel"):
                with ui.element("div").classes("panel-head"):
                    self._badge = Badge("busy", "Checking …")
                    _unsaved_mark()
                    ui.element("div").classes("grow")
                    self.choice = ui.element("div").classes("row")
                    ask = ui.button("Help", icon="help_outline", color=None)
                    ask.props("outline dense padding='4px 10px'")
                _restored_bar()
                self._editor = CodeEditor(
                    source,
                    key=self._key(function.name if function else NEW),
                    base=version.number if version else "",
                    read_only=not self._may,
                    edited=self._edited,
                )
                self._below = ui.element("div")
            with ui.element("div").classes("stack editor-side"):
                self._help = help_panel()
                self._spec = SpecPanel(self._declared)
        ask.on_click(lambda: self._help.set_visibility(not self._help.visible))
        with self._below:
            self._check = SourceCheck(session, self._badge, self._spec)
        if not self._may:
            self._read_only(version)
            return
        with buttons:
            self._buttons()
        name = function.name if function else NEW
        self._trial = TryPanel(session, self._key(name), self._ready, self._editor.go)
        self._check.begin(self._editor)

    @property
    def changed(self) -> bool:
        return self._editor.changed

    def start_from(self, source: str) -> None:
        """Another template."""
        self._editor.start_from(source, self._key(NEW))

    def _opening(self, version: FunctionVersion | None) -> None:
        if not self._may:
            with ui.element("div").classes("callout info"):
                ui.label(_VIEWED)
        elif self._function and version and version is not self._function.newest:
            with ui.element("div").classes("callout info"):
                ui.label(
                    f"This is {version.number}; the newest is {self._function.newest.number}. "
                    "What you save becomes the newest one."
                )

    def _read_only(self, version: FunctionVersion | None) -> None:
        self._badge.show("off", "Read only")
        if version is not None:
            self._spec.show(version.spec)

    def _buttons(self) -> None:
        self._save_button = ui.button("Save version", icon="save", on_click=self._save)
        self._save_button.props('data-press=save title="Ctrl+S"')

    def _key(self, name: str) -> str:
        return f"{self._session.user.name}.{name}"

    def _edited(self) -> None:
        if self._may:
            self._check.edited()

    def _declared(self, spec: FunctionSpec) -> None:
        if self._trial is not None:
            self._trial.show(spec)

    async def _right(self) -> FunctionSpec:
        """What the text declares. Raises ConfigError, with the cursor at its first problem."""
        checked = await self._check.now()
        if checked.spec is not None:
            return checked.spec
        first = next(iter(checked.problems), None)
        if first is None:
            raise ConfigError("The source declares no function.", hint="Start from a template.")
        self._editor.go(first.line, first.column)
        raise ConfigError(f"Line {first.line}: {first.message}", hint="Correct this line first.")

    async def _ready(self) -> tuple[str | None, str]:
        spec = await self._right()
        return self._editor.source, spec.version

    async def _save(self) -> None:
        await busy(self._save_button, self._ask)

    async def _ask(self) -> None:
        spec = await self._right()
        source = self._editor.source
        if self._function is not None and not self._editor.changed:
            show_done(f"{spec.version} is saved; nothing has changed since.")
            return
        known = [item.number for item in self._function.versions] if self._function else []
        save_dialog(spec.name, spec.version, source, known, self._store)

    async def _store(self, source: str, notes: str) -> None:
        who = await self._session.who(Role.ENGINEER)
        saved = await self._session.services.functions.save(who, source, notes)
        if source != self._editor.source:
            self._editor.put(source)
        self._function = saved
        number, path = saved.newest.number, f"/functions/{quote(saved.name)}/edit"
        self._editor.saved(source, self._key(saved.name), number, path, saved.name)
        self._saved(self, saved)
        if self._trial is not None:
            self._trial.rename(self._key(saved.name))
        show_done(f"{saved.name} {number} is saved. Deploy it on its page.")


def _unsaved_mark() -> None:
    with ui.element("span").classes("badge warn hidden").props("data-unsaved role=status"):
        ui.icon("edit_note").props("aria-hidden=true")
        ui.label("Not saved")


def _restored_bar() -> None:
    with ui.element("div").classes("callout info hidden restored").props("data-restored"):
        ui.element("span").props("data-words")
        discard = ui.button("Discard them", icon="undo", color=None).props("flat dense")
        discard.on("click", js_handler="() => spindle.editor.discard()")
