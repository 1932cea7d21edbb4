"""The form of one tag: what everybody fills in, and the rest folded by purpose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.records import Device
from hub.ui.components.form import Form
from hub.ui.components.form_nodes import Section
from hub.ui.components.function_state import is_use
from hub.ui.components.schema import FieldKind, FieldSpec
from schemas.config.devices import Access, TagConfig
from schemas.kinds import DataType, Kind

ADDRESS_HELP = {
    "modbus": "For example HR:0 (holding), IR:10 (input), CO:3 (coil), DI:0, or 40001.",
    "s7": "For example DB1.DBD10, DB1.DBX0.3, MW20, I0.1.",
    "opcua": "The node id, for example ns=2;s=Filler.Speed.",
    "sim": "wave, ramp, counter, square or state, with a seed if you like: wave:7.",
}
AS_IT_IS, FACTOR, LINEAR = "As the PLC has it", "Scale and offset", "Linear range"
_SCALING = FieldSpec(
    "scaling",
    "Scaling",
    FieldKind.CHOICE,
    help="From the number in the PLC to the unit that people read.",
    default=AS_IT_IS,
    choices=(AS_IT_IS, FACTOR, LINEAR),
)
_SECTIONS = (
    Section(
        "Scaling and range",
        ("scaling", "scale", "offset", "raw_low", "raw_high", "low", "high", "clamp"),
    ),
    Section("Writing", ("access", "write_low", "write_high")),
    Section("Deadband and storage", ("deadband", "deadband_kind", "store")),
)
_NUMBERS = [item.value for item in DataType if item.kind not in (Kind.BOOL, Kind.TEXT)]
_NUMBER = {"data_type": _NUMBERS}
_WHEN: Mapping[str, Mapping[str, list[str]]] = {
    "scaling": _NUMBER,
    "scale": {**_NUMBER, "scaling": [FACTOR]},
    "offset": {**_NUMBER, "scaling": [FACTOR]},
    "raw_low": {**_NUMBER, "scaling": [LINEAR]},
    "raw_high": {**_NUMBER, "scaling": [LINEAR]},
    "low": _NUMBER,
    "high": _NUMBER,
    "clamp": _NUMBER,
    "deadband": _NUMBER,
    "deadband_kind": _NUMBER,
    "write_low": {**_NUMBER, "access": [Access.READ_WRITE.value]},
    "write_high": {**_NUMBER, "access": [Access.READ_WRITE.value]},
}


_CALCULATED = ("name", "unit", "description", "low", "high", "store")
"""Fields of a tag that a function makes; the rest is as the function says."""


def tag_form(device: Device, value: Mapping[str, Any]) -> Form[TagConfig]:
    """The form of a tag of this device, filled from `value` (a TagConfig as a JSON map)."""
    driver = device.config.connection.driver
    if is_use(device):
        kept = [name for name in TagConfig.model_fields if name not in _CALCULATED]
        return Form(TagConfig, value, hidden=kept, autofocus=True)
    return Form(
        TagConfig,
        {**value, "scaling": scaling_of(value)},
        choices={"group": [group.name for group in device.config.groups]},
        help_texts={
            "address": ADDRESS_HELP.get(driver, ""),
            "raw_low": "The PLC's number at the lower end of the range.",
            "raw_high": "The PLC's number at its upper end.",
        },
        sections=_SECTIONS,
        extra=(_SCALING,),
        when=_WHEN,
        only_shown=True,
        autofocus=True,
    )


def scaling_of(value: Mapping[str, Any]) -> str:
    """Which kind of scaling a tag has now."""
    if value.get("raw_low") is not None or value.get("raw_high") is not None:
        return LINEAR
    plain = value.get("scale", 1.0) == 1.0 and value.get("offset", 0.0) == 0.0
    return AS_IT_IS if plain else FACTOR
