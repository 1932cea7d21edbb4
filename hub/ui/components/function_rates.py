"""Counters of functions at work as rates, from what the gateways say every few seconds. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hub.records import Spoke
from hub.ui.words import NS
from schemas.messages.health import FunctionHealth


@dataclass(frozen=True, slots=True)
class Rate:
    cpu_percent: float = 0.0
    """Of one core."""
    values_in: float = 0.0
    """Per second."""
    values_out: float = 0.0


IDLE = Rate()


class Rates:
    """The mean since the process started at the first look, then that between two looks."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, FunctionHealth]] = {}
        self._found: dict[int, Rate] = {}

    def look(self, spokes: Iterable[Spoke]) -> None:
        for spoke in spokes:
            if spoke.health is None:
                continue
            for item in spoke.health.functions:
                if spoke.online:
                    self._take(item, spoke.health.time_ns)
                else:
                    self._last.pop(item.id, None)
                    self._found.pop(item.id, None)

    def of(self, device_id: int) -> Rate:
        """Of a use; nothing while its gateway is away."""
        return self._found.get(device_id, IDLE)

    def _take(self, health: FunctionHealth, time_ns: int) -> None:
        known = self._last.get(health.id)
        if known is not None and known[0] == time_ns:
            return
        self._last[health.id] = time_ns, health
        self._found[health.id] = rate_of(health, time_ns, known)


def rate_of(
    health: FunctionHealth, time_ns: int, before: tuple[int, FunctionHealth] | None = None
) -> Rate:
    """`before` is (time, health) of an earlier look; of no use when the process is another."""
    if health.state != "running":
        return IDLE
    start_ns, old = before or (0, None)
    if old is None or old.since_ns != health.since_ns or old.batches > health.batches:
        start_ns, old = health.since_ns, None
    seconds = (time_ns - start_ns) / NS
    if seconds <= 0 or start_ns <= 0:
        return IDLE
    return Rate(
        max(0.0, health.cpu_s - (old.cpu_s if old else 0.0)) / seconds * 100,
        max(0, health.values_in - (old.values_in if old else 0)) / seconds,
        max(0, health.values_out - (old.values_out if old else 0)) / seconds,
    )
