"""The options of an import, and which files it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from hub.bulk import ImportOptions
from hub.records import Device
from hub.ui.components.import_rows import template_csv

_EXAMPLES = {"modbus": "HR:0", "s7": "DB1.DBD0", "opcua": "ns=2;s=Filler.Speed", "sim": "wave:1"}
_TABLE = (
    "A first row with the columns' names; name and address are enough. To change many tags at "
    "once, export them, edit the file, import it."
)
_NO_GROUP = "As in the file"
_MAX_DB = 65535


class OptionsBar:
    """`preview` is called when the rows depend on what was changed, `words` otherwise."""

    def __init__(
        self, device: Device, preview: Callable[[], Awaitable[None]], words: Callable[[], None]
    ) -> None:
        groups = ["", *(group.name for group in device.config.groups)]
        with ui.element("div").classes("options"):
            self._remove = ui.switch("Remove tags that the file does not have")
            self._skip = ui.switch("Skip bad rows")
            self._group = ui.select(
                {name: name or _NO_GROUP for name in groups},
                label="Scan group where none is given",
                value="",
            ).props("outlined dense stack-label")
            self._db: ui.number | None = None
            if device.config.connection.driver == "s7":
                self._db = ui.number("DB number (DB sources)", min=1, max=_MAX_DB, precision=0)
                self._db.props("outlined dense stack-label debounce=500")
                self._db.on_value_change(preview)
        self._remove.on_value_change(preview)
        self._group.on_value_change(preview)
        self._skip.on_value_change(words)

    def value(self) -> ImportOptions:
        number = int(self._db.value) if self._db is not None and self._db.value else None
        if number is not None and not 1 <= number <= _MAX_DB:
            number = None
        return ImportOptions(
            bool(self._remove.value), str(self._group.value or ""), number, bool(self._skip.value)
        )


def kinds_of_files(device: Device) -> None:
    """The empty state: which files are understood, and one to start from."""
    driver = device.config.connection.driver
    kinds = [
        (
            "CSV or Excel",
            _TABLE,
        ),
        ("Pasted cells", "Copy the rows with their heading in Excel and press Ctrl+V here."),
        ("Kepware", "In KEPServerEX: right-click the device, Export CSV."),
        (
            "TIA Portal",
            "PLC tags: Export as XLSX or XML. Data blocks: Generate source from blocks (.scl, .db)."
            if driver in ("s7", "opcua")
            else "PLC tag tables (XLSX, XML) and DB sources (.scl, .db), for Siemens devices.",
        ),
    ]
    with ui.element("div").classes("kinds"):
        for title, text in kinds:
            with ui.element("div").classes("panel kind"):
                ui.label(title).classes("kind-title")
                ui.label(text).classes("muted")
    with ui.element("div").classes("row"):
        ui.label("Starting from nothing?").classes("muted")
        ui.button(
            "Template to fill in",
            icon="download",
            on_click=lambda: ui.download(template_csv(_example(driver)), "tags template.csv"),
            color=None,
        ).props("outline dense padding='4px 10px'")


def _example(driver: str) -> dict[str, str]:
    return {
        "name": "Speed",
        "address": _EXAMPLES.get(driver, ""),
        "data_type": "float32",
        "unit": "m/min",
        "scale": "1",
        "offset": "0",
        "group": "",
        "access": "r",
        "description": "Example, replace it",
    }
