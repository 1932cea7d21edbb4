"""What the services tell pages and API: frozen records. Times are ns UTC."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.config.devices import DeviceConfig, TagConfig
from schemas.messages.health import DeviceHealth, SpokeHealth


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    ENGINEER = "engineer"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class User:
    id: int
    name: str
    role: Role
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Spoke:
    """A gateway. `health` is None until its first message since the hub started."""

    id: int
    name: str
    description: str
    created_ns: int
    revision: int
    """Newest revision of its manifest."""
    applied_revision: int
    last_seen_ns: int
    online: bool
    health: SpokeHealth | None = None
    devices: int = 0
    tags: int = 0


@dataclass(frozen=True, slots=True)
class Device:
    id: int
    spoke_id: int
    spoke: str
    config: DeviceConfig
    tags: int
    version: int
    """Counts up with each change; `update_device` refuses an older one (ConflictError)."""
    health: DeviceHealth | None = None
    profile_id: int | None = None
    """The profile that it was made from, None for one of its own (or when that is gone)."""
    profile_version: int | None = None


@dataclass(frozen=True, slots=True)
class Tag:
    id: int
    device_id: int
    device: str
    spoke: str
    config: TagConfig


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest stored value of a tag. `value` is None when it is bad."""

    tag_id: int
    time_ns: int
    value: float | int | bool | str | None
    quality: int


@dataclass(frozen=True, slots=True)
class Series:
    """A trend: per bucket the start time, minimum, average, maximum (None where nothing is good).

    With few samples `raw` is true and minimum = average = maximum = the sample. Text and bool
    series have the value in `texts`, one per time, and raw is always true.
    """

    tag_id: int
    times_ns: list[int]
    minimum: list[float | None]
    average: list[float | None]
    maximum: list[float | None]
    raw: bool
    texts: list[str | None] | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    spoke_id: int
    number: int
    time_ns: int
    author: str
    summary: str


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """Completeness of one epoch of a spoke's stream, in messages; missing must be 0.

    missing = produced - stored - dead - lost - waiting.
    """

    spoke: str
    epoch: str
    produced: int
    stored: int
    dead: int
    lost: int
    waiting: int
    missing: int
    values: int
    last_time_ns: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    id: int
    spoke: str
    epoch: str
    sequence: int
    time_ns: int
    reason: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class System:
    """State of the hub itself, for the overview."""

    version: str
    database: str
    """For example `PostgreSQL 18.6` or `PostgreSQL 17.4 + TimescaleDB 2.19 (Apache edition)`."""
    database_ok: bool
    database_error: str
    database_size_bytes: int
    nats_ok: bool
    values_per_s: float
    """Values stored in SQL per second, averaged over the last 10 s or so."""
    ingest_lag_s: float
    """Age of the newest stored message over all spokes that are online."""
    dead_letters: int
    ingest_ok: bool = True
    ingest_error: str = ""
    """Why values do not reach the database although it may be well; empty while they do."""
