"""A TCP relay that can be cut: as a black hole (nothing passes, nothing is closed) and limited."""

from __future__ import annotations

import asyncio
from contextlib import suppress

_CHUNK = 16 * 1024


class Relay:
    """Forwards 127.0.0.1:`port` to 127.0.0.1:`target`.

    While `cut` is set, bytes of open connections vanish and new connections hang.
    `rate` limits each direction to this many bytes per second.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self.cut = False
        self.rate: float | None = None
        self._target = target
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        far_writer: asyncio.StreamWriter | None = None
        try:
            while self.cut:  # noqa: ASYNC110 - a flag that tests flip
                await asyncio.sleep(0.1)
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(reader, far_writer))
                tasks.create_task(self._pump(far_reader, writer))
        except* (OSError, EOFError):
            pass
        finally:
            self._tasks.discard(task)
            for end in (writer, far_writer):
                if end is not None:
                    end.close()
                    with suppress(OSError, asyncio.CancelledError):
                        await end.wait_closed()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            if self.cut:
                continue
            writer.write(data)
            await writer.drain()
            if self.rate:
                await asyncio.sleep(len(data) / self.rate)
        raise EOFError  # ends the other direction too
