"""How long the scans of a group take, and what its driver asks for."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from schemas.messages.diagnosis import GroupDiagnosis, PlannedRequest
from spoke.drivers.base import Explains, GroupLayout

_SCANS = 100
_MAX_REQUESTS = 200


@dataclass(slots=True)
class ScanTimes:
    """Of one scan group, over all connections of its device."""

    scans: int = 0
    skipped: int = 0
    _times_s: deque[float] = field(default_factory=lambda: deque(maxlen=_SCANS))

    def add(self, took_s: float) -> None:
        self.scans += 1
        self._times_s.append(took_s)

    @property
    def last_ms(self) -> float:
        return self._times_s[-1] * 1000 if self._times_s else 0.0

    @property
    def mean_ms(self) -> float:
        return sum(self._times_s) / len(self._times_s) * 1000 if self._times_s else 0.0

    @property
    def worst_ms(self) -> float:
        return max(self._times_s, default=0.0) * 1000


def diagnose_group(
    driver: object, group: GroupLayout, times: ScanTimes, *, subscribed: bool
) -> GroupDiagnosis:
    """The plan of a group, which only a connected driver has, and what came of it.

    The prediction is the mean of the scans seen: of a running device, or of the test scans of one
    that is not deployed yet.
    """
    requests: tuple[PlannedRequest, ...] = ()
    if isinstance(driver, Explains):
        requests = tuple(driver.planned(group))
    return GroupDiagnosis(
        name=group.name,
        period_ms=group.period_ms,
        tags=len(group.tags),
        subscribed=subscribed,
        requests=requests[:_MAX_REQUESTS],
        request_count=len(requests),
        requests_per_s=0.0 if subscribed else len(requests) * 1000 / group.period_ms,
        round_trip_ms=times.mean_ms / len(requests) if requests else 0.0,
        predicted_ms=times.mean_ms,
        last_ms=times.last_ms,
        mean_ms=times.mean_ms,
        worst_ms=times.worst_ms,
        scans=times.scans,
        skipped=times.skipped,
    )
