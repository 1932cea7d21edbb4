"""*Try*: run a function on stored values, also one that is not saved yet."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from nicegui import ui

from hub.records import Role
from hub.ui.components.progress_line import ProgressLine
from hub.ui.components.try_form import TryForm
from hub.ui.components.try_range import TimeRange
from hub.ui.components.try_result import TryResult
from hub.ui.notices import busy, explained, show_error
from hub.ui.session import Session
from schemas.errors import ConfigError, NotFoundError
from schemas.functions import FunctionSpec

Ready = Callable[[], Awaitable[tuple[str | None, str]]]
"""(source or None, version) of what is to be tried. Raises ConfigError while it has problems."""


class TryPanel:
    """`key` names what was chosen last in this browser."""

    def __init__(
        self, session: Session, key: str, ready: Ready, go: Callable[[int], None] | None = None
    ) -> None:
        self._session = session
        self._key = key
        self._ready = ready
        self._scope: asyncio.Timeout | None = None
        with ui.element("section").classes("panel try"):
            with ui.element("div").classes("panel-head"):
                ui.html("Try on stored data", tag="h2", sanitize=False)
                ui.label("Nothing is stored and nothing is written.").classes("muted")
            with ui.element("div").classes("panel-body stack"):
                self._draw(go)
        ui.timer(0, self._load, once=True)

    def _draw(self, go: Callable[[int], None] | None) -> None:
        self._form = TryForm(self._session, self._edited)
        with ui.element("div").classes("row try-go"):
            self._range = TimeRange()
            self._go = ui.button("Run", icon="play_arrow").props("data-press=run")
            self._go.props('title="Ctrl+Enter"')
            self._record = ui.button("Save as recorded data", icon="download", color=None)
            self._record.props("outline")
            ui.label("Ctrl+Enter runs. Recorded data is for spindle-udf run --replay.").classes(
                "muted"
            )
        self._line = ProgressLine(self._cancel)
        self._result = TryResult(go)
        self._go.on_click(lambda: busy(self._go, self._run))
        self._record.on_click(lambda: busy(self._record, self._save))

    def show(self, spec: FunctionSpec) -> None:
        """What is to be tried declares this now."""
        self._form.show(spec)

    def rename(self, key: str) -> None:
        """What is chosen counts for this function from now on."""
        self._key = key
        self._keep()

    async def _load(self) -> None:
        with explained():
            key = json.dumps(self._key)
            try:
                found = await ui.run_javascript(f"return spindle.trial.choice({key})", timeout=5.0)
            except TimeoutError:
                found = None  # the page is gone, or its browser is busy
            choice = found if isinstance(found, dict) else {}
            if self._result.element.is_deleted:
                return
            self._range.choose(int(choice.get("range") or 0) or self._range.seconds)
            await self._form.load(choice)

    def _keep(self) -> None:
        choice = {**self._form.choice(), "range": self._range.seconds}
        ui.run_javascript(f"spindle.trial.keep({json.dumps(self._key)}, {json.dumps(choice)})")

    def _edited(self) -> None:
        self._result.element.classes("old")

    def _cancel(self) -> None:
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(asyncio.get_running_loop().time())

    async def _run(self) -> None:
        if self._scope is not None:
            return
        await self._session.who(Role.ENGINEER)
        source, version = await self._ready()
        self._form.clear()
        if not self._form.whole():
            return
        try:
            draft = self._form.draft(version)
            start_ns, end_ns = await self._range.read()
            self._keep()
            self._line.start("Running on stored values:")
            async with asyncio.timeout(None) as self._scope:
                trial = await self._session.services.functions.try_out(
                    draft, start_ns, end_ns, source, self._line.tell
                )
        except TimeoutError:
            return  # cancelled by the button
        except (ConfigError, NotFoundError) as error:
            for rest in self._form.show_error(error):
                show_error(rest)
            return
        finally:
            self._scope = None
            self._line.end()
        if not self._result.element.is_deleted:
            self._result.element.classes(remove="old")
            self._result.show(trial, start_ns, end_ns)

    async def _save(self) -> None:
        await self._session.who(Role.ENGINEER)
        _, version = await self._ready()
        if not self._form.whole():
            return
        try:
            draft = self._form.draft(version)
            start_ns, end_ns = await self._range.read()
            content = await self._session.services.functions.record(draft, start_ns, end_ns)
        except (ConfigError, NotFoundError) as error:
            for rest in self._form.show_error(error):
                show_error(rest)
            return
        self._keep()
        ui.download.content(content, f"{draft.function} recorded.csv", "text/csv")
