"""What the configuration needs of the NATS side of the fleet; injected, so that tests need none."""

from __future__ import annotations

from typing import Protocol

from schemas.messages.browsing import BrowseReply, BrowseRequest, DiscoverReply, DiscoverRequest
from schemas.messages.commands import TestReply, TestRequest
from schemas.messages.diagnosis import DiagnoseReply, DiagnoseRequest
from schemas.messages.functions import FunctionLookReply, FunctionLookRequest
from schemas.messages.health import SpokeHealth
from schemas.messages.writes import OperateReply, OperateRequest, SelectReply, SelectRequest


class Presence(Protocol):
    """What the hub has heard from its spokes since it started. Asks nobody, so never waits."""

    def health(self, spoke_name: str) -> SpokeHealth | None: ...

    def last_seen_ns(self, spoke_name: str) -> int:
        """0 when nothing was heard."""

    def online(self, spoke_name: str) -> bool: ...

    def applied_revision(self, spoke_name: str) -> int | None:
        """The revision that runs there, None when nothing was heard."""


class Commands(Protocol):
    """What the configuration asks of a spoke."""

    async def notify_manifest(self, spoke_name: str, revision: int) -> None:
        """Tells a spoke, if it listens, that there is a newer manifest. It asks for it itself."""

    async def test(self, spoke_name: str, request: TestRequest) -> TestReply:
        """Raises SpokeOfflineError."""

    def credentials(self, spoke_name: str) -> str:
        """A NATS credentials file, made anew at each call."""


class FunctionCommands(Commands, Protocol):
    """Requests about functions at work."""

    async def look(self, spoke_name: str, request: FunctionLookRequest) -> FunctionLookReply:
        """Raises SpokeOfflineError."""


class DeviceCommands(Protocol):
    """Requests about a device at work. All raise SpokeOfflineError without an answer in time."""

    async def diagnose(self, spoke_name: str, request: DiagnoseRequest) -> DiagnoseReply: ...

    async def discover(self, spoke_name: str, request: DiscoverRequest) -> DiscoverReply: ...

    async def browse(self, spoke_name: str, request: BrowseRequest) -> BrowseReply: ...

    async def select(self, spoke_name: str, request: SelectRequest) -> SelectReply: ...

    async def operate(self, spoke_name: str, request: OperateRequest) -> OperateReply:
        """Whether it was written is unknown after an error."""
