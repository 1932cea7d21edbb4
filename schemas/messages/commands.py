"""Requests between hub and spoke."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import FailFast

from schemas.messages.diagnosis import GroupDiagnosis


@dataclass(frozen=True, slots=True)
class ManifestRequest:
    """Spoke to hub: the handshake. The hub answers with ManifestReply."""

    spoke: str
    revision: int
    version: str = ""


@dataclass(frozen=True, slots=True)
class ManifestReply:
    """`packed` is the manifest as zstd of a msgpack map; None when the spoke has the newest."""

    packed: bytes | None


@dataclass(frozen=True, slots=True)
class EpochRequest:
    """Hub to spoke: the stream's history was forked at `first_seq` (the spoke lost its tail and
    used sequence numbers again); from there on it is a new epoch."""

    epoch: str
    """The epoch that ends."""
    first_seq: int


@dataclass(frozen=True, slots=True)
class TestRequest:
    """Hub to spoke: connect to this device once, read its tags once, store nothing.

    `device` is a ManifestDevice as a JSON map.
    """

    device: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TestReply:
    """`error` is None when the connection worked; single tags can be bad all the same."""

    error: dict[str, Any] | None = None
    connect_ms: float = 0.0
    read_ms: float = 0.0
    values: Annotated[tuple[dict[str, Any], ...], FailFast()] = ()
    """Maps with tag, address, value (None when bad), quality, words, problem."""
    groups: Annotated[tuple[GroupDiagnosis, ...], FailFast()] = ()
    """What each scan group would ask, and how long a scan would take."""


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """Hub to spoke: send live frames of these devices for `ttl_s` seconds from now."""

    devices: Annotated[tuple[int, ...], FailFast()]
    ttl_s: float = 15.0
