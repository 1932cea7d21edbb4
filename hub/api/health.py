"""The one question that needs no login: is the hub well? Asked often, so answered from memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from hub.services import Data
from schemas.errors import SpindleError

KEPT_S = 2.0


class HealthCheck:
    """`ok`, or `degraded` while database or NATS is away. `clock` gives steady seconds."""

    def __init__(self, data: Data, clock: Callable[[], float] = time.monotonic) -> None:
        self._data = data
        self._clock = clock
        self._lock = asyncio.Lock()
        self._status = ""
        self._asked_s = 0.0

    async def status(self) -> str:
        async with self._lock:
            if not self._status or self._clock() - self._asked_s >= KEPT_S:
                self._status = await self._ask()
                self._asked_s = self._clock()
            return self._status

    async def _ask(self) -> str:
        try:
            system = await self._data.system()
        except SpindleError:
            return "degraded"
        return "ok" if system.database_ok and system.nats_ok else "degraded"
