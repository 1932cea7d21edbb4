"""The form of a device with *Test connection*; used to create one and on its tab Settings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui

from hub.functions.steps import check_steps
from hub.records import Device, Spoke
from hub.ui.components.endpoint_finder import EndpointFinder
from hub.ui.components.form import Form
from hub.ui.components.step_list import StepList
from hub.ui.components.test_connection import TestResult
from hub.ui.notices import busy
from hub.ui.session import Session
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.errors import ConfigError, ConfigErrors, ConflictError, SpindleError

Save = Callable[[int, DeviceConfig], Awaitable[None]]
"""Called with the gateway's id and the checked form."""


class DeviceForm:
    def __init__(
        self,
        session: Session,
        spokes: Sequence[Spoke],
        save: Save,
        *,
        device: Device | None = None,
        spoke_id: int = 0,
        tags: Sequence[TagConfig] = (),
    ) -> None:
        self._session = session
        self._save = save
        self._tags = tags
        self._spokes = {spoke.id: spoke for spoke in spokes}
        self._spoke_id = device.spoke_id if device else spoke_id or spokes[0].id
        value = device.config.model_dump(mode="json") if device else None
        with ui.element("section").classes("panel"), ui.element("div").classes("panel-body stack"):
            if device is None:
                self._choose_gateway(spokes)
            self._form = Form(DeviceConfig, value, hidden=("steps",), autofocus=device is None)
            self._finder = EndpointFinder(session, self._form, self._spoke)
            self._steps = StepList((value or {}).get("steps") or (), tags)
            self._result = TestResult()
            with ui.element("div").classes("row"):
                self._save_button = ui.button("Save device", icon="save")
                self._test_button = ui.button("Test connection", icon="cable", color=None)
                self._test_button.props("outline")
                ui.label("The test changes and stores nothing.").classes("muted")
        self._save_button.on_click(self.save)
        self._test_button.on_click(lambda: busy(self._test_button, self._run_test))
        self._form.element.on("keydown.enter", self.save)
        self._form.on_edit(self._result.clear)

    def _choose_gateway(self, spokes: Sequence[Spoke]) -> None:
        names = {
            spoke.id: spoke.name if spoke.online else f"{spoke.name} (offline)" for spoke in spokes
        }
        if self._spoke_id not in names:
            self._spoke_id = spokes[0].id
        choice = ui.select(names, label="Gateway", value=self._spoke_id)
        choice.props('outlined dense stack-label hint="The gateway that reads the device."')
        choice.classes("field gateway-choice").mark("field-gateway")

        def chosen() -> None:
            self._spoke_id = int(choice.value)
            self._result.clear()
            self._finder.clear()

        choice.on_value_change(chosen)

    def _spoke(self) -> Spoke:
        return self._spokes[self._spoke_id]

    async def save(self) -> None:
        await busy(self._save_button, self._run_save)

    async def _run_save(self) -> None:
        self._result.clear()
        plain, steps = self._form.read(), self._steps.read()
        if plain is None or steps is None:
            return
        config = plain.model_copy(update={"steps": steps})
        try:
            await asyncio.to_thread(check_steps, config, self._tags)
            await self._save(self._spoke_id, config)
        except (ConfigError, ConflictError) as error:
            problems = error.problems if isinstance(error, ConfigErrors) else [_at_name(error)]
            rest = self._steps.show(problems)
            if rest:
                self._form.show(rest)

    async def _run_test(self) -> None:
        self._result.clear()
        config = self._form.read()
        if config is None:
            return
        try:
            await self._result.run(self._session, self._spoke_id, config, self._tags)
        except ConfigError as error:
            self._form.show_error(error)


def _at_name(error: SpindleError) -> SpindleError:
    """A conflict without a path is one of the name, unless it is an older version."""
    if isinstance(error, ConflictError) and not error.path and "name" in error.message.lower():
        return ConflictError(error.message, hint=error.hint, path="name")
    return error
