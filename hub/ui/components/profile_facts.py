"""A profile to look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from nicegui import ui

from hub.bulk import Profile
from hub.records import Device
from hub.ui.components.profile_texts import tag_cells, tag_columns
from hub.ui.components.schema import fields_of
from schemas.config.devices import TagConfig

_SHOWN = 200


def profile_facts(profile: Profile) -> None:
    """Description, parameters, settings that are written down, tags."""
    if profile.description:
        ui.label(profile.description)
    parameters = [(item.name, item.title, item.default) for item in profile.parameters]
    _panel("Parameters", ("Parameter", "Title", "Default"), parameters)
    settings = list(_flat(profile.device))
    _panel("Device settings", ("Setting", "Value"), settings)
    columns = tag_columns(profile.tags)
    titles = {spec.name: spec.title for spec in fields_of(TagConfig)}
    rows = [tuple(tag_cells(tag).get(name, "") for name in columns) for tag in profile.tags]
    _panel(f"Tags ({len(rows)})", [titles[name] for name in columns], rows)


def made_devices(devices: Sequence[Device], newest: int) -> None:
    """Links to the devices that were made from a profile; nothing when there are none."""
    if not devices:
        return
    with ui.element("section").classes("panel").mark("made"):
        with ui.element("div").classes("panel-head"):
            ui.html("Devices made from it", tag="h2", sanitize=False)
        with ui.element("div").classes("panel-body made"):
            for device in devices:
                with ui.element("div"):
                    ui.link(device.config.name, f"/devices/{device.id}")
                    older = device.profile_version not in (None, newest)
                    note = f" on {device.spoke}"
                    note += f", version {device.profile_version}" if older else ""
                    ui.html(note, tag="span", sanitize=escape).classes("muted")


def _panel(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with ui.element("section").classes("panel"):
        with ui.element("div").classes("panel-head"):
            ui.html(title, tag="h2", sanitize=False)
        with ui.element("div").classes("scroll"), ui.element("table").classes("plain-table"):
            with ui.element("thead"), ui.element("tr"):
                for text in head:
                    with ui.element("th"):
                        ui.label(text)
            with ui.element("tbody"):
                for row in rows[:_SHOWN]:
                    with ui.element("tr"):
                        for text in row:
                            with ui.element("td"):
                                ui.label(text)
        if len(rows) > _SHOWN:
            ui.label(f"and {len(rows) - _SHOWN} more").classes("muted panel-body")


def _flat(part: Any, path: str = "") -> Iterable[tuple[str, str]]:
    """(place, value) of every setting."""
    if isinstance(part, Mapping):
        for name, item in part.items():
            yield from _flat(item, f"{path}.{name}" if path else str(name))
    elif isinstance(part, list | tuple):
        for number, item in enumerate(part, 1):
            yield from _flat(item, f"{path} {number}")
    elif part not in (None, ""):
        yield path.replace("connection.", ""), str(part)
