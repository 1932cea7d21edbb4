"""How numbers, sizes and times read on a page. Pure functions."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from schemas.messages.health import DeviceHealth, FunctionHealth

NS = 1_000_000_000
NOTHING = "\N{EN DASH}"
"""Shown where there is no value."""
_STEPS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def now_ns() -> int:
    return time.time_ns()


def duration(seconds: float) -> str:
    """For example `850 ms`, `12 s`, `3 min 20 s`, `2 d 4 h`."""
    if seconds < 0:
        return "0 s"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    for index, (size, unit) in enumerate(_STEPS):
        if seconds >= size:
            whole = int(seconds // size)
            if index + 1 == len(_STEPS):
                return f"{whole} {unit}"
            small, small_unit = _STEPS[index + 1]
            rest = int(seconds % size // small)
            return f"{whole} {unit} {rest} {small_unit}" if rest else f"{whole} {unit}"
    return "0 s"


def age(time_ns: int, at_ns: int | None = None) -> str:
    """`never` for 0, else the duration until now followed by `ago`."""
    if time_ns <= 0:
        return "never"
    return f"{duration(((at_ns or now_ns()) - time_ns) / NS)} ago"


def size(count_bytes: float) -> str:
    """1 kB = 1000 bytes."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(count_bytes) < 1000:
            return f"{count_bytes:.0f} {unit}" if unit == "bytes" else f"{count_bytes:.3g} {unit}"
        count_bytes /= 1000
    return f"{count_bytes:,.2f} TB"


def count(number: float) -> str:
    """With thin groups of thousands, so that long counters can be read."""
    return f"{number:,.0f}".replace(",", "\u2009")


def rate(per_s: float) -> str:
    return count(per_s) if per_s >= 100 else f"{per_s:.1f}"


def clock(time_ns: int) -> str:
    """ISO 8601 in UTC to the second; empty for 0."""
    if time_ns <= 0:
        return ""
    return datetime.fromtimestamp(time_ns / NS, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def grouped(fingerprint: str) -> str:
    """Long hexadecimal texts in groups of four, so that people can compare them."""
    if len(fingerprint) < 32 or set(fingerprint.lower()) - set("0123456789abcdef"):
        return fingerprint
    return " ".join(fingerprint[i : i + 4] for i in range(0, len(fingerprint), 4)).upper()


STATE_LEVELS = {
    "running": "ok",
    "connecting": "busy",
    "waiting": "bad",
    "refused": "bad",
    "stopped": "bad",
    "off": "off",
    "unknown": "off",
}
STATE_WORDS = {
    "running": "Running",
    "connecting": "Connecting",
    "waiting": "No connection",
    "refused": "Refused",
    "stopped": "Stopped",
    "off": "Switched off",
    "unknown": "Unknown",
}


def device_state(
    health: DeviceHealth | FunctionHealth | None, enabled: bool, online: bool = True
) -> str:
    """One of the keys of STATE_WORDS. A gateway that is away makes every state unknown."""
    if not enabled:
        return "off"
    if health is None or not online:
        return "unknown"
    return health.state if health.state in STATE_WORDS else "unknown"
