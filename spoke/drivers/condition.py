"""The condition of a device: its state, its outage, and when the next try is due."""

from __future__ import annotations

import asyncio
import logging
import random

from schemas.errors import ConfigError, DeviceLoginError, RefusedError, SpindleError
from spoke.clock import Clock

_log = logging.getLogger(__name__)

FIRST_RETRY_S, MAX_RETRY_S, MAX_REFUSED_RETRY_S = 0.5, 2.0, 30.0
FIRST_LOGIN_RETRY_S, MAX_LOGIN_RETRY_S = 30.0, 300.0
"""After a wrong password: devices lock a user after a few tries, and would keep it locked."""


class Condition:
    """States as in `schemas/messages/health.py`. A day without a device leaves two log lines."""

    def __init__(self, name: str, device_id: int, clock: Clock) -> None:
        self._name, self._device_id, self._clock = name, device_id, clock
        self.state = "connecting"
        self.since_ns = clock.time_ns()
        self.error: SpindleError | None = None
        self.next_try_ns = 0
        self._failures = 0
        self._pausing: asyncio.Task[None] | None = None

    def recovered(self) -> bool:
        """Values flow; True when they did not before."""
        if self.state == "running":
            return False
        if self.error is not None:
            _log.info("Device %s answers again", self._name, extra=self._extra("device.back"))
        self.error, self._failures, self.next_try_ns = None, 0, 0
        self.enter("running")
        return True

    def lost(self, error: SpindleError) -> None:
        if self.error is None:
            _log.warning(
                "Device %s: %s", self._name, error.message, extra=self._extra("device.lost")
            )
        self.error = error
        self.enter("refused" if isinstance(error, ConfigError) else "waiting")
        self._failures += 1

    async def pause(self) -> None:
        """Wait before the next try: capped exponential back-off with jitter."""
        first, cap = _retry(self.error)
        delay = min(cap, first * 2 ** min(self._failures - 1, 10))
        delay *= random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret
        self.next_try_ns = self._clock.time_ns() + int(delay * 1e9)
        async with asyncio.TaskGroup() as tasks:
            self._pausing = tasks.create_task(self._clock.sleep(delay))

    def hurry(self) -> None:
        """End the pause: somebody has mended it and does not want to wait."""
        if self._pausing is not None:
            self._pausing.cancel()

    def enter(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self.since_ns = self._clock.time_ns()

    def _extra(self, action: str) -> dict[str, object]:
        return {"action": action, "device_id": self._device_id}


def _retry(error: SpindleError | None) -> tuple[float, float]:
    """The first pause after this error and the longest, seconds."""
    if isinstance(error, DeviceLoginError):
        return FIRST_LOGIN_RETRY_S, MAX_LOGIN_RETRY_S
    refused = isinstance(error, RefusedError | ConfigError)
    return FIRST_RETRY_S, MAX_REFUSED_RETRY_S if refused else MAX_RETRY_S
