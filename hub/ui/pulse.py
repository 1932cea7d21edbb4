"""One sampler of the hub's state for all pages: ten minutes of rate and lag for the overview."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from hub.records import System
from hub.services import Services
from hub.ui.words import now_ns
from schemas.errors import SpindleError

PERIOD_S = 2.0
_KEEP = 300


@dataclass(frozen=True, slots=True)
class Beat:
    """One sample; None where the hub could not be asked."""

    time_ms: int
    values_per_s: float | None
    lag_s: float | None


class Pulse:
    """Call `tick` every PERIOD_S; pages read `beats` and `system`.

    However many pages are open, the database is asked once per period.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self.beats: deque[Beat] = deque(maxlen=_KEEP)
        self.system: System | None = None
        self.error: SpindleError | None = None

    async def tick(self) -> None:
        at_ms = now_ns() // 1_000_000
        try:
            self.system = await self._services.data.system()
        except SpindleError as error:
            self.error = error
            self.beats.append(Beat(at_ms, None, None))
            return
        self.error = None
        found = self.system
        self.beats.append(Beat(at_ms, found.values_per_s, found.ingest_lag_s))

    async def now(self) -> System:
        """The newest sample. Raises the SpindleError of the last one that failed."""
        if self.error is not None:
            raise self.error
        return self.system if self.system is not None else await self._services.data.system()
