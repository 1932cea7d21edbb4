"""What pages and the API can call: a frozen bundle of Protocols, and the records they pass.

UI and API import this module and nothing below it, so each is testable without a server.
Every method that changes something takes `who`, checks nothing about roles (the API and the pages
do, through `Access.require`), and writes a revision and an audit line in the same transaction.
Times are ns UTC. Errors are those of schemas/errors.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from schemas.config.devices import DeviceConfig, TagConfig
from schemas.messages.commands import TestReply
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


class Access(Protocol):
    async def login(self, name: str, password: str) -> str:
        """A session token (JWT). Raises LoginError, also while the account pauses."""

    async def logout(self, token: str) -> None: ...

    async def user(self, token: str) -> User:
        """Who this token belongs to. Raises LoginError when it is invalid, expired or revoked."""

    def require(self, user: User, role: Role) -> None:
        """Raises ForbiddenError unless the user's role includes `role`."""

    async def users(self) -> list[User]: ...

    async def create_user(self, who: User, name: str, password: str, role: Role) -> User: ...

    async def change_password(self, who: User, old: str, new: str) -> None: ...


class Fleet(Protocol):
    async def spokes(self) -> list[Spoke]: ...

    async def spoke(self, spoke_id: int) -> Spoke: ...

    async def create_spoke(self, who: User, name: str, description: str = "") -> Spoke:
        """Raises ConfigError for a name that is no subject token, ConflictError when it exists."""

    async def delete_spoke(self, who: User, spoke_id: int) -> None: ...

    async def credentials(self, who: User, spoke_id: int) -> str:
        """A NATS credentials file for this spoke, made anew at each call; shown once."""

    async def devices(self, spoke_id: int | None = None) -> list[Device]: ...

    async def device(self, device_id: int) -> Device: ...

    async def create_device(
        self, who: User, spoke_id: int, config: DeviceConfig, tags: Sequence[TagConfig] = ()
    ) -> Device: ...

    async def update_device(
        self, who: User, device_id: int, config: DeviceConfig, version: int
    ) -> Device: ...

    async def clone_device(self, who: User, device_id: int, name: str) -> Device:
        """A copy with all tags under a new name, switched off so that it can be edited first."""

    async def delete_device(self, who: User, device_id: int) -> None:
        """Its stored values stay in SQL."""

    async def tags(self, device_id: int | None = None) -> list[Tag]: ...

    async def create_tags(self, who: User, device_id: int, tags: Sequence[TagConfig]) -> list[Tag]:
        """All or none; raises ConfigErrors (all problems with paths)."""

    async def update_tag(self, who: User, tag_id: int, config: TagConfig) -> Tag:
        """Raises ConflictError when the kind would change after the first sample."""

    async def delete_tags(self, who: User, tag_ids: Sequence[int]) -> int: ...

    async def test_device(
        self, spoke_id: int, config: DeviceConfig, tags: Sequence[TagConfig]
    ) -> TestReply:
        """Connect and read once, on the spoke. Raises SpokeOfflineError, ConfigErrors."""

    async def revisions(self, spoke_id: int) -> list[Revision]: ...


class Data(Protocol):
    async def latest(self, tag_ids: Sequence[int]) -> dict[int, Latest]: ...

    async def trend(
        self, tag_ids: Sequence[int], start_ns: int, end_ns: int, buckets: int = 600
    ) -> list[Series]: ...

    async def ledger(self) -> list[LedgerRow]: ...

    async def dead_letters(self, limit: int = 100) -> list[DeadLetter]: ...

    async def system(self) -> System: ...


class Watcher(Protocol):
    """A subscription to the live values of one device, for one page."""

    async def __aenter__(self) -> Watcher: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def next(self) -> bytes:
        """The next message for the browser, encoded once for all watchers: JSON
        {"rows": [{"id": tag id, "v": value or null, "q": quality words, "t": ms UTC}, ...]}."""


class Live(Protocol):
    def watch(self, device_id: int) -> Watcher: ...


@dataclass(frozen=True, slots=True)
class Services:
    """The bundle that pages and API get."""

    access: Access
    fleet: Fleet
    data: Data
    live: Live
    settings: dict[str, Any] = field(default_factory=dict)
