"""Event time that runs ahead of the messages that bring it: a clock was set back."""

from __future__ import annotations

from spoke.clock import Clock

_AHEAD_NS, _AGAIN_S = 60 * 10**9, 600.0


class Ahead:
    """Of one use. Found once in ten minutes at most: a device whose clock is ahead beside another's
    would end the state for ever."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next_s = 0.0

    def found(self, newest_ns: int, made_ns: int) -> bool:
        """`newest_ns` is the newest row's time, `made_ns` when the message was made whose rows are
        all too late; they will be until the clock has caught up."""
        now_s = self._clock.monotonic()
        if not made_ns or newest_ns <= made_ns + _AHEAD_NS or now_s < self._next_s:
            return False
        self._next_s = now_s + _AGAIN_S
        return True
