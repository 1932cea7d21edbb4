"""Packages of functions on this gateway: fetched from the hub once, checked, kept on disk."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from pathlib import Path

from nats.aio.client import Client
from nats.errors import Error as NatsError

from schemas import subjects
from schemas.errors import ConfigError, SpindleError, SpokeOfflineError, error_of
from schemas.messages.codec import pack, read
from schemas.messages.functions import ArtifactReply, ArtifactRequest
from udf.process.bundle import MAX_BUNDLE_BYTES
from udf.process.environment import Environment, prepare

_log = logging.getLogger(__name__)
_ANSWER_S = 10.0


class Packages:
    """Packages(client, spoke, folder): bundles are `<sha256>.bundle`, environments beside them."""

    def __init__(self, client: Client, spoke: str, folder: Path) -> None:
        self._client, self._spoke, self._folder = client, spoke, folder
        self._turns: dict[str, asyncio.Lock] = {}

    async def environment(self, sha256: str) -> Environment:
        """Ready to run, without the hub where it was fetched before.

        Raises SpokeOfflineError while the hub is away, ConfigError for a package that does not fit.
        """
        async with self._turns.setdefault(sha256, asyncio.Lock()):
            bundle = self._folder / f"{sha256}.bundle"
            if not bundle.exists():
                await self._fetch(sha256, bundle)
            data = await asyncio.to_thread(bundle.read_bytes)
            return await asyncio.to_thread(prepare, data, self._folder)

    async def _fetch(self, sha256: str, bundle: Path) -> None:
        """Goes on where an earlier try ended; only a whole and right bundle gets its name."""
        self._folder.mkdir(parents=True, exist_ok=True)
        part = bundle.with_suffix(".part")
        while True:
            offset = part.stat().st_size if part.exists() else 0
            reply = await self._ask(ArtifactRequest(sha256, offset))
            if reply.total > MAX_BUNDLE_BYTES:
                raise ConfigError("The hub says that the package is larger than any can be.")
            if reply.data:
                with part.open("ab") as file:
                    file.write(reply.data)
            if offset + len(reply.data) >= reply.total:
                break
        found = hashlib.sha256(part.read_bytes()).hexdigest()
        if found != sha256:
            part.unlink()
            raise SpokeOfflineError(
                "The package arrived damaged.", hint="It is fetched again by itself."
            )
        part.replace(bundle)
        _log.info("Fetched the package %s", sha256[:12], extra={"action": "package.fetched"})

    async def _ask(self, request: ArtifactRequest) -> ArtifactReply:
        subject = subjects.hub_rpc(self._spoke, "artifact")
        try:
            answer = await self._client.request(subject, pack(request), timeout=_ANSWER_S)
            reply = read(ArtifactReply, answer.data)
        except (NatsError, OSError, TimeoutError, SpindleError) as error:
            raise SpokeOfflineError(
                "The function's package is not on this gateway yet, and the hub does not answer.",
                hint="It is fetched as soon as the link to the hub is back.",
            ) from error
        if reply.error is not None:
            raise error_of(reply.error)
        if not reply.data and request.offset < reply.total:
            raise SpokeOfflineError("The hub sent an empty part of a package.")
        return reply
