"""An OPC UA server with one user, a line to it that can go dead, and a device that reads it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from schemas.config.devices import ManifestDevice
from schemas.frames import Frame
from schemas.quality import Quality
from spoke.drivers.base import DriverContext
from spoke.drivers.opcua.simulator import OpcUaSimulator
from spoke.drivers.opcua.simulator_security import ServerSecurity
from spoke.drivers.runner import DeviceRunner
from tests.fixtures.context import driver_context

from .opcua_client import signals

USER, PASSWORD = "reader-of-line-7", "Sesam-öffne-dich-47"


@contextlib.asynccontextmanager
async def guarded() -> AsyncIterator[OpcUaSimulator]:
    """A running simulator with security, which lets USER in."""
    made = OpcUaSimulator(signals(), security=ServerSecurity({USER: PASSWORD}))
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


class Line:
    """Forwards to a port of this machine. `sent` is all that went to the server."""

    def __init__(self, port: int) -> None:
        self.sent = bytearray()
        self.port = 0
        self._to = port
        self._alive = asyncio.Event()
        self._alive.set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def endpoint(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Nothing passes any more, and nobody is told; new connections are accepted."""
        self._alive.clear()

    def mend(self) -> None:
        """New connections pass; those that were cut stay dead."""
        for task in self._tasks:
            task.cancel()
        self._alive.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._alive.wait()
            with contextlib.suppress(OSError):
                await self._forward(reader, writer)
        except asyncio.CancelledError:
            pass  # mend() or the end
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._to)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(reader, to_writer, self.sent))
                tasks.create_task(self._pump(to_reader, writer, bytearray()))
        finally:
            to_writer.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await self._alive.wait()
                seen += data
                writer.write(data)
        writer.close()


@contextlib.asynccontextmanager
async def line_to(port: int) -> AsyncIterator[Line]:
    made = Line(port)
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        try:
            yield made
        finally:
            made.mend()


class Plant:
    """A device with the real runner: what arrived, and when."""

    def __init__(self, device: ManifestDevice, context: DriverContext | None = None) -> None:
        self.ready = True
        self.runner = DeviceRunner(device, self, context or driver_context())
        self.quality: list[int] = []
        """The newest quality of any tag, in order of arrival."""
        self._loop = asyncio.get_running_loop()

    def put(self, _device_id: int, frame: Frame, _stored: Frame | None) -> None:
        good = [Quality.GOOD] if frame.quality is None else frame.quality.ravel().tolist()
        self.quality += [int(code) for code in good]

    @property
    def error(self) -> str:
        found = self.runner.health.error
        return f"{found['message']} {found['hint']}" if found else ""

    async def good(self, limit_s: float) -> float:
        """Seconds until the next good value arrives."""
        self.quality.clear()
        started = self._loop.time()
        await self.until(lambda: Quality.GOOD in self.quality, limit_s)
        return self._loop.time() - started

    async def bad(self, limit_s: float) -> str:
        """The reason, when the values have become bad."""
        await self.until(lambda: bool(self.error) and self.quality[-1] < 64, limit_s)
        return self.error

    async def until(self, true: Callable[[], bool], limit_s: float) -> None:
        async with asyncio.timeout(limit_s):
            while not true():  # noqa: ASYNC110 - the runner has no event for it
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def plant(
    device: ManifestDevice, context: DriverContext | None = None
) -> AsyncIterator[Plant]:
    made = Plant(device, context)
    task = asyncio.ensure_future(made.runner.run())
    try:
        yield made
    finally:
        made.runner.stop()
        task.cancel()
        await asyncio.wait([task])
