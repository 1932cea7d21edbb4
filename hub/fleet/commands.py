"""Commands to spokes, and the answer to their handshake."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from hub.fleet.identity import Identity
from hub.fleet.rpc import Rpc
from schemas import subjects
from schemas.errors import (
    FrameError,
    NotFoundError,
    SpindleError,
    SpokeOfflineError,
    StartError,
)
from schemas.messages.browsing import BrowseReply, BrowseRequest, DiscoverReply, DiscoverRequest
from schemas.messages.codec import pack, read, squeeze
from schemas.messages.commands import ManifestReply, ManifestRequest, TestReply, TestRequest
from schemas.messages.diagnosis import DiagnoseReply, DiagnoseRequest
from schemas.messages.functions import FunctionLookReply, FunctionLookRequest
from schemas.messages.writes import (
    SELECT_S,
    OperateReply,
    OperateRequest,
    SelectReply,
    SelectRequest,
)

_log = logging.getLogger(__name__)

_TEST_S, _DIAGNOSE_S, _BROWSE_S, _DEEP_S, _LOOK_S = 25.0, 5.0, 25.0, 60.0, 5.0
_OPERATE_S = 28.0
"""The spoke gives up after SELECT_S for its turn and 20 s for the device, and says so. Whoever asks
must wait longer than that: only the spoke can tell what was written."""

T = TypeVar("T")

ManifestSource = Callable[[str, int], Awaitable[dict[str, Any] | None]]


class CommandService:
    """Implements Commands, DeviceCommands and FunctionCommands of hub/fleet/ports.py, over one NATS
    connection."""

    def __init__(self, client: Client, rpc: Rpc, identity: Identity | None) -> None:
        self._client = client
        self._rpc = rpc
        self._identity = identity

    async def notify_manifest(self, spoke_name: str, revision: int) -> None:
        try:
            await self._client.publish(
                subjects.command(spoke_name, "manifest"), str(revision).encode()
            )
        except (NatsError, OSError):
            _log.debug("No notice sent", extra={"action": "notice.unsent"})  # it asks by itself

    async def test(self, spoke_name: str, request: TestRequest) -> TestReply:
        return await self._ask(spoke_name, "test", request, TestReply, _TEST_S)

    async def diagnose(self, spoke_name: str, request: DiagnoseRequest) -> DiagnoseReply:
        return await self._ask(spoke_name, "diagnose", request, DiagnoseReply, _DIAGNOSE_S)

    async def discover(self, spoke_name: str, request: DiscoverRequest) -> DiscoverReply:
        return await self._ask(spoke_name, "discover", request, DiscoverReply, _BROWSE_S)

    async def browse(self, spoke_name: str, request: BrowseRequest) -> BrowseReply:
        timeout_s = _DEEP_S if request.deep else _BROWSE_S
        return await self._ask(spoke_name, "browse", request, BrowseReply, timeout_s)

    async def select(self, spoke_name: str, request: SelectRequest) -> SelectReply:
        return await self._ask(spoke_name, "select", request, SelectReply, SELECT_S)

    async def operate(self, spoke_name: str, request: OperateRequest) -> OperateReply:
        return await self._ask(spoke_name, "operate", request, OperateReply, _OPERATE_S)

    async def look(self, spoke_name: str, request: FunctionLookRequest) -> FunctionLookReply:
        return await self._ask(spoke_name, "function", request, FunctionLookReply, _LOOK_S)

    def credentials(self, spoke_name: str) -> str:
        if self._identity is None:
            raise StartError(
                "This hub has no signing keys.",
                hint="Set SPINDLE_HUB_IDENTITY_FILE to the file that `spindle-nats init-hub` made.",
            )
        return self._identity.spoke_credentials(spoke_name)

    async def answer_handshakes(self, manifest: ManifestSource) -> None:
        """Answer every spoke that asks for its manifest, from now on."""

        refused: set[str] = set()

        async def on_request(message: Msg) -> None:
            spoke = subjects.spoke_of(message.subject, 2)
            try:
                request = read(ManifestRequest, message.data)
                found = await manifest(spoke, request.revision)
            except (FrameError, NotFoundError) as error:
                level = logging.DEBUG if spoke in refused else logging.WARNING  # it asks for ever
                refused.add(spoke)
                _log.log(
                    level,
                    "Handshake of %s: %s",
                    spoke,
                    error,
                    extra={"action": "handshake.refused"},
                )
                return
            except SpindleError as error:
                _log.debug("Handshake of %s: %s", spoke, error, extra={"action": "handshake.late"})
                return  # the database is away; the spoke asks again
            refused.discard(spoke)
            packed = None if found is None else squeeze(found)
            await message.respond(pack(ManifestReply(packed)))

        await self._client.subscribe(subjects.HANDSHAKES, queue="hub", cb=on_request)

    async def _ask(
        self, spoke: str, verb: str, request: object, kind: type[T], timeout_s: float
    ) -> T:
        """Raises SpokeOfflineError without an answer in time, or with one that makes no sense."""
        subject = subjects.command(spoke, verb)
        answer = await self._rpc.request(spoke, subject, pack(request), timeout_s)
        try:
            return read(kind, answer)
        except FrameError as error:
            raise SpokeOfflineError(
                f"The gateway {spoke!r} answers something else than expected: {error.message}",
                hint="Compare the versions of hub and gateway.",
            ) from error
