"""Five wrong passwords pause an account for a minute; the same for names that do not exist.

A try counts before the password is verified, so a hundred tries at once are no way around it. The
pause is not prolonged by further tries, so nobody can lock a colleague out for good.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

MAX_WRONG = 5
PAUSE_S = 60.0
MAX_NAMES = 10_000
"""Names that are remembered; the oldest goes first, so made-up names do not fill the memory."""


class Throttle:
    """Counts tries per name. `clock` gives steady seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tries: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def admit(self, name: str) -> bool:
        """Counts a try; False while the name pauses."""
        now = self._clock()
        tries, latest = self._tries.pop(name, (0, now))
        if now - latest >= PAUSE_S:
            tries = 0
        if tries >= MAX_WRONG:
            self._tries[name] = (tries, latest)
            return False
        self._tries[name] = (tries + 1, now)
        if len(self._tries) > MAX_NAMES:
            self._tries.popitem(last=False)
        return True

    def succeeded(self, name: str) -> None:
        """The password was right: forget the tries before it."""
        self._tries.pop(name, None)
