"""Real servers for tests: on 127.0.0.1, on free ports, ended by their own process id."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from infra.nats.config import SpokeServer

T = TypeVar("T")
NATS = Path(sys.executable).parent / "nats-server"
SPOKE, PASSWORD = "line-1", "secret of the tests"
"""The gateway of `spoke_server`, and how its agent logs in."""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def eventually(
    look: Callable[[], T] | Callable[[], Awaitable[T]], limit_s: float = 30.0, what: str = ""
) -> T:
    """Poll `look` until it is true and return what it returned. An AssertionError names it."""
    try:
        async with asyncio.timeout(limit_s):
            while True:
                found = look()
                value = await found if isinstance(found, Awaitable) else found
                if value:
                    return value
                await asyncio.sleep(0.03)
    except TimeoutError:
        raise AssertionError(f"not true within {limit_s:.0f} s: {what or look}") from None


class Program:
    """A child process with its log in a file; `stop` ends it, whatever state it is in."""

    def __init__(self, command: list[str], log: Path, env: dict[str, str] | None = None) -> None:
        self._command, self.log, self._env = command, log, env
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(self._env or {})},
            )

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(10)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        process = self.process
        assert process is not None
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(number)
        try:
            return process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
            raise


class NatsServer(Program):
    """A nats-server with this configuration; `port` is where its clients connect."""

    def __init__(self, folder: Path, config: str, port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "nats.conf").write_text(config)
        super().__init__([str(NATS), "-c", str(folder / "nats.conf")], folder / "nats.log")
        self.port = port

    async def listening(self) -> None:
        def look() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        await eventually(look, what=f"nats-server listens, see {self.log}")


@asynccontextmanager
async def spoke_server(folder: Path) -> AsyncIterator[NatsServer]:
    """A nats-server as the gateway SPOKE has it, without a hub; its files are in `folder`."""
    port = free_port()
    config = SpokeServer(
        SPOKE, folder / "js", port, "agent", PASSWORD, hub_url="", credentials=folder / "none"
    )
    server = NatsServer(folder / "nats", config.render(), port)
    server.start()
    try:
        await server.listening()
        yield server
    finally:
        server.stop()
