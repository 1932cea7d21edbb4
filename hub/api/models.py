"""Bodies of requests and answers. Times are ISO 8601 in UTC, null for never."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from hub.api.edge import edge
from hub.records import Role
from schemas.config.base import Config, Name
from schemas.config.devices import DeviceConfig, TagConfig

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Password = Annotated[str, Field(max_length=200, json_schema_extra={"format": "password"})]
Ids = Annotated[tuple[Annotated[int, Field(ge=1, lt=2**31)], ...], Field(max_length=100_000)]
Tags = Annotated[tuple[TagConfig, ...], Field(max_length=100_000)]


# --- requests: unknown fields are errors --------------------------------------------------------
class Login(Config):
    name: Annotated[str, Field(max_length=100)]
    password: Password
    cookie: bool = False
    """Also set the session cookie, for a browser."""


class PasswordChange(Config):
    old: Password
    new: Password


class PasswordReset(Config):
    new: Password


class UserCreate(Config):
    name: Name
    password: Password
    role: Role = Role.VIEWER


class UserChange(Config):
    role: Role | None = None
    disabled: bool | None = None


class SpokeCreate(Config):
    name: Name
    """Lower-case letters, digits and dashes; it is part of every subject."""
    description: Annotated[str, Field(max_length=500)] = ""


class DeviceCreate(DeviceConfig):
    tags: Tags = ()


class DeviceChange(DeviceConfig):
    version: Annotated[int, Field(ge=0)]
    """The version that was read; an older one is refused (409)."""


class Clone(Config):
    name: Name


class TagsCreate(Config):
    tags: Annotated[Tags, Field(min_length=1)]


class TagsDelete(Config):
    ids: Ids


# --- answers ------------------------------------------------------------------------------------
class Answer(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    @classmethod
    def of(cls, record: object) -> Self:
        """From a record of hub/services.py."""
        return cls.model_validate(edge(record))


class Session(Answer):
    token: str
    """For the header `Authorization: Bearer <token>`; good for twelve hours."""


class UserAnswer(Answer):
    id: int
    name: str
    role: Role
    disabled: bool


class DeviceHealthAnswer(Answer):
    id: int
    state: str
    error: dict[str, Any] | None
    since: Time | None
    last_good: Time | None
    next_try: Time | None
    scans: int
    skipped: int
    values: int
    connects: int
    tag_problems: dict[str, dict[str, Any]]


class StreamHealthAnswer(Answer):
    epoch: str
    created: Time | None
    first_seq: int
    last_seq: int
    hub_seq: int
    size_bytes: int
    max_bytes: int
    bytes_per_s: float


class SpokeHealthAnswer(Answer):
    version: str
    time: Time | None
    started: Time | None
    revision: int
    devices: list[DeviceHealthAnswer]
    stream: StreamHealthAnswer
    values_per_s: float
    skipped: int
    cpu_percent: float
    memory_bytes: int
    disk_free_bytes: int
    clock_jump_s: float
    workers: int
    worker_restarts: int
    revision_errors: list[dict[str, Any]]


class SpokeAnswer(Answer):
    id: int
    name: str
    description: str
    created: Time | None
    revision: int
    applied_revision: int
    last_seen: Time | None
    online: bool
    devices: int
    tags: int
    health: SpokeHealthAnswer | None


class Credentials(Answer):
    credentials: str
    """A NATS credentials file. It is not kept; keep it safe."""


class DeviceAnswer(DeviceConfig):
    """As it was sent, with what the hub knows about it. Passwords are masked."""

    id: int
    spoke_id: int
    spoke: str
    tags: int
    version: int
    health: DeviceHealthAnswer | None
    profile_id: int | None
    """The profile that it was made from, and its version."""
    profile_version: int | None

    @classmethod
    def of(cls, record: object) -> Self:
        return cls.model_validate(edge(record))


class TagAnswer(TagConfig):
    id: int
    device_id: int
    device: str
    spoke: str

    @classmethod
    def of(cls, record: object) -> Self:
        return cls.model_validate(edge(record))


class Deleted(Answer):
    deleted: int


class DriverAnswer(Answer):
    driver: str
    title: str
    connection_schema: dict[str, Any]
    """JSON Schema of `connection`."""
    tag_schema: dict[str, Any]
    """JSON Schema of a tag."""


class RevisionAnswer(Answer):
    spoke_id: int
    number: int
    time: Time | None
    author: str
    summary: str


class LatestAnswer(Answer):
    tag_id: int
    time: Time | None
    value: float | int | bool | str | None
    quality: int
    words: str
    """The quality in words."""


class SeriesAnswer(Answer):
    tag_id: int
    times: list[Time | None]
    minimum: list[float | None]
    average: list[float | None]
    maximum: list[float | None]
    raw: bool
    texts: list[str | None] | None


class LedgerAnswer(Answer):
    """missing = produced - stored - dead - lost - waiting, in messages; it must be 0."""

    spoke: str
    epoch: str
    produced: int
    stored: int
    dead: int
    lost: int
    waiting: int
    missing: int
    values: int
    last_time: Time | None


class DeadLetterAnswer(Answer):
    id: int
    spoke: str
    epoch: str
    sequence: int
    time: Time | None
    reason: str
    size_bytes: int


class SystemAnswer(Answer):
    version: str
    database: str
    database_ok: bool
    database_error: str
    database_size_bytes: int
    nats_ok: bool
    values_per_s: float
    ingest_lag_s: float
    dead_letters: int
    ingest_ok: bool
    ingest_error: str
    """Why values do not reach the database although it may be well."""


class HealthAnswer(Answer):
    status: str
    """`ok`, or `degraded` while database or NATS is away."""
