"""Export and Import beside the tags of a device."""

from __future__ import annotations

from nicegui import ui

from hub.records import Device, Role
from hub.ui.notices import busy
from hub.ui.session import Session

_FORMATS = {"csv": ("CSV", "table_rows"), "xlsx": ("Excel", "grid_on")}


def tag_file_buttons(
    session: Session, device: Device, *, imports: bool = True, dense: bool = False
) -> None:
    """*Export* for everybody; *Import* for engineers, unless this is the page where it leads."""
    look = "outline dense padding='4px 10px'" if dense else "outline"
    button = ui.button("Export", icon="download", color=None).props(look)
    with button, ui.menu().props("auto-close"):
        for file_format, (title, icon) in _FORMATS.items():

            async def work(file_format: str = file_format) -> None:
                await busy(button, lambda: _download(session, device, file_format))

            with ui.menu_item(on_click=work):
                ui.icon(icon).classes("menu-icon")
                ui.label(title)
    if imports and session.can(Role.ENGINEER):
        ui.button(
            "Import",
            icon="upload_file",
            on_click=lambda: ui.navigate.to(f"/devices/{device.id}/import"),
            color=None,
        ).props(look)


async def _download(session: Session, device: Device, file_format: str) -> None:
    await session.who(Role.VIEWER)
    content = await session.services.tag_files.export_tags(device.id, file_format)
    ui.download(content, f"{_file_name(device.config.name)} tags.{file_format}")


def _file_name(name: str) -> str:
    """Without what file systems refuse."""
    return "".join(char if char.isalnum() or char in " -_.()" else "_" for char in name)
