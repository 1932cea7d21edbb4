"""Checks the source while somebody writes it, and shows what is wrong or what it declares."""

from __future__ import annotations

import time

from nicegui import ui

from hub.function_records import Checked, Problem
from hub.records import Role
from hub.ui.components.badge import Badge
from hub.ui.components.editor import CodeEditor
from hub.ui.components.editor_spec import SpecPanel
from hub.ui.notices import explained
from hub.ui.session import Session
from hub.ui.words import plural
from schemas.errors import LoginError, SpindleError

QUIET_S = 0.6
"""So long after the last key the source is checked."""
_TICK_S = 0.15
_SHOWN = 50


class SourceCheck:
    """One check at a time; an answer about a text that is not there any more is dropped."""

    def __init__(self, session: Session, badge: Badge, panel: SpecPanel) -> None:
        self._session = session
        self._badge = badge
        self._panel = panel
        self._editor: CodeEditor | None = None
        self._edited_s = 0.0
        self._known: tuple[str, Checked] | None = None
        self._timer = ui.timer(_TICK_S, self._tick, active=False)
        self._list = ui.element("div").classes("problem-list").props("aria-live=polite")
        self._list.set_visibility(False)

    def begin(self, editor: CodeEditor) -> None:
        """Check this editor's text, from now on."""
        self._editor = editor
        self.edited()
        self._edited_s = 0.0

    def edited(self) -> None:
        self._edited_s = time.monotonic()
        self._badge.show("busy", "Checking …")
        self._timer.activate()

    async def now(self) -> Checked:
        """What is known of the text as it stands, checked at once where that is not known yet."""
        assert self._editor is not None
        source = self._editor.source
        if self._known is not None and self._known[0] == source:
            return self._known[1]
        await self._session.who(Role.ENGINEER)
        found = await self._session.services.functions.check(source)
        if source == self._editor.source:
            self._known = source, found
            self._timer.deactivate()
            self._show(found)
        return found

    async def _tick(self) -> None:
        if time.monotonic() - self._edited_s < QUIET_S:
            return
        self._timer.deactivate()
        assert self._editor is not None
        source = self._editor.source
        with explained():
            try:
                await self.now()
            except LoginError:
                raise
            except SpindleError as error:
                self._badge.show("warn", "Not checked")
                self._problems([Problem(0, f"{error.message} {error.hint}".strip(), 0, "warning")])
        if source != self._editor.source:
            self._timer.activate()

    def _show(self, found: Checked) -> None:
        assert self._editor is not None
        errors = sum(item.level == "error" for item in found.problems)
        rest = len(found.problems) - errors
        if errors:
            self._badge.show("bad", plural(errors, "problem"))
        elif rest:
            self._badge.show("warn", plural(rest, "remark"))
        else:
            self._badge.show("ok", "No problems")
        self._editor.show(found.problems)
        self._problems(found.problems)
        self._panel.show(found.spec)
        if found.spec is not None:
            self._editor.declared(found.spec)

    def _problems(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        self._list.clear()
        self._list.set_visibility(bool(problems))
        with self._list:
            for item in problems[:_SHOWN]:
                self._one(item)

    def _one(self, problem: Problem) -> None:
        button = ui.element("button").classes(f"problem-item {problem.level}")
        with button.props("type=button"):
            ui.icon("error" if problem.level == "error" else "warning").props("aria-hidden=true")
            if problem.line:
                ui.label(f"Line {problem.line}").classes("problem-place")
            ui.label(problem.message).classes("problem-words")
        editor = self._editor
        if editor is not None and problem.line:
            button.on("click", lambda: editor.go(problem.line, problem.column))
