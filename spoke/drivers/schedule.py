"""When which scan group is due: one schedule per device, without drift."""

from __future__ import annotations

from collections.abc import Sequence

from spoke.clock import Clock
from spoke.drivers.base import GroupLayout


class Schedule:
    """Each group is due every `period_ms` of the steady clock. A scan that comes late is done once,
    and the periods that it missed are skipped, never queued."""

    def __init__(self, groups: Sequence[GroupLayout], clock: Clock) -> None:
        self._clock = clock
        now = clock.monotonic()
        self._due = dict.fromkeys(groups, now)

    async def next(self) -> tuple[GroupLayout, int]:
        """Wait for the next due group; also how many of its periods had to be skipped."""
        group = min(self._due, key=lambda item: self._due[item])
        wait = self._due[group] - self._clock.monotonic()
        # A scan that is late still yields, so that a device that is always late starves nobody.
        await self._clock.sleep(max(wait, 0.0))
        period = group.period_ms / 1000
        missed = max(0, int((self._clock.monotonic() - self._due[group]) / period))
        self._due[group] += (missed + 1) * period
        return group, missed
