"""Devices as table rows; used on Devices and on a gateway's page."""

from __future__ import annotations

from typing import Any

from hub.records import Device
from hub.ui.components.grid import column, link_column, number_column, state_column
from hub.ui.words import STATE_LEVELS, STATE_WORDS, device_state, plural
from schemas.config.modbus import ModbusConfig

DRIVER_WORDS = {"modbus": "Modbus", "s7": "Siemens S7", "opcua": "OPC UA", "sim": "Simulated"}
DEVICE_COLUMNS = (
    link_column("name", "Device", minWidth=160, flex=2),
    state_column("state", "State", minWidth=165),
    column("problem", "Problem", minWidth=220, flex=3, tooltipField="problem_hint"),
    column("gateway", "Gateway", minWidth=120),
    column("driver", "Driver", minWidth=110),
    column("address", "Connection", minWidth=170, flex=2),
    number_column("tags", "Tags", maxWidth=90),
)


def endpoint_of(device: Device) -> str:
    """Where the device is, as people say it."""
    connection: Any = device.config.connection
    if isinstance(connection, ModbusConfig) and connection.transport.serial:
        return f"{connection.serial_port}, unit {connection.unit_id}"
    if hasattr(connection, "endpoint"):
        return str(connection.endpoint)
    if hasattr(connection, "host"):
        return f"{connection.host}:{connection.port}"
    return "built in"


def device_row(device: Device, online: bool) -> dict[str, Any]:
    state = device_state(device.health, device.config.enabled, online)
    level, problem, hint = STATE_LEVELS[state], "", ""
    if state == "unknown" and not online:
        problem, hint = "The gateway is offline.", "It reads on and buffers on its disk."
    elif device.health is not None and state not in ("off", "unknown"):
        error = device.health.error or {}
        problem, hint = str(error.get("message", "")), str(error.get("hint", ""))
        if not problem and device.health.tag_problems:
            level = "warn"
            problem = f"{plural(len(device.health.tag_problems), 'tag')} without a value"
    return {
        "id": device.id,
        "name": device.config.name,
        "href": f"/devices/{device.id}",
        "state": STATE_WORDS[state],
        "state_href": f"/devices/{device.id}/diagnosis",
        "state_level": level,
        "problem": problem,
        "problem_hint": hint,
        "gateway": device.spoke,
        "driver": DRIVER_WORDS.get(
            device.config.connection.driver, device.config.connection.driver
        ),
        "address": endpoint_of(device),
        "tags": device.tags,
        "enabled": device.config.enabled,
    }
