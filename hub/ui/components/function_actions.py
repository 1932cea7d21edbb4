"""What an engineer does with a use: take back, start again, switch, change, delete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from nicegui import ui

from hub.function_records import Use
from hub.functions.use_edits import draft_of
from hub.functions.versions import same_major
from hub.records import Role, User
from hub.ui.components.confirm import confirm
from hub.ui.components.function_state import use_path
from hub.ui.components.function_words import function_of
from hub.ui.notices import busy, show_done
from hub.ui.session import Session
from hub.ui.words import plural


class UseActions:
    """Buttons in the page's heading; `changed` is called after each of them."""

    def __init__(self, session: Session, use: Use, changed: Callable[[], Awaitable[None]]) -> None:
        self._session = session
        self._use = use
        self._changed = changed
        self._switch = self._button("Switch off", "power_settings_new", self._ask_switch)
        self._button("Delete", "delete", self._ask_delete).classes("danger")
        self._back = self._button("Roll back", "undo", self._ask_back)
        path = f"{use_path(use.device.id)}/change"
        ui.button("Change", icon="edit", on_click=lambda: ui.navigate.to(path), color=None).props(
            "outline"
        )
        self._start = ui.button("Start again", icon="play_arrow")
        self._start.on_click(lambda: busy(self._start, self._start_again))
        self.show(use)

    def show(self, use: Use) -> None:
        """The use as it is now."""
        self._use = use
        enabled = use.device.config.enabled
        self._switch.set_text("Switch off" if enabled else "Switch on")
        self._back.set_visibility(bool(use.previous))
        self._back.set_text(f"Roll back to {use.previous}")
        stopped = use.health is not None and use.health.state == "stopped"
        self._start.set_visibility(stopped and enabled and use.online)

    def _button(self, title: str, icon: str, work: Callable[[], object]) -> ui.button:
        return ui.button(title, icon=icon, on_click=work, color=None).props("outline")

    async def _do(self, work: Callable[[User], Awaitable[object]], done: str) -> None:
        await work(await self._session.who(Role.ENGINEER))
        show_done(done)
        await self._changed()

    async def _start_again(self) -> None:
        functions = self._session.services.functions
        device_id = self._use.device.id
        await self._do(lambda who: functions.start_again(who, device_id), "Started again.")

    def _ask_back(self) -> None:
        use, functions = self._use, self._session.services.functions
        state = "It goes on with its state."
        if not same_major(use.version, use.previous):
            state = "The major number is another one, so its state starts anew."

        async def work() -> None:
            await self._do(
                lambda who: functions.roll_back(who, use.device.id),
                f"Rolled back to {use.previous}.",
            )

        confirm(
            f"Roll back to {use.previous}?",
            f"Version {use.previous} runs again in place of {use.version}, with the parameters and "
            f"inputs that it had. {state}",
            "Roll back",
            work,
        )

    async def _ask_switch(self) -> None:
        if not self._use.device.config.enabled:
            await busy(self._switch, self._toggle)
            return
        confirm(
            f"Switch off {self._use.device.config.name}?",
            f"Its {plural(self._use.device.tags, 'tag')} get no new values until somebody switches "
            "it on again.",
            "Switch off",
            self._toggle,
        )

    async def _toggle(self) -> None:
        functions = self._session.services.functions
        now = await functions.use(self._use.device.id)
        enabled = not now.device.config.enabled
        draft = replace(draft_of(now.device.config), enabled=enabled)
        await self._do(
            lambda who: functions.change_use(who, now.device.id, draft, now.device.version),
            "Switched on." if enabled else "Switched off.",
        )

    def _ask_delete(self) -> None:
        device = self._use.device

        async def work() -> None:
            who = await self._session.who(Role.ENGINEER)
            await self._session.services.fleet.delete_device(who, device.id)
            ui.navigate.to(f"/functions/{function_of(self._use).function}")

        confirm(
            f"Delete {device.config.name}?",
            f"The function stops there, and its {plural(device.tags, 'tag')} are deleted. Stored "
            "values stay in SQL.",
            "Delete use",
            work,
            type_name=device.config.name,
        )
