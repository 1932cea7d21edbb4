"""Devices as table rows; used on Devices and on a gateway's page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hub.records import Device, Spoke
from hub.ui.components.function_state import at_work, use_path, use_trouble
from hub.ui.components.grid import column, link_column, number_column, state_column
from hub.ui.words import STATE_LEVELS, STATE_WORDS, device_state, plural
from schemas.config.functions import FunctionConfig
from schemas.config.modbus import ModbusConfig
from schemas.messages.health import FunctionHealth

DRIVER_WORDS = {
    "modbus": "Modbus",
    "s7": "Siemens S7",
    "opcua": "OPC UA",
    "sim": "Simulated",
    "function": "Function",
}
DEVICE_COLUMNS = (
    link_column("name", "Device", minWidth=160, flex=2),
    state_column("state", "State", minWidth=165),
    column("problem", "Problem", minWidth=220, flex=3, tooltipField="problem_hint"),
    column("gateway", "Gateway", minWidth=120),
    column("driver", "Driver", minWidth=110),
    column(
        "address",
        "Connection",
        minWidth=170,
        flex=2,
        **{":cellRenderer": "spindle.cells.place"},
    ),
    number_column("tags", "Tags", maxWidth=90),
)


def endpoint_of(device: Device) -> str:
    """Where the device is, as people say it."""
    connection: Any = device.config.connection
    if isinstance(connection, FunctionConfig):
        return at_work(connection)
    if isinstance(connection, ModbusConfig) and connection.transport.serial:
        return f"{connection.serial_port}, unit {connection.unit_id}"
    if hasattr(connection, "endpoint"):
        return str(connection.endpoint)
    if hasattr(connection, "host"):
        return f"{connection.host}:{connection.port}"
    return "built in"


def function_health(spokes: Iterable[Spoke]) -> dict[int, FunctionHealth]:
    """What the gateways say of their functions, by device id."""
    return {item.id: item for spoke in spokes if spoke.health for item in spoke.health.functions}


def device_row(
    device: Device, online: bool, functions: Mapping[int, FunctionHealth] | None = None
) -> dict[str, Any]:
    """`functions` are those of `function_health`."""
    use = isinstance(device.config.connection, FunctionConfig)
    health = (functions or {}).get(device.id) if use else device.health
    state = device_state(health, device.config.enabled, online)
    level, problem, hint = STATE_LEVELS[state], "", ""
    if state == "unknown" and not online:
        problem, hint = "The gateway is offline.", "It reads on and buffers on its disk."
    elif isinstance(health, FunctionHealth):
        problem, hint = use_trouble(health) if state != "off" else ("", "")
        level = "warn" if problem and level == "ok" else level
    elif health is not None and state not in ("off", "unknown"):
        error = health.error or {}
        problem, hint = str(error.get("message", "")), str(error.get("hint", ""))
        if not problem and health.tag_problems:
            level = "warn"
            problem = f"{plural(len(health.tag_problems), 'tag')} without a value"
    return {
        "id": device.id,
        "name": device.config.name,
        "href": f"/devices/{device.id}",
        "state": STATE_WORDS[state],
        "state_href": use_path(device.id) if use else f"/devices/{device.id}/diagnosis",
        "state_level": level,
        "problem": problem,
        "problem_hint": hint,
        "gateway": device.spoke,
        "driver": DRIVER_WORDS.get(
            device.config.connection.driver, device.config.connection.driver
        ),
        "address": endpoint_of(device),
        "address_href": use_path(device.id) if use else "",
        "tags": device.tags,
        "enabled": device.config.enabled,
    }
