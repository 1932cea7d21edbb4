"""Commands to spokes, and the answer to their handshake."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from hub.fleet.identity import Identity
from hub.fleet.rpc import Rpc
from schemas import subjects
from schemas.errors import FrameError, NotFoundError, SpindleError, StartError
from schemas.messages.codec import pack, read, squeeze
from schemas.messages.commands import ManifestReply, ManifestRequest, TestReply, TestRequest

_log = logging.getLogger(__name__)

_TEST_S = 25.0

ManifestSource = Callable[[str, int], Awaitable[dict[str, Any] | None]]


class CommandService:
    """Implements hub.fleet.ports.Commands."""

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
        subject = subjects.command(spoke_name, "test")
        return read(TestReply, await self._rpc.request(spoke_name, subject, pack(request), _TEST_S))

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
