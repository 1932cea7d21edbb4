"""What the configuration needs of the NATS side of the fleet; injected, so that tests need none."""

from __future__ import annotations

from typing import Protocol

from schemas.messages.commands import TestReply, TestRequest
from schemas.messages.health import SpokeHealth


class Presence(Protocol):
    """What the hub has heard from its spokes since it started. Asks nobody, so never waits."""

    def health(self, spoke_name: str) -> SpokeHealth | None: ...

    def last_seen_ns(self, spoke_name: str) -> int:
        """0 when nothing was heard."""

    def online(self, spoke_name: str) -> bool: ...

    def applied_revision(self, spoke_name: str) -> int | None:
        """The revision that runs there, None when nothing was heard."""


class Commands(Protocol):
    """Requests to a spoke."""

    async def notify_manifest(self, spoke_name: str, revision: int) -> None:
        """Tells a spoke, if it listens, that there is a newer manifest. It asks for it itself."""

    async def test(self, spoke_name: str, request: TestRequest) -> TestReply:
        """Raises SpokeOfflineError."""

    def credentials(self, spoke_name: str) -> str:
        """A NATS credentials file, made anew at each call."""
