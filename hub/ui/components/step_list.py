"""The steps of a device: built-ins that change values before they are stored, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nicegui import ui
from pydantic import ValidationError

from hub.ui.components.step_row import StepRow
from schemas.config.base import explain
from schemas.config.devices import TagConfig
from schemas.config.functions import StepConfig
from schemas.errors import ConfigError, SpindleError

PATH = "steps"
_TEXT = (
    "They change values before they are stored, one after the other: after scale and clamp of the "
    "tag, before its deadband. The raw value is then not kept: where you need both, deploy a "
    "function in its place."
)


class StepList:
    """`tags` are those of the device, empty for one that is new."""

    def __init__(self, steps: Sequence[Mapping[str, Any]], tags: Sequence[TagConfig]) -> None:
        self._tags = tags
        self._rows: list[StepRow] = []
        with ui.element("fieldset").classes("fields-section steps-section").mark("steps"):
            ui.label("Steps").classes("section-title")
            ui.label(_TEXT).classes("help")
            self._place = ui.element("div").classes("step-rows")
            self._error = ui.label().classes("field-error").props("role=alert")
            self._error.set_visibility(False)
            ui.button("Add step", icon="add", on_click=self._add).props("flat dense no-caps")
        for step in steps:
            self._add(step)

    def read(self) -> tuple[StepConfig, ...] | None:
        """The steps; None when there are errors, which are then shown at their fields."""
        self.clear()
        found: list[StepConfig] = []
        problems: list[SpindleError] = []
        for number, row in enumerate(self._rows):
            try:
                found.append(StepConfig.model_validate(row.value()))
            except ValidationError as error:
                problems += explain(error, f"{PATH}.{number}")
            except ConfigError as error:
                error.path = f"{PATH}.{number}.{error.path}"
                problems.append(error)
        if problems:
            self.show(problems)
            return None
        return tuple(found)

    def show(self, problems: Iterable[SpindleError]) -> list[SpindleError]:
        """Each at its place; what is not about steps is returned."""
        rest: list[SpindleError] = []
        shown = False
        for problem in problems:
            head, _, path = problem.path.partition(".")
            if head != PATH:
                rest.append(problem)
                continue
            shown = True
            number, _, _ = path.partition(".")
            if number.isdigit() and int(number) < len(self._rows):
                self._rows[int(number)].show(problem, f"{PATH}.{number}.")
            else:
                self._error.set_text(problem.message)
                self._error.set_visibility(True)
        if shown:
            ui.run_javascript(f"spindle.firstError({self._place.id})")
        return rest

    def clear(self) -> None:
        self._error.set_visibility(False)
        for row in self._rows:
            row.clear()

    def _add(self, step: Mapping[str, Any] | None = None) -> None:
        start = step if isinstance(step, Mapping) else {}
        with self._place:
            row = StepRow(start, self._tags, self._move, self._remove)
        self._rows.append(row)
        self._number()

    def _remove(self, row: StepRow) -> None:
        self._rows.remove(row)
        row.element.delete()
        self._number()

    def _move(self, row: StepRow, by: int) -> None:
        at = self._rows.index(row) + by
        if 0 <= at < len(self._rows):
            self._rows.remove(row)
            self._rows.insert(at, row)
            row.element.move(target_index=at)
            self._number()

    def _number(self) -> None:
        for number, row in enumerate(self._rows, 1):
            row.set_number(number, len(self._rows))
