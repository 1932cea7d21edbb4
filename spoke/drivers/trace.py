"""The last requests of a device and what came back, for people who look for a fault."""

from __future__ import annotations

from collections import deque

from schemas.messages.diagnosis import TRACE_LENGTH, Exchange
from spoke.clock import Clock

_MAX_BYTES = 300


class Trace:
    """Off, it costs a driver one look at `on`. It ends by itself, so nobody has to think of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until_s = 0.0
        self._exchanges: deque[Exchange] = deque(maxlen=TRACE_LENGTH)

    @property
    def on(self) -> bool:
        return self._until_s > 0 and self._clock.monotonic() < self._until_s

    def switch(self, for_s: float) -> None:
        """On for so many seconds, off with 0; what was recorded stays until the next switch on."""
        if for_s > 0 and not self.on:
            self._exchanges.clear()
        self._until_s = self._clock.monotonic() + for_s if for_s > 0 else 0.0

    def add(
        self,
        request: str,
        answer: str,
        *,
        good: bool,
        started_s: float,
        sent: bytes = b"",
        received: bytes = b"",
    ) -> None:
        """One exchange, in words and bytes. `started_s`: the clock's `monotonic()` at sending."""
        took_s = self._clock.monotonic() - started_s
        self._exchanges.append(
            Exchange(
                time_ns=self._clock.time_ns() - int(took_s * 1e9),
                took_ms=took_s * 1000,
                request=request,
                answer=answer,
                good=good,
                sent=sent[:_MAX_BYTES].hex(" "),
                received=received[:_MAX_BYTES].hex(" "),
            )
        )

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        return tuple(self._exchanges)
