"""Who is there: the newest health message of each spoke."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from nats.aio.client import Client
from nats.aio.msg import Msg

from schemas import subjects
from schemas.errors import FrameError
from schemas.messages.codec import read
from schemas.messages.health import SpokeHealth

_log = logging.getLogger(__name__)

OFFLINE_AFTER_S = 15.0
"""Three health messages missed."""
MAX_HEALTH_BYTES = 2 * 1024**2
"""Some thousand devices. More is a broken gateway, and parsing it would cost the others."""


class PresenceService:
    """Implements hub.fleet.ports.Presence."""

    def __init__(self, time_ns: Callable[[], int] = time.time_ns) -> None:
        self._time_ns = time_ns
        self._newest: dict[str, tuple[int, SpokeHealth]] = {}

    async def start(self, client: Client) -> None:
        await client.subscribe(subjects.ALL_HEALTH, cb=self._on_health)

    def health(self, spoke_name: str) -> SpokeHealth | None:
        found = self._newest.get(spoke_name)
        return found[1] if found else None

    def last_seen_ns(self, spoke_name: str) -> int:
        """By the hub's clock, since a gateway's may be wrong."""
        found = self._newest.get(spoke_name)
        return found[0] if found else 0

    def online(self, spoke_name: str) -> bool:
        return self._time_ns() - self.last_seen_ns(spoke_name) < OFFLINE_AFTER_S * 1e9

    def applied_revision(self, spoke_name: str) -> int | None:
        health = self.health(spoke_name)
        return health.revision if health else None

    def all(self) -> dict[str, SpokeHealth]:
        return {name: health for name, (_, health) in self._newest.items()}

    async def _on_health(self, message: Msg) -> None:
        # The subject, not the message, says who it is: permissions guard the subject.
        spoke = subjects.spoke_of(message.subject, 1)
        if len(message.data) > MAX_HEALTH_BYTES:
            _log.debug("Health of %s is too large", spoke, extra={"action": "health.large"})
            return
        try:
            health = read(SpokeHealth, message.data)
        except FrameError as error:
            _log.debug("Health of %s: %s", spoke, error, extra={"action": "health.bad"})
            return
        self._newest[spoke] = (self._time_ns(), health)
