"""What the ingest says about itself, every 2 s on `hub.ingest.status`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """One mirror that is being read."""

    spoke: str
    epoch: str
    stored_seq: int
    mirror_seq: int
    lag_s: float
    """Age of the newest stored message when it was committed, by the spoke's clock."""
    values: int
    """Values stored since the ingest started."""
    error: str = ""


@dataclass(frozen=True, slots=True)
class IngestStatus:
    time_ns: int
    values_per_s: float
    sessions: tuple[SessionStatus, ...] = ()
    error: str = ""
    """Why nothing is stored now, in words; empty when it works."""
