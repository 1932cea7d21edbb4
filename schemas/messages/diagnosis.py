"""Why is this tag bad? What a device's driver plans, does and sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import FailFast

from schemas.messages.health import DeviceHealth, Int64

TRACE_LENGTH = 50


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """One request of every scan of a group."""

    words: str
    """For people: `holding registers 0 to 124`."""
    tags: int
    bytes: int
    """Payload of the answer."""


@dataclass(frozen=True, slots=True)
class GroupDiagnosis:
    """A scan group: its plan, and what came of it. Times in ms; 0 where nothing is known yet."""

    name: str
    period_ms: int
    tags: int
    subscribed: bool = False
    """The server reports changes; nothing is polled."""
    requests: Annotated[tuple[PlannedRequest, ...], FailFast()] = ()
    """At most 200 of them."""
    request_count: int = 0
    requests_per_s: float = 0.0
    round_trip_ms: float = 0.0
    """Mean time of one request, measured."""
    predicted_ms: float = 0.0
    """What a scan takes, from those seen: of the running device, or of a test of its connection."""
    last_ms: float = 0.0
    mean_ms: float = 0.0
    worst_ms: float = 0.0
    """Of the last 100 scans."""
    scans: Int64 = 0
    skipped: Int64 = 0


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer, decoded. Bytes as hex, cut at 300 bytes."""

    time_ns: Int64
    took_ms: float
    request: str
    answer: str
    good: bool
    sent: str = ""
    received: str = ""


@dataclass(frozen=True, slots=True)
class DiagnoseRequest:
    """Hub to spoke, verb `diagnose`. `trace_s` > 0 switches the trace on for so many seconds, 0
    switches it off, None leaves it. `retry` ends the pause before the next try."""

    device_id: int
    trace_s: float | None = None
    retry: bool = False


@dataclass(frozen=True, slots=True)
class DiagnoseReply:
    """`error` is set when this spoke does not run the device."""

    error: dict[str, Any] | None = None
    time_ns: Int64 = 0
    health: DeviceHealth | None = None
    """With the problems of all tags, not only of the first 100."""
    groups: Annotated[tuple[GroupDiagnosis, ...], FailFast()] = ()
    link: str = ""
    """The connection that it shares, in words; empty for one of its own."""
    tracing: bool = False
    trace: Annotated[tuple[Exchange, ...], FailFast()] = ()
    """The last 50, oldest first."""
