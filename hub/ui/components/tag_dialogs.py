"""Dialogs around tags: one tag, and many by paste."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from nicegui import ui

from hub.records import Device, Role, Tag
from hub.ui.components.badge import Badge
from hub.ui.components.paste import PastedLine, parse
from hub.ui.components.tag_form import tag_form
from hub.ui.notices import busy, show_done
from hub.ui.session import Session
from hub.ui.words import plural
from schemas.errors import ConfigError, ConflictError

_SHOWN = 200
_EXAMPLES = {
    "modbus": "Speed, HR:0, float32, bpm\nFilled, HR:2, uint32, bottles",
    "s7": "Speed, DB1.DBD0, real, bpm\nFilled, DB1.DBD4, dint, bottles",
    "opcua": "Speed\tns=2;s=Filler.Speed\tfloat64\tbpm",
    "sim": "Speed, wave:1, float32, bpm\nFilled, counter, int64, bottles",
}
Saved = Callable[[], Awaitable[None]]


def edit_tag(
    session: Session, device: Device, saved: Saved, tag: Tag | None = None, *, clone: bool = False
) -> None:
    """Create a tag, change `tag`, or with `clone` create a copy of it."""
    value: dict[str, Any] = tag.config.model_dump(mode="json") if tag else {}
    if clone:
        value["name"] = f"{value['name']} copy"
    change = tag if tag is not None and not clone else None
    with ui.dialog() as dialog, ui.card().classes("dialog wide"):
        ui.label("Change tag" if change else "Add tag").classes("dialog-title")
        form = tag_form(device, value)
        with ui.element("div").classes("dialog-actions"):
            ui.button("Cancel", on_click=dialog.close, color=None).props("flat")
            save = ui.button("Save tag")

    async def work() -> None:
        config = form.read()
        if config is None:
            return
        who = await session.who(Role.ENGINEER)
        fleet = session.services.fleet
        try:
            if change is not None:
                await fleet.update_tag(who, change.id, config)
            else:
                await fleet.create_tags(who, device.id, [config])
        except (ConfigError, ConflictError) as error:
            form.show_error(error)
            return
        dialog.close()
        show_done(f"Tag {config.name} saved.")
        await saved()

    async def run() -> None:
        await busy(save, work)

    save.on_click(run)
    form.element.on("keydown.enter", run)
    dialog.open()


def add_many(session: Session, device: Device, names: Collection[str], saved: Saved) -> None:
    """Paste lines, see every problem, then save all or none."""
    driver = device.config.connection.driver
    with ui.dialog() as dialog, ui.card().classes("dialog wide"):
        ui.label("Add many tags").classes("dialog-title")
        ui.label(
            "Paste lines from a spreadsheet or a CSV file: name, address, type, unit. "
            "A first line with column names may name every field of a tag, for example scale, "
            "offset, low, high, access, group or description."
        ).classes("dialog-text")
        area = ui.textarea(placeholder=_EXAMPLES.get(driver, "")).props(
            'outlined autofocus input-style="min-height:130px" aria-label="Lines" debounce=300'
        )
        area.classes("mono").mark("paste")
        summary = ui.label().classes("muted").props("aria-live=polite")
        preview = ui.element("div")
        with ui.element("div").classes("dialog-actions"):
            ui.button("Cancel", on_click=dialog.close, color=None).props("flat")
            save = ui.button("Save tags")
    save.disable()
    lines: list[PastedLine] = []

    def check() -> None:
        lines[:] = parse(area.value or "", device.config.connection, names)
        wrong = sum(bool(line.problems) for line in lines)
        save.set_enabled(bool(lines) and not wrong)
        text = plural(len(lines), "line") if lines else ""
        if lines:
            text += f", {wrong} with problems: correct them above." if wrong else ", all good."
        summary.set_text(text)
        _preview(preview, lines)

    async def work() -> None:
        who = await session.who(Role.ENGINEER)
        tags = [line.tag for line in lines if line.tag is not None]
        made = await session.services.fleet.create_tags(who, device.id, tags)
        dialog.close()
        show_done(f"{plural(len(made), 'tag')} added.")
        await saved()

    area.on_value_change(check)
    save.on_click(lambda: busy(save, work))
    dialog.open()


def _preview(place: ui.element, lines: list[PastedLine]) -> None:
    """Lines with problems first, so that they are in view."""
    place.clear()
    if not lines:
        return
    ordered = sorted(lines, key=lambda line: not line.problems)
    with place, ui.element("div").classes("scroll"), ui.element("table").classes("plain-table"):
        with ui.element("thead"), ui.element("tr"):
            for title in ("Line", "Name", "Address", "Type", "Unit", "Check"):
                with ui.element("th"):
                    ui.label(title)
        with ui.element("tbody"):
            for line in ordered[:_SHOWN]:
                _preview_line(line)
    if len(ordered) > _SHOWN:
        with place:
            ui.label(f"and {len(ordered) - _SHOWN} more lines").classes("muted")


def _preview_line(line: PastedLine) -> None:
    kind = line.tag.data_type.value if line.tag else line.cells.get("data_type", "")
    texts = (
        str(line.number),
        line.cells.get("name", ""),
        line.cells.get("address", ""),
        kind,
        line.cells.get("unit", ""),
    )
    with ui.element("tr"):
        for text in texts:
            with ui.element("td"):
                ui.label(text)
        with ui.element("td"):
            if not line.problems:
                Badge("ok", "good")
            for problem in line.problems:
                ui.label(problem).classes("field-error")
