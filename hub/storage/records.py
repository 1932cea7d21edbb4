"""The rows of the configuration tables, as Python records. Times are ns UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SpokeRow:
    spoke_id: int
    name: str
    description: str
    created_ns: int
    revision: int
    applied_revision: int
    last_seen_ns: int
    """0 when it was never seen."""
    devices: int = 0
    tags: int = 0


@dataclass(frozen=True, slots=True)
class DeviceRow:
    device_id: int
    spoke_id: int
    spoke: str
    name: str
    config: dict[str, Any]
    version: int
    tags: int = 0
    profile_id: int | None = None
    profile_version: int | None = None


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """One version of a profile."""

    profile_id: int
    name: str
    version: int
    content: dict[str, Any]
    devices: int


@dataclass(frozen=True, slots=True)
class TagRow:
    tag_id: int
    device_id: int
    device: str
    spoke_id: int
    spoke: str
    name: str
    config: dict[str, Any]
    wire: str | None
    """Column type of its stored values; None until the first sample, fixed afterwards."""
    kind: str


@dataclass(frozen=True, slots=True)
class RevisionHead:
    """A revision without its manifest."""

    spoke_id: int
    number: int
    time_ns: int
    author: str
    summary: str


@dataclass(frozen=True, slots=True)
class RevisionRow(RevisionHead):
    manifest: dict[str, Any]


@dataclass(frozen=True, slots=True)
class UserRow:
    user_id: int
    name: str
    password_hash: str
    role: str
    disabled: bool
    created_ns: int


@dataclass(frozen=True, slots=True)
class SessionRow:
    session_id: UUID
    user_id: int
    created_ns: int
    expires_ns: int
    revoked_ns: int
    """0 while it is valid."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    audit_id: int
    time_ns: int
    who: str
    action: str
    target: str
    detail: dict[str, Any]
