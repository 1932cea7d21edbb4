"""What people see of a function at work, and how packages get to a gateway."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import FailFast

from schemas.messages.health import Int64


@dataclass(frozen=True, slots=True)
class FunctionLookRequest:
    """Hub to spoke, verb `function`: what a use says and does now."""

    function_id: int
    log_after: Int64 = 0
    """Number of the last log line that is known."""


@dataclass(frozen=True, slots=True)
class FunctionLookReply:
    error: dict[str, Any] | None = None
    log: Annotated[tuple[dict[str, Any], ...], FailFast()] = ()
    """Maps with number, time_ns, level, message: newer than asked for, at most 200."""
    faults: Annotated[tuple[dict[str, Any], ...], FailFast()] = ()
    """The last 20 faults."""
    compared: Annotated[tuple[dict[str, Any], ...], FailFast()] = ()
    """By output tag, while a shadow runs: maps with tag_id, times_ns, live, shadow (lists of the
    last 300 rows, None where bad)."""


ARTIFACT_CHUNK_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class ArtifactRequest:
    """Spoke to hub, verb `artifact`: a part of a bundle that the spoke's manifest names."""

    sha256: str
    offset: Int64 = 0


@dataclass(frozen=True, slots=True)
class ArtifactReply:
    total: Int64 = 0
    data: bytes = b""
    """At most ARTIFACT_CHUNK_BYTES."""
    error: dict[str, Any] | None = field(default=None)
