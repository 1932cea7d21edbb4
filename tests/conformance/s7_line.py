"""A line to a CPU that can go dead: then no byte, no FIN and no RST gets through."""

from __future__ import annotations

import asyncio
from typing import cast


class Line:
    """Forwards 127.0.0.1:`port` to a port of this machine."""

    def __init__(self, to: int) -> None:
        self.port = 0
        self.dead = False
        self.ends: set[End] = set()
        self._to = to
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Line:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: End(self, near=True), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for end in list(self.ends):
            end.abort()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Silence; new connections are accepted and go nowhere."""
        self.dead = True
        for end in self.ends:
            end.dead = True

    def mend(self) -> None:
        """New connections pass; those that were cut stay dead for ever."""
        self.dead = False

    def connect(self, near: End) -> None:
        """The other half of a connection."""
        if self.dead:
            near.dead = True
            return
        task = asyncio.get_running_loop().create_task(self._connect(near))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, near: End) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, far = await loop.create_connection(
                lambda: End(self, near=False), "127.0.0.1", self._to
            )
        except OSError:
            near.abort()
            return
        near.join(far)


class End(asyncio.Protocol):
    """One end of a forwarded connection."""

    def __init__(self, line: Line, *, near: bool) -> None:
        self.dead = False
        self._line, self._near = line, near
        self._peer: End | None = None
        self._early = b""
        self._transport: asyncio.Transport | None = None

    def join(self, peer: End) -> None:
        self._peer, peer._peer = peer, self
        if self._early:
            peer.send(self._early)

    def send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._line.ends.add(self)
        if self._near:
            self._line.connect(self)

    def data_received(self, data: bytes) -> None:
        if self.dead:
            return
        if self._peer is None:
            self._early += data
        else:
            self._peer.send(data)

    def eof_received(self) -> bool:
        """True keeps this half open: nobody is told of the end."""
        return self.dead

    def connection_lost(self, exc: Exception | None) -> None:
        self._line.ends.discard(self)
        if not self.dead and self._peer is not None:
            self._peer.abort()
