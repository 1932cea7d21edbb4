"""Units that do not answer, behind a connection that others need as well.

A silent unit is asked again only as often as the others can spare the time: its probes, and those
of all other silent units together, take less than 3 % of the connection. Where an answer can only
come at once (`quick`: serial lines, RTU over TCP) a probe waits for ten times the usual answer
instead of the whole timeout, so that a unit that is back flows again within seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.errors import DeviceError, DeviceTimeoutError
from spoke.clock import Clock

BUDGET = 33.0
"""A probe that took t is followed by 33 t without one."""
_STEADY_S = 60.0
"""A unit that answered for so long is asked again at once when one answer is missing."""
_MIN_PATIENCE_S, _PATIENCE = 0.1, 10.0
_MIN_COST_S = 0.015  # what a gateway's "target does not respond" takes that comes at once
_SHARE = 0.05


@dataclass(slots=True)
class _Silence:
    since_s: float
    due_s: float
    """Not asked before; monotonic seconds."""
    words: str
    hint: str


class Breaker:
    """What one connection knows of its units, over all reconnects."""

    def __init__(self, clock: Clock, *, quick: bool) -> None:
        self._clock, self._quick = clock, quick
        self._silent: dict[int, _Silence] = {}
        self._back_s: dict[int, float] = {}  # when a unit that was silent answered again
        self._usual_s = 0.0  # how long good answers take, smoothed
        self._slow: set[int] = set()  # units that answered a probe too late
        self._stale = 0
        self._missed: int | None = None  # the unit that was asked last in vain

    def silent(self, unit: int) -> bool:
        return unit in self._silent

    def patience_s(self, unit: int, timeout_s: float) -> float:
        """How long to wait for the answer to a probe."""
        if not self._usual_s or unit in self._slow:
            return timeout_s
        return min(timeout_s, max(_MIN_PATIENCE_S, _PATIENCE * self._usual_s))

    def due_in_s(self, unit: int) -> float:
        """Until the next probe; 0 or less: now."""
        silence = self._silent.get(unit)
        return 0.0 if silence is None else silence.due_s - self._clock.monotonic()

    def took(self, answer_s: float, stale_answers: int) -> None:
        """A good answer came after so long. An answer that came too late to be used, when a probe
        was the last that nobody answered, is taken for the probe's: that unit gets more time."""
        if not self._quick:
            return
        self._usual_s += (answer_s - self._usual_s) * (_SHARE if self._usual_s else 1.0)
        if stale_answers != self._stale:
            self._stale = stale_answers
            if self._missed is not None:
                self._slow.add(self._missed)

    def answered(self, unit: int) -> None:
        """A silent unit is back."""
        self._slow.discard(unit)
        self._missed = None
        if self._silent.pop(unit, None) is not None:
            self._back_s[unit] = self._clock.monotonic()

    def missed(self, unit: int, cost_s: float, error: DeviceError) -> None:
        """No answer; waiting for it took `cost_s` of the connection's time."""
        now_s = self._clock.monotonic()
        known = self._silent.get(unit)
        back_s = self._back_s.pop(unit, None)
        since_s = now_s if known is None else known.since_s
        silence = _Silence(since_s, now_s, error.message, error.hint)
        self._silent[unit], self._missed = silence, unit
        if known is not None or (back_s is not None and now_s - back_s < _STEADY_S):
            asked = sum(now_s - other.due_s < _STEADY_S for other in self._silent.values())
            silence.due_s = now_s + BUDGET * max(cost_s, _MIN_COST_S) * asked

    def refusal(self, unit: int) -> DeviceTimeoutError:
        """What a unit's driver says between two probes."""
        silence = self._silent[unit]
        wait_s = max(0.0, self.due_in_s(unit))
        quiet_s = self._clock.monotonic() - silence.since_s
        return DeviceTimeoutError(
            f"Unit {unit} has been silent for {quiet_s:.0f} s and is asked again in {wait_s:.0f} s,"
            f" to leave the connection to the others. Last: {silence.words}",
            hint=silence.hint,
        )
