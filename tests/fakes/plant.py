"""A believable bottling line: signals as pure functions of time, and its devices and tags."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from schemas.config.devices import DeviceConfig, GroupConfig, TagConfig
from schemas.config.drivers import ModbusConfig, OpcUaConfig, S7Config, SimConfig
from schemas.config.opcua import OpcUaLogin, OpcUaSecurity
from schemas.kinds import Kind
from schemas.quality import Quality

Value = float | int | bool | str | None
STATES = ("Running", "Running", "Running", "Waiting for bottles", "Running", "Running", "Cleaning")
RECIPES = ("Water 0.5 l", "Water 1.0 l", "Lemon 0.5 l")


def _noise(seed: int, step: int) -> float:
    """A repeatable number from -1 to 1."""
    mixed = (seed * 2654435761 + step * 40503 + 12345) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 15)) * 2246822519) & 0xFFFFFFFF
    return ((mixed ^ (mixed >> 13)) & 0xFFFF) / 32767.5 - 1.0


def level(seed: int, middle: float, swing: float, t: float) -> float:
    slow = math.sin(t / (240 + 17 * (seed % 7)) + seed)
    fast = math.sin(t / (19 + seed % 5) + 2 * seed)
    return middle + swing * (0.7 * slow + 0.2 * fast + 0.1 * _noise(seed, int(t * 2)))


def sample(tag: TagConfig, seed: int, t: float) -> tuple[Value, int]:
    """(value, quality) of a tag at the time `t` in seconds."""
    if tag.name == "Torque head 3" and int(t / 40) % 9 == 4:
        return None, Quality.BAD_OUT_OF_RANGE
    if tag.kind is Kind.TEXT:
        words = RECIPES if "recipe" in tag.name.lower() else STATES
        return words[int(t / 95 + seed) % len(words)], Quality.GOOD
    if tag.kind is Kind.BOOL:
        return _noise(seed, int(t / 33)) > -0.55, Quality.GOOD
    if "counter" in tag.description or "Filled" in tag.name:
        return int(t * 8.2) % 2_000_000_000 + seed, Quality.GOOD
    middle, swing = _SCALE.get(tag.unit, (50.0, 20.0))
    value = level(seed, middle, swing, t)
    quality = Quality.UNCERTAIN_CLOCK if "uncertain" in tag.description else Quality.GOOD
    return (round(value) if tag.kind is Kind.INT else round(value, 4)), quality


_SCALE = {
    "bpm": (480.0, 60.0),
    "°C": (72.0, 6.0),
    "bar": (3.2, 0.6),
    "l/min": (240.0, 40.0),
    "Nm": (1.8, 0.3),
    "kW": (38.0, 9.0),
    "%": (62.0, 25.0),
    "mm": (180.0, 4.0),
    "kWh": (84000.0, 10.0),
    "g/l": (0.9, 0.2),
}


def _tag(
    name: str, address: str, kind: str, unit: str = "", note: str = "", **more: Any
) -> TagConfig:
    return TagConfig.model_validate(
        {"name": name, "address": address, "data_type": kind, "unit": unit, "description": note}
        | more
    )


@dataclass(frozen=True)
class Machine:
    spoke: str
    config: DeviceConfig
    tags: tuple[TagConfig, ...]
    state: str = "running"
    error: dict[str, Any] | None = None


def _s7(index: int) -> S7Config:
    return S7Config(host=f"10.20.1.{index}")


def _modbus(index: int, unit_id: int = 1) -> ModbusConfig:
    return ModbusConfig(host=f"10.20.2.{index}", unit_id=unit_id)


_FILLER = (
    _tag("Speed", "DB10.DBD0", "float32", "bpm"),
    _tag("Speed setpoint", "DB10.DBD4", "float32", "bpm", access="rw", write_low=0, write_high=600),
    _tag("Filled bottles", "DB10.DBD8", "int32", "", "counter since commissioning"),
    _tag("Bowl pressure", "DB10.DBD12", "float32", "bar"),
    _tag("Bowl level", "DB10.DBD16", "float32", "%"),
    _tag("Product temperature", "DB10.DBD20", "float32", "°C"),
    _tag("Product flow", "DB10.DBD24", "float32", "l/min"),
    _tag("Running", "DB10.DBX28.0", "bool"),
    _tag("Guard door closed", "DB10.DBX28.1", "bool"),
    _tag("State", "DB10.30:32", "string", "", "as the operator panel shows it"),
    _tag("Recipe", "DB10.70:32", "string", access="rw"),
    _tag("Rinser on", "DB10.DBX28.2", "bool", access="rw"),
)
_CAPPER = (
    *(_tag(f"Torque head {n}", f"DB20.DBD{4 * n}", "float32", "Nm") for n in range(1, 9)),
    _tag("Rejected caps", "DB20.DBW40", "int16", "", "counter, reset each shift"),
    _tag("Running", "DB20.DBX42.0", "bool"),
    _tag("Reference clock", "DB20.DBD44", "float32", "%", "uncertain: clock of the PLC"),
)
_OVEN = (
    *(_tag(f"Zone {n} temperature", f"HR:{2 * n}", "float32", "°C") for n in range(1, 7)),
    _tag("Chain speed", "HR:20", "uint16", "mm"),
    _tag("Heater on", "CO:0", "bool"),
    _tag("Zone 7 temperature", "HR:90", "float32", "°C", "zone 7 was taken out"),
)
_METER = (
    _tag("Active power", "HR:100", "float32", "kW"),
    _tag("Energy", "HR:104", "float32", "kWh"),
    _tag("Load", "HR:108", "float32", "%"),
)
_CIP = (
    _tag("Caustic concentration", "ns=2;s=CIP.Caustic", "float64", "g/l"),
    _tag("Return temperature", "ns=2;s=CIP.ReturnTemp", "float64", "°C"),
    _tag("Step", "ns=2;s=CIP.Step", "string"),
    _tag("Tank level", "ns=2;s=CIP.Level", "float64", "%"),
)
VANISHED_NOTE = "was taken out"
"""In the description of a tag that the device does not know any more."""
VANISHED = {
    "kind": "TagReadError",
    "message": "The device has no holding registers 90 to 91 (exception 2, illegal data address).",
    "hint": "Check the address against the PLC program; the other tags are read on.",
    "path": "",
    "retryable": True,
}
_FAST = (GroupConfig(name="normal", period_ms=50),)
_WASHER = (
    _tag("Lye temperature", "ns=2;s=Washer.Lye", "float64", "°C"),
    _tag("Bottles", "ns=2;s=Washer.Bottles", "int64", "", "counter of good bottles"),
)
_LOST = {
    "kind": "UnreachableError",
    "message": "No connection to 10.20.2.31:502: connection refused.",
    "hint": "Check host, port, cabling and firewall; Spindle keeps trying.",
    "retryable": True,
}
_REFUSED = {
    "kind": "RefusedError",
    "message": "The server refused the user name 'spindle'.",
    "hint": "Check user, password, rack, slot or unit id; Spindle keeps trying slowly.",
    "retryable": True,
}

SPOKES = (
    ("filling-1", "Line 1: filler, capper, labeller; cabinet +A3", True),
    ("utilities", "Energy meters and compressed air", True),
    ("warehouse", "Palletiser and high bay", False),
)
MACHINES = (
    Machine("filling-1", DeviceConfig(name="Filler", connection=_s7(10)), _FILLER),
    Machine(
        "filling-1",
        DeviceConfig(name="Capper", connection=_s7(11), description="8 heads, servo driven"),
        _CAPPER,
    ),
    Machine(
        "filling-1", DeviceConfig(name="Shrink tunnel", connection=_modbus(14), groups=_FAST), _OVEN
    ),
    Machine(
        "filling-1",
        DeviceConfig(name="Labeller", connection=_modbus(31)),
        _METER,
        "waiting",
        _LOST,
    ),
    Machine(
        "filling-1",
        DeviceConfig(
            name="CIP unit",
            connection=OpcUaConfig(
                endpoint="opc.tcp://10.20.1.40:4840",
                security=OpcUaSecurity.NONE,
                login=OpcUaLogin.PASSWORD,
                username="spindle",
                password="secret",
            ),
        ),
        _CIP,
        "refused",
        _REFUSED,
    ),
    Machine(
        "filling-1",
        DeviceConfig(
            name="Bottle washer",
            connection=OpcUaConfig(endpoint="opc.tcp://10.20.1.45:4840"),
        ),
        _WASHER,
    ),
    Machine(
        "utilities",
        DeviceConfig(name="Main meter", connection=_modbus(50)),
        _METER,
    ),
    Machine("utilities", DeviceConfig(name="Meter hall 2", connection=_modbus(50, 2)), _METER),
    Machine(
        "utilities",
        DeviceConfig(name="Old compressor", connection=_modbus(60), enabled=False),
        _METER,
        "off",
    ),
    Machine("utilities", DeviceConfig(name="Trial signals", connection=SimConfig()), ()),
    Machine("warehouse", DeviceConfig(name="Palletiser", connection=_s7(80)), _CAPPER),
)
