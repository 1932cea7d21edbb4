"""What a function wants to happen besides its outputs. It returns them; the gateway does them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from schemas.kinds import Value


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm comes or goes. The same name and state again is no change."""

    name: str
    active: bool
    message: str = ""
    level: str = "error"
    """info, warning or error."""
    time_ns: int = 0
    """0 for the time of the batch's last row."""


@dataclass(frozen=True, slots=True)
class Write:
    """Ask for a value to be written to a PLC, through one of the function's write ports.

    It is tried once and never late, checked against the tag's access and write limits, and its
    result is an event. A shadow and a replay write nothing.
    """

    port: str
    value: Value


@dataclass(frozen=True, slots=True)
class Note:
    """An event for people: what `Context.event` makes."""

    level: str
    message: str
    time_ns: int
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the function's log: what `Context.log` makes. Not stored."""

    level: str
    message: str
    time_ns: int


Effect = Alarm | Write | Note
