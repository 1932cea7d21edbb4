"""Packages on their way to gateways, in parts: a gateway gets those that its manifest names.

The subject of a request says which gateway asks, because its credentials allow no other; nothing
else in it is believed.
"""

from __future__ import annotations

import logging
from collections import OrderedDict

from nats.aio.client import Client
from nats.aio.msg import Msg

from hub.fleet.ports import Presence
from hub.storage.config import ConfigStore
from schemas import subjects
from schemas.config.functions import FunctionConfig
from schemas.errors import FrameError, NotFoundError, SpindleError
from schemas.messages.codec import pack, read
from schemas.messages.functions import ARTIFACT_CHUNK_BYTES, ArtifactReply, ArtifactRequest

_log = logging.getLogger(__name__)

_KEPT_PARTS = 32
"""In memory: 16 MB. A new version goes to many gateways at the same time."""
_KEPT_GRANTS = 10_000


class Artifacts:
    """Artifacts(store, presence)."""

    def __init__(self, store: ConfigStore, presence: Presence) -> None:
        self._store = store
        self._presence = presence
        self._parts: OrderedDict[tuple[str, int], tuple[int, bytes]] = OrderedDict()
        self._grants: OrderedDict[tuple[str, str], int] = OrderedDict()
        """Revision for which a gateway was allowed a package."""

    async def answer(self, client: Client) -> None:
        """Answer every gateway that asks for a part, from now on."""

        async def on_request(message: Msg) -> None:
            spoke = subjects.spoke_of(message.subject, 2)
            try:
                reply = await self.part(spoke, read(ArtifactRequest, message.data))
            except SpindleError as error:
                _log.debug("Package for %s: %s", spoke, error, extra={"action": "package.refused"})
                reply = ArtifactReply(error=error.as_dict())
            await message.respond(pack(reply))

        await client.subscribe(subjects.ARTIFACTS, queue="hub", cb=on_request)

    async def part(self, spoke: str, request: ArtifactRequest) -> ArtifactReply:
        """From `offset` on, at most ARTIFACT_CHUNK_BYTES.

        Raises NotFoundError for a package that this gateway's manifest does not name, FrameError
        for an offset beyond it.
        """
        await self._must_be_named(spoke, request.sha256)
        if not 0 <= request.offset < 2**31 - 1:
            raise FrameError("A package has no such part.")
        key = request.sha256, request.offset
        found = self._parts.pop(key, None)
        if found is None:
            found = await self._store.package_part(*key, ARTIFACT_CHUNK_BYTES)
        self._parts[key] = found
        if len(self._parts) > _KEPT_PARTS:
            self._parts.popitem(last=False)
        total, data = found
        if request.offset > total:
            raise FrameError("A package has no such part.")
        return ArtifactReply(total, data)

    async def _must_be_named(self, spoke: str, sha256: str) -> None:
        row = await self._store.spoke_by_name(spoke)
        if row is None:
            raise NotFoundError(f"There is no gateway {spoke!r}.")
        key = spoke, sha256
        if self._grants.get(key) == row.revision:
            return
        if not await self._named(row.spoke_id, spoke, sha256):
            raise NotFoundError(
                f"The manifest of {spoke} names no package {sha256[:12]}.",
                hint="It was taken away meanwhile; the gateway gets its new manifest.",
            )
        self._grants.pop(key, None)
        self._grants[key] = row.revision
        if len(self._grants) > _KEPT_GRANTS:
            self._grants.popitem(last=False)

    async def _named(self, spoke_id: int, spoke: str, sha256: str) -> bool:
        """In the newest manifest, or in the one that runs there: a gateway that lies about which
        that is gets a package that it had already."""
        for use in await self._store.uses(spoke_id):
            config = FunctionConfig.model_validate(use.device.config["connection"])
            if sha256 == config.package or (config.shadow and sha256 == config.shadow.package):
                return True
        running = self._presence.applied_revision(spoke)
        return running is not None and sha256 in await self._store.packages_of(spoke_id, running)
