"""The dialog that gives a version to uses: to a share of them first, and watched."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui

from hub.function_records import PlantFunction, Use
from hub.functions.versions import same_major
from hub.records import Role
from hub.ui.notices import busy
from hub.ui.session import Session
from hub.ui.words import plural
from schemas.errors import ConfigError, ConfigErrors, SpindleError

WATCHES = {
    60.0: "1 minute",
    600.0: "10 minutes",
    3600.0: "1 hour",
    14_400.0: "4 hours",
    86_400.0: "1 day",
}
_WATCH_S = 600.0
_SHARE = 30


def roll_out_dialog(
    session: Session,
    function: PlantFunction,
    uses: Sequence[Use],
    started: Callable[[], Awaitable[None]],
) -> None:
    """Ask for version, uses, share and watch; `started` is called when it is on its way."""
    with ui.dialog() as dialog, ui.card().classes("dialog middle"):
        ui.label(f"Roll out a version of {function.name}").classes("dialog-title")
        _RollOut(session, function, uses, dialog, started)
    dialog.on("hide", dialog.delete)
    dialog.open()


class _RollOut:
    def __init__(
        self,
        session: Session,
        function: PlantFunction,
        uses: Sequence[Use],
        dialog: ui.dialog,
        started: Callable[[], Awaitable[None]],
    ) -> None:
        self._session = session
        self._name = function.name
        self._uses = {use.device.id: use for use in uses}
        self._dialog = dialog
        self._started = started
        self._boxes: dict[int, ui.checkbox] = {}
        newest = function.newest.number
        titles = {
            item.number: f"{item.number} (newest)" if item.number == newest else item.number
            for item in function.versions
        }
        self._version = ui.select(titles, label="Version", value=newest, on_change=self._told)
        self._version.props("outlined dense stack-label data-field=version").classes("field")
        ui.label("Uses that get it").classes("texts-title")
        with ui.element("div").classes("rollout-uses"):
            for use in uses:
                self._row(use)
        self._problem = ui.label().classes("field-error").props("role=alert")
        with ui.element("div").classes("rollout-share"):
            ui.label("First to").classes("texts-title")
            self._share = ui.slider(min=5, max=100, step=5, value=_SHARE, on_change=self._told)
            self._share.props('aria-label="Share of the uses that get it first, in percent"')
            self._share_words = ui.label().classes("muted num").props("aria-live=polite")
        self._watch = ui.select(WATCHES, label="Watched for", value=_WATCH_S, on_change=self._told)
        self._watch.props("outlined dense stack-label").classes("field")
        self._text = ui.label().classes("dialog-text")
        with ui.element("div").classes("dialog-actions"):
            ui.button("Cancel", on_click=dialog.close, color=None).props("flat")
            self._go = ui.button("Roll out", icon="publish")
        self._go.on_click(lambda: busy(self._go, self._run))
        self._told()

    def _row(self, use: Use) -> None:
        with ui.element("div").classes("rollout-use"):
            name = f"{use.device.config.name} on {use.device.spoke}"
            box = ui.checkbox(name, value=True, on_change=self._told)
            self._boxes[use.device.id] = box
            offline = "" if use.online else ", gateway offline"
            ui.label(f"runs {use.version}{offline}").classes("muted")

    def _chosen(self) -> list[int]:
        """Those that are ticked and do not run the version yet."""
        number = self._version.value
        return [
            device_id
            for device_id, box in self._boxes.items()
            if box.value and self._uses[device_id].version != number
        ]

    def _told(self) -> None:
        """What would happen, in words."""
        chosen, number = self._chosen(), str(self._version.value)
        for device_id, box in self._boxes.items():
            box.set_enabled(self._uses[device_id].version != number)
        first = min(len(chosen), max(1, math.ceil(self._share.value / 100 * len(chosen) - 1e-9)))
        self._share_words.set_text(f"{self._share.value:.0f} %: {first} of {len(chosen)}")
        self._go.set_enabled(bool(chosen))
        self._problem.set_text("")
        if not chosen:
            self._text.set_text(f"All of the chosen uses run {number} already.")
            return
        watch = WATCHES[float(self._watch.value)]
        parts = [f"Version {number} goes to {plural(first, 'use')} now."]
        if first < len(chosen):
            parts.append(f"After {watch} without a fault, the others get it, watched as long.")
        else:
            parts.append(f"They are watched for {watch}.")
        parts.append("A fault takes it back from all of them by itself.")
        anew = [i for i in chosen if not same_major(self._uses[i].version, number)]
        if anew:
            parts.append(f"The state of {plural(len(anew), 'use')} starts anew: another major.")
        self._text.set_text(" ".join(parts))

    async def _run(self) -> None:
        who = await self._session.who(Role.ENGINEER)
        try:
            await self._session.services.functions.roll_out(
                who,
                self._name,
                str(self._version.value),
                self._chosen(),
                self._share.value / 100,
                float(self._watch.value),
            )
        except ConfigError as error:
            self._problem.set_text(" ".join(_words(error)))
            return
        self._dialog.close()
        await self._started()


def _words(error: SpindleError) -> list[str]:
    found = error.problems if isinstance(error, ConfigErrors) else [error]
    return [f"{one.message} {one.hint}".strip() for one in found]
