"""Time as an injected service, so that tests and replay own it."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    def time_ns(self) -> int:
        """Wall clock, ns UTC: what values are stamped with."""

    def monotonic(self) -> float:
        """Seconds that never jump: what schedules and timeouts use."""

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    def time_ns(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
