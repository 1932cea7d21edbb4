"""A function at work, in words: as a device, and as a problem. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hub.records import Device, Spoke
from hub.ui.components.problems import Problem
from hub.ui.words import STATE_WORDS, device_state, plural
from schemas.config.functions import FunctionConfig
from schemas.messages.health import FunctionHealth

_STOPPED = "It had too many faults and stays stopped until somebody starts it again."
_FAULTY = "Its outputs are uncertain while it is taken out. Open it and look at the line."


def is_use(device: Device) -> bool:
    """Whether this device is a function at work."""
    return isinstance(device.config.connection, FunctionConfig)


def at_work(config: FunctionConfig) -> str:
    """`level_trend 1.2.0`; a built-in has no version of its own."""
    return f"{config.function} {config.version or '(built-in)'}"


def use_path(device_id: int) -> str:
    return f"/functions/uses/{device_id}"


def use_trouble(health: FunctionHealth) -> tuple[str, str]:
    """(message, hint), both empty while all is well."""
    fault = health.fault or {}
    line = f"Line {fault['line']}: " if fault.get("line") else ""
    message = f"{line}{fault.get('message', '')}"
    if health.state == "stopped":
        return message or "It is stopped.", _STOPPED
    if health.faults:
        return f"{plural(health.faults, 'fault')} in ten minutes. {message}".strip(), _FAULTY
    return "", ""


def use_problems(spokes: Sequence[Spoke], devices: Iterable[Device]) -> list[Problem]:
    """Functions that are stopped, refused or have faults, for the overview."""
    known = {item.id: item for spoke in spokes if spoke.health for item in spoke.health.functions}
    online = {spoke.id for spoke in spokes if spoke.online}
    found = []
    for device in devices:
        health = known.get(device.id)
        if not is_use(device) or health is None or device.spoke_id not in online:
            continue
        state = device_state(health, device.config.enabled)
        message, hint = use_trouble(health)
        if state == "off" or not message:
            continue
        level, word = ("warn", "Faults") if state == "running" else ("bad", STATE_WORDS[state])
        title = f"{device.config.name} ({device.spoke})"
        since_ns = health.since_ns if level == "bad" else 0
        found.append(Problem(level, word, title, use_path(device.id), message, hint, since_ns))
    return found
