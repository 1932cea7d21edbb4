"""Looking around on a device before its tags are known: endpoints, certificates, nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import FailFast

from schemas.messages.health import Int64


@dataclass(frozen=True, slots=True)
class Certificate:
    """An X.509 certificate for people to compare."""

    fingerprint: str
    """SHA-256 of the DER bytes, 64 lower-case hexadecimal digits."""
    subject: str
    issuer: str
    not_before_ns: Int64
    not_after_ns: Int64
    application_uri: str = ""
    der: bytes = b""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a server offers."""

    url: str
    security: str
    """Policy by its short name, for example Basic256Sha256 or None."""
    messages: str
    """None, Sign or SignAndEncrypt."""
    logins: Annotated[tuple[str, ...], FailFast()]
    """Of anonymous, password, certificate."""
    certificate: Certificate | None = None
    supported: bool = True
    """Spindle speaks this policy."""


@dataclass(frozen=True, slots=True)
class DiscoverRequest:
    """Hub to spoke, verb `discover`: ask a server what it offers, without logging in."""

    connection: dict[str, Any]
    """The driver's settings as a JSON map."""


@dataclass(frozen=True, slots=True)
class DiscoverReply:
    endpoints: Annotated[tuple[Endpoint, ...], FailFast()] = ()
    own: Certificate | None = None
    """The gateway's certificate, which the server must trust."""
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class BrowseRequest:
    """Hub to spoke, verb `browse`: what lies below a node."""

    connection: dict[str, Any]
    node: str = ""
    """Address of a node; empty for the top."""
    deep: bool = False
    """All variables below, at most 10,000, instead of one level."""


@dataclass(frozen=True, slots=True)
class Node:
    """A place on a device: a folder, or a value that can become a tag."""

    address: str
    name: str
    has_children: bool
    data_type: str = ""
    """A DataType for a value that can become a tag, else empty."""
    native_type: str = ""
    """What the device calls its type."""
    writable: bool = False
    description: str = ""
    unit: str = ""
    path: str = ""
    """Names from the node that was asked for to this one, for example `Filler/Speed`."""


@dataclass(frozen=True, slots=True)
class BrowseReply:
    nodes: Annotated[tuple[Node, ...], FailFast()] = ()
    complete: bool = True
    """False when there is more than one answer may carry."""
    error: dict[str, Any] | None = None
