"""Bodies of requests and answers about a device at work: diagnosis, looking around, writing."""

from __future__ import annotations

import base64
import textwrap
from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from hub.api.models import Answer, DeviceHealthAnswer, Time
from schemas.config.base import Config
from schemas.config.drivers import DriverConfig
from schemas.messages.writes import MAX_WRITES, WriteState

MAX_TRACE_S = 3600.0


def _one_value(found: Any) -> float | int | bool | str:
    if isinstance(found, float | int | bool | str):
        return found
    raise ValueError("a number, true, false or a text is expected")


WrittenValue = Annotated[
    float | int | bool | str,
    PlainValidator(_one_value),
    WithJsonSchema({"type": ["number", "boolean", "string"]}),
]


# --- requests -----------------------------------------------------------------------------------
class Write(Config):
    values: Annotated[dict[int, WrittenValue], Field(min_length=1, max_length=MAX_WRITES)]
    """By tag id, in the tags' units."""


class Trace(Config):
    seconds: Annotated[float, Field(ge=0, le=MAX_TRACE_S)]
    """How long to keep the newest requests and answers; 0 switches it off."""


class Discover(Config):
    connection: DriverConfig


class Browse(Config):
    connection: DriverConfig
    device_id: int | None = None
    """A masked password in `connection` is that of this device."""
    node: Annotated[str, Field(max_length=1000)] = ""
    """Address of a node; empty for the top."""
    deep: bool = False
    """All values below, at most 10,000, instead of one level."""


# --- answers ------------------------------------------------------------------------------------
class PlannedRequestAnswer(Answer):
    words: str
    tags: int
    bytes: int


class GroupAnswer(Answer):
    """A scan group: what it asks, and how long that takes. 0 where nothing is known yet."""

    name: str
    period_ms: int
    tags: int
    subscribed: bool
    requests: list[PlannedRequestAnswer]
    """At most 200."""
    request_count: int
    requests_per_s: float
    round_trip_ms: float
    predicted_ms: float
    last_ms: float
    mean_ms: float
    worst_ms: float
    scans: int
    skipped: int


class ExchangeAnswer(Answer):
    """A request and its answer; the bytes as hexadecimal digits, cut at 300 bytes."""

    time: Time | None
    took_ms: float
    request: str
    answer: str
    good: bool
    sent: str
    received: str


class DiagnosisAnswer(Answer):
    time: Time | None
    health: DeviceHealthAnswer | None
    """With the problems of all tags."""
    groups: list[GroupAnswer]
    link: str
    """The connection that it shares with others, in words."""
    tracing: bool
    trace: list[ExchangeAnswer]
    """The last 50, oldest first."""


class TestAnswer(Answer):
    """What one connection and one read gave; nothing was stored."""

    error: dict[str, Any] | None
    connect_ms: float
    read_ms: float
    values: list[dict[str, Any]]
    groups: list[GroupAnswer]
    """What each scan group would ask, and how long a scan would take."""


class CertificateAnswer(Answer):
    fingerprint: str
    """SHA-256, 64 hexadecimal digits."""
    subject: str
    issuer: str
    not_before: Time | None
    not_after: Time | None
    application_uri: str
    pem: str

    @model_validator(mode="before")
    @classmethod
    def _readable(cls, found: dict[str, Any]) -> dict[str, Any]:
        lines = textwrap.wrap(base64.b64encode(found.pop("der")).decode(), 64)
        text = "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])
        return found | {"pem": text if lines else ""}


class EndpointAnswer(Answer):
    url: str
    security: str
    messages: str
    logins: list[str]
    certificate: CertificateAnswer | None
    supported: bool


class DiscoverAnswer(Answer):
    error: dict[str, Any] | None
    """Why the server did not answer."""
    endpoints: list[EndpointAnswer]
    own: CertificateAnswer | None
    """The gateway's certificate, which the server must trust."""


class NodeAnswer(Answer):
    address: str
    name: str
    has_children: bool
    data_type: str
    """Empty for what cannot become a tag."""
    native_type: str
    writable: bool
    description: str
    unit: str
    path: str


class BrowseAnswer(Answer):
    nodes: list[NodeAnswer]
    complete: bool
    """False when there is more than one answer may carry."""


class WriteResultAnswer(Answer):
    tag_id: int
    state: WriteState
    """`unknown`: it may have been written or not; look at the value before you write again."""
    read_back: float | int | bool | str | None
    error: dict[str, Any] | None


class WriteAnswer(Answer):
    results: list[WriteResultAnswer]
