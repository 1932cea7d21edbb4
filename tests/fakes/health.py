"""What a gateway of the bottling line reports about itself."""

from __future__ import annotations

from hub.records import Spoke
from schemas.messages.health import SpokeHealth, StreamHealth
from tests.fakes.clock import NS, STARTED_NS, now_ns

_GB = 1_000_000_000


def spoke_health(spoke: Spoke, tags: int) -> SpokeHealth:
    """One that is offline has filled more of its buffer."""
    messages = (now_ns() - STARTED_NS) // (NS // 4) + 400_000
    away = 0 if spoke.online else 21_700
    stream = StreamHealth(
        epoch="8f31c2",
        created_ns=spoke.created_ns,
        first_seq=messages - 3000,
        last_seq=messages,
        hub_seq=messages - away,
        size_bytes=int((0.04 if spoke.online else 0.63) * 4 * _GB),
        max_bytes=4 * _GB,
        bytes_per_s=31_000.0,
    )
    return SpokeHealth(
        spoke=spoke.name,
        version="0.1.0",
        time_ns=now_ns(),
        started_ns=STARTED_NS - 86400 * NS * 12,
        revision=spoke.applied_revision,
        stream=stream,
        values_per_s=tags * 1.0,
        skipped=3,
        cpu_percent=11.0 + spoke.id,
        memory_bytes=182_000_000,
        disk_free_bytes=48 * _GB,
        clock_jump_s=0.012,
        workers=4,
    )
