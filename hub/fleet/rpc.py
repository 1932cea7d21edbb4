"""Requests from the hub to a spoke over the leaf.

Replies must come on `_INBOX_hub.<spoke>.…`, which the leaf's permissions name; the default inbox
of nats-py does not pass them (nats.md, section 1). One wildcard subscription serves all spokes.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from schemas import subjects
from schemas.errors import SpokeOfflineError


class Rpc:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._waiting: dict[str, asyncio.Future[bytes]] = {}

    async def start(self) -> None:
        """Subscribe; call once after connecting."""
        await self._client.subscribe(f"{subjects.hub_inbox('*')}.r.*", cb=self._on_reply)

    async def request(self, spoke: str, subject: str, payload: bytes, timeout_s: float) -> bytes:
        """The reply of a spoke. Raises SpokeOfflineError without one in time."""
        inbox = f"{subjects.hub_inbox(spoke)}.r.{secrets.token_hex(16)}"
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[inbox] = future
        try:
            await self._client.publish(subject, payload, reply=inbox)
            async with asyncio.timeout(timeout_s):
                return await future
        except (NatsError, OSError, TimeoutError) as error:
            raise SpokeOfflineError(f"The gateway {spoke!r} does not answer.") from error
        finally:
            del self._waiting[inbox]

    async def tell(self, subject: str, payload: bytes) -> None:
        """A command without an answer; raises nats errors while the hub's server is away."""
        await self._client.publish(subject, payload)

    async def jetstream(self, spoke: str, call: str, body: dict[str, Any]) -> dict[str, Any]:
        """A call of the spoke's JetStream API, for example `STREAM.INFO.TEL_line-1`."""
        subject = f"{subjects.js_api(spoke)}.{call}"
        answer = await self.request(spoke, subject, json.dumps(body).encode(), 3.0)
        try:
            found = json.loads(answer)
        except (ValueError, RecursionError) as error:
            raise SpokeOfflineError(f"The gateway {spoke!r} answers nonsense.") from error
        return found if isinstance(found, dict) else {}

    async def _on_reply(self, message: Msg) -> None:
        future = self._waiting.get(message.subject)  # all of it: it names the spoke that may answer
        if future is None or future.done():
            return  # too late, or a second answer
        if message.headers and message.headers.get("Status") == "503":
            future.set_exception(NatsError("no responders"))
        else:
            future.set_result(message.data)
