"""Health of a spoke, every 5 s on `hb.<spoke>`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import FailFast, Field

STATES = ("off", "connecting", "running", "waiting", "refused")
"""off: switched off, or without tags. connecting: first try. running: values flow. waiting: lost,
next try is planned. refused: the configuration cannot work; waits for a person."""

Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""What SQL and a time of day can hold; a gateway is not trusted to send nothing else."""
Epoch = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}\z")]
"""Part of the names of streams and consumers."""


@dataclass(frozen=True, slots=True)
class DeviceHealth:
    id: int
    state: str
    error: dict[str, Any] | None = None
    """SpindleError.as_dict() of the last outage, None while running."""
    since_ns: Int64 = 0
    """When the state was entered, ns UTC."""
    last_good_ns: Int64 = 0
    """Time of the last scan with an answer, 0 before the first."""
    next_try_ns: Int64 = 0
    scans: Int64 = 0
    skipped: Int64 = 0
    """Scans that were due while the one before still ran, or while the buffer was full."""
    values: Int64 = 0
    connects: Int64 = 0
    tag_problems: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By tag id: what is wrong with single tags (at most 100)."""


@dataclass(frozen=True, slots=True)
class StreamHealth:
    """The local stream and how far the hub has got; sequence numbers, bytes."""

    epoch: Epoch = ""
    created_ns: Int64 = 0
    epoch_seq: Int64 = 1
    """First sequence number that belongs to the epoch; more than 1 after a fork."""
    first_seq: Int64 = 0
    last_seq: Int64 = 0
    hub_seq: Int64 = 0
    size_bytes: Int64 = 0
    max_bytes: Int64 = 0
    bytes_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ShadowHealth:
    """A version that runs beside the one at work, compared value by value since it started."""

    version: str = ""
    values: Int64 = 0
    equal: Int64 = 0
    """Within 1e-9 relative, and of the same quality."""
    largest: float = 0.0
    """Largest absolute difference of good numbers."""
    faults: Int64 = 0
    cpu_s: float = 0.0
    fault: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class FunctionHealth:
    """A use of a function. Counts are since its process started; states as of devices, and
    `stopped`: after too many faults, until somebody starts it again."""

    id: int
    state: str
    version: str = ""
    package: str = ""
    since_ns: Int64 = 0
    batches: Int64 = 0
    values_in: Int64 = 0
    values_out: Int64 = 0
    cpu_s: float = 0.0
    """CPU seconds spent in `process`."""
    slowest_s: float = 0.0
    """The longest batch."""
    faults: Int64 = 0
    """Within the last ten minutes."""
    faults_ever: Int64 = 0
    fault: dict[str, Any] | None = None
    """schemas.functions.Fault of the last one."""
    lag_s: float = 0.0
    """Age of the newest value that it has processed."""
    late: Int64 = 0
    """Rows that came too late and were left out."""
    memory_bytes: Int64 = 0
    contained: Annotated[tuple[str, ...], FailFast()] = ()
    """What holds its process: `memory`, `network`, `files`, `processes`."""
    shadow: ShadowHealth | None = None


@dataclass(frozen=True, slots=True)
class SpokeHealth:
    spoke: str
    version: str
    time_ns: Int64
    started_ns: Int64
    revision: Int64
    """Revision of the manifest that runs now."""
    devices: Annotated[tuple[DeviceHealth, ...], FailFast()] = ()
    stream: StreamHealth = field(default_factory=StreamHealth)
    values_per_s: float = 0.0
    skipped: Int64 = 0
    cpu_percent: float = 0.0
    memory_bytes: Int64 = 0
    disk_free_bytes: Int64 = 0
    clock_jump_s: float = 0.0
    """Sum of jumps of the wall clock against the steady clock since the start, seconds."""
    workers: Int64 = 0
    worker_restarts: Int64 = 0
    functions: Annotated[tuple[FunctionHealth, ...], FailFast()] = ()
    revision_errors: Annotated[tuple[dict[str, Any], ...], FailFast()] = ()
    """Errors by path of the newest manifest, when it was refused."""
