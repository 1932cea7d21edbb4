"""What one client may ask of the hub: log-ins per minute, and bytes per request.

The limit per address stands on top of the throttle per account, so that nobody tries one password
on a thousand accounts or keeps the hub busy with hashing.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.api.problems import too_large
from schemas.errors import TooManyTriesError

MAX_TRIES = 30
WINDOW_S = 60.0
MAX_ADDRESSES = 10_000
MAX_BODY_BYTES = 32 * 1024 * 1024
"""Some 100,000 tags in one call."""


class AddressLimit:
    """At most MAX_TRIES per address in WINDOW_S. `clock` gives steady seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def admit(self, address: str) -> None:
        """Counts a try. Raises TooManyTriesError when there were too many."""
        now = self._clock()
        tries = self._tries.pop(address, None) or deque()
        self._tries[address] = tries
        if len(self._tries) > MAX_ADDRESSES:
            self._tries.popitem(last=False)
        while tries and now - tries[0] >= WINDOW_S:
            tries.popleft()
        if len(tries) >= MAX_TRIES:
            raise TooManyTriesError
        tries.append(now)


class BodyLimit:
    """ASGI middleware: a larger body is refused, by its Content-Length or while it arrives."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            await too_large()(scope, receive, send)
            return
        arrived = 0

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > MAX_BODY_BYTES:
                raise HTTPException(413)
            return message

        await self._app(scope, counted, send)
