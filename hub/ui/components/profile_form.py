"""The editor of a profile: name, parameters, device settings and tags."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from nicegui import ui

from hub.bulk import Profile
from hub.ui.components.cell_table import CellColumn, CellTable
from hub.ui.components.form import Form
from hub.ui.components.profile_texts import (
    NAME,
    as_json,
    at_row,
    choices_of,
    fits_form,
    of_json,
    parameters_of,
    said,
    tag_cells,
    tag_columns,
    tag_of,
)
from hub.ui.notices import busy
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.errors import ConfigError, ConfigErrors, ConflictError, SpindleError

_PARAMETERS = (
    CellColumn("name", "Parameter", help="Letters, digits and underscores, such as unit_id"),
    CellColumn("title", "Title", help="As the table of devices calls it"),
    CellColumn("default", "Default", help="Taken where the table of devices has nothing"),
)
_TAGS_MOST = 20_000
_CENTRE = "{block: 'center'}"
Save = Callable[[Profile], Awaitable[None]]


class ProfileForm:
    """`save` gets the profile as it was written; its ConfigErrors are shown at their places."""

    def __init__(self, profile: Profile, save: Save) -> None:
        self._profile = profile
        self._save = save
        self._rest = ui.element("div").classes("callout bad").props("role=alert")
        self._rest.set_visibility(False)
        with ui.element("section").classes("panel"), ui.element("div").classes("panel-body fields"):
            self._name = ui.input("Name *", value=profile.name).classes("field")
            self._name.props("outlined dense stack-label maxlength=100 data-field=profile")
            self._about = ui.input("About this profile", value=profile.description).classes("field")
            self._about.props("outlined dense stack-label maxlength=500")
        self._parameters = self._draw_parameters()
        self._json: ui.codemirror | None = None
        self._form: Form[DeviceConfig] | None = None
        self._tags: CellTable | None = None
        self._place = ui.element("div").classes("stack")
        with self._place:
            if fits_form(profile.device):
                self._draw_form(profile.device, profile.tags)
            else:
                self._draw_json(profile.device, profile.tags)
        with ui.element("div").classes("row"):
            text = "Save profile" if profile.id == 0 else "Save as a new version"
            self._go = ui.button(text, icon="save", on_click=self.save)
            self._switch = ui.button(color=None, icon="data_object", on_click=self._other)
            self._switch.props("outline")
        self._switch_words()

    async def save(self) -> None:
        await busy(self._go, self._run)

    async def _run(self) -> None:
        try:
            profile = self._read()
            self._clear()
            await self._save(profile)
        except ConfigErrors as error:
            self._show(error.problems)
        except (ConfigError, ConflictError) as error:
            self._show([error])

    def _read(self) -> Profile:
        """Raises ConfigErrors for JSON that is none."""
        device, tags = self._content()
        return replace(
            self._profile,
            name=str(self._name.value).strip(),
            description=str(self._about.value).strip(),
            driver=str(device.get("connection", {}).get("driver", "")),
            parameters=parameters_of(self._parameters.rows()),
            device=device,
            tags=tags,
        )

    def _content(self) -> tuple[dict[str, Any], tuple[dict[str, Any], ...]]:
        if self._json is not None:
            return of_json(str(self._json.value))
        assert self._form is not None
        assert self._tags is not None
        kept = {k: v for k, v in self._profile.device.items() if k in (NAME, "enabled")}
        rows = [row for row in self._tags.rows() if any(row.values())]
        return {**kept, **self._form.value()}, tuple(tag_of(row) for row in rows)

    # --- places -------------------------------------------------------------------------
    def _draw_parameters(self) -> CellTable:
        rows = [
            {"name": item.name, "title": item.title, "default": item.default}
            for item in self._profile.parameters
        ]
        return _panel(
            "Parameters",
            "What differs from device to device. Write {host} or {unit_id} in any field below, "
            "also inside a text: the table of devices fills it in.",
            lambda: CellTable(_PARAMETERS, rows, label="Parameters", most=50),
            "Add parameter",
        )

    def _draw_form(self, device: dict[str, Any], tags: tuple[dict[str, Any], ...]) -> None:
        with ui.element("section").classes("panel"):
            with ui.element("div").classes("panel-head"):
                ui.html("Device settings", tag="h2", sanitize=False)
            with ui.element("div").classes("panel-body"):
                self._form = Form(DeviceConfig, device, hidden=(NAME, "enabled", "steps"))
        columns = [_tag_column(name) for name in tag_columns(tags)]
        rows = [tag_cells(tag) for tag in tags]
        self._tags = _panel(
            f"Tags ({len(tags)})",
            "Every device gets these. Cells can be pasted from Excel.",
            lambda: CellTable(columns, rows, label="Tags", most=_TAGS_MOST, fill=len(rows) > 12),
            "Add tag",
        )

    def _draw_json(self, device: dict[str, Any], tags: tuple[dict[str, Any], ...]) -> None:
        with ui.element("section").classes("panel"):
            with ui.element("div").classes("panel-head"):
                ui.html("Device settings and tags as JSON", tag="h2", sanitize=False)
            with ui.element("div").classes("panel-body"):
                self._json = ui.codemirror(as_json(device, tags), language="JSON").classes("code")

    def _other(self) -> None:
        """Between form and JSON, with what was written."""
        try:
            device, tags = self._content()
        except ConfigErrors as error:
            self._show(error.problems)
            return
        if self._json is not None and not fits_form(device):
            text = "A parameter stands where the form has a switch or a choice."
            self._show([ConfigError(text, hint="Stay with JSON, or take it out.")])
            return
        self._clear()
        to_json = self._json is None
        self._json, self._form, self._tags = None, None, None
        self._place.clear()
        with self._place:
            (self._draw_json if to_json else self._draw_form)(device, tags)
        self._switch_words()

    def _switch_words(self) -> None:
        self._switch.set_text("Edit as JSON" if self._json is None else "Edit as form")

    # --- problems -------------------------------------------------------------------------
    def _clear(self) -> None:
        self._name.error = None
        self._rest.set_visibility(False)
        self._parameters.clear_problems()
        if self._form is not None:
            self._form.clear()
        if self._tags is not None:
            self._tags.clear_problems()

    def _show(self, problems: Sequence[SpindleError]) -> None:
        """Each at its place; what has none comes on top."""
        self._clear()
        rest: list[SpindleError] = []
        device: list[SpindleError] = []
        cells: dict[str, list[tuple[int, str, str]]] = {"parameters": [], "tags": []}
        for problem in problems:
            table = problem.path.partition(".")[0]
            found = at_row(problem, table) if table in cells else None
            if problem.path == NAME:
                self._name.error = said(problem)
            elif found and not (table == "tags" and self._tags is None):
                cells[table].append(found)
            elif table == "device" and self._form is not None and problem.path != "device":
                device.append(problem)
            else:
                rest.append(problem)
        self._parameters.show(cells["parameters"])
        if self._tags is not None:
            self._tags.show(cells["tags"])
        if self._form is not None and device:
            self._form.show(device)
        self._say(
            rest,
            [f"Parameter {row + 1}: {text}" for row, _, text in cells["parameters"]]
            + [f"Tag {row + 1}: {text}" for row, _, text in cells["tags"]],
        )

    def _say(self, rest: list[SpindleError], rows: list[str]) -> None:
        lines = [f"{item.path}: {said(item)}" if item.path else said(item) for item in rest]
        lines += rows
        self._rest.clear()
        self._rest.set_visibility(bool(lines))
        with self._rest:
            for line in lines[:20]:
                ui.label(line)
            if len(lines) > 20:
                ui.label(f"and {len(lines) - 20} more")
        if lines:
            ui.run_javascript(f"getHtmlElement({self._rest.id}).scrollIntoView({_CENTRE})")


def _panel(title: str, text: str, table: Callable[[], CellTable], add: str) -> CellTable:
    """A table to fill in with its title and buttons."""
    with ui.element("section").classes("panel"):
        with ui.element("div").classes("panel-head"):
            ui.html(title, tag="h2", sanitize=False)
            ui.label(text).classes("panel-note")
            bar = ui.element("div").classes("row")
        made = table()
    with bar:
        ui.button("Delete ticked", icon="delete", on_click=made.remove_ticked, color=None).props(
            "outline dense padding='4px 10px'"
        ).classes("danger")
        ui.button(add, icon="add", on_click=made.add_empty, color=None).props(
            "outline dense padding='4px 10px'"
        )
    return made


def _tag_column(name: str) -> CellColumn:
    title = TagConfig.model_fields[name].title or name
    wide = 2 if name in (NAME, "address") else 1
    return CellColumn(name, title, choices=choices_of(name), flex=wide)
