"""What a use says now: its log, which grows by a line every second, its faults, and its shadow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hub.function_records import StoredEvent, Use
from hub.records import Tag
from schemas.config.functions import FunctionConfig
from schemas.errors import SpokeOfflineError
from schemas.kinds import Kind
from schemas.messages.functions import FunctionLookReply
from tests.fakes import plant
from tests.fakes.clock import NS, STARTED_NS, now_ns

MOST = 200
ROWS = 300
_OLD = 40
"""Lines from before the start."""
_LEVELS = ("debug", "info", "info", "info", "warning", "info", "debug", "error")
_WORDS = {
    "debug": "batch of 4 rows",
    "info": "level {value:.1f} %, slope {slope:+.2f} %/min",
    "warning": "level above the limit of 90 %",
    "error": "no value for 12 s, slope starts anew",
}


def look_at(use: Use, tags: Sequence[Tag], log_after: int) -> FunctionLookReply:
    """Raises SpokeOfflineError."""
    if not use.online:
        raise SpokeOfflineError(f"The gateway {use.device.spoke!r} is offline.")
    newest = _OLD + (now_ns() - STARTED_NS) // NS
    if use.health is None or use.health.state != "running":
        newest = _OLD
    first = max(log_after, newest - MOST, 0) + 1
    config = use.device.config.connection
    assert isinstance(config, FunctionConfig)
    numeric = [tag for tag in tags if tag.config.kind in (Kind.FLOAT, Kind.INT)]
    return FunctionLookReply(
        log=tuple(_line(number) for number in range(first, newest + 1)),
        faults=tuple(_faults(use)),
        compared=tuple(_compared(tag) for tag in numeric) if config.shadow else (),
    )


def _line(number: int) -> dict[str, Any]:
    level = _LEVELS[number % len(_LEVELS)]
    time_ns = STARTED_NS + (number - _OLD) * NS
    value = plant.level(3, 62.0, 25.0, time_ns / NS)
    text = _WORDS[level].format(value=value, slope=value / 40 - 1)
    return {"number": number, "time_ns": time_ns, "level": level, "message": text}


def _faults(use: Use) -> Iterator[dict[str, Any]]:
    fault = use.health.fault if use.health else None
    for index in range(use.health.faults if use.health and fault else 0):
        assert fault is not None
        yield {**fault, "time_ns": fault["time_ns"] - index * 70 * NS}


def _compared(tag: Tag) -> dict[str, Any]:
    end_s = now_ns() // NS
    times = [(end_s - ROWS + index) * NS for index in range(ROWS)]
    live = [plant.sample(tag.config, tag.id, time_ns / NS)[0] for time_ns in times]
    shadow = [
        value + (0.6 if index % 60 > 54 and isinstance(value, int | float) else 0.0)
        if isinstance(value, int | float)
        else None
        for index, value in enumerate(live)
    ]
    return {"tag_id": tag.id, "times_ns": times, "live": live, "shadow": shadow}


def events_of(use: Use) -> list[StoredEvent]:
    """The start, and what went wrong since."""
    device, health = use.device, use.health
    since_ns = health.since_ns if health else STARTED_NS
    if health and health.state == "stopped":
        since_ns -= 86_400 * NS
    words = f"{use.function} {use.version}".strip()
    made: list[tuple[str, str, int, str, dict[str, Any]]] = [
        ("info", "started", since_ns, f"{words} started.", {})
    ]
    for fault in _faults(use):
        text = f"{words}, line {fault['line']}: {fault['message']} ({fault['kind']})"
        made.append(("error", "fault", fault["time_ns"], text, {"tags": list(fault["tags"])}))
    if health and health.state == "stopped":
        text = f"{words} is stopped after {health.faults} faults."
        made.append(("error", "stopped", STARTED_NS - 90 * NS, text, {}))
    if use.function == "level_trend" and health and health.state == "running":
        text = "full comes. The level is too high."
        made.append(("warning", "alarm", STARTED_NS - 400 * NS, text, {"name": "full"}))
    return [
        StoredEvent(
            device.id * 100 + index, time_ns, device.spoke, device.id, device.config.name,
            level, kind, text, detail,
        )
        for index, (level, kind, time_ns, text, detail) in enumerate(made)
    ]  # fmt: skip
