"""One child process of the supervisor: started, watched, restarted with back-off, asked."""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from schemas.errors import FrameError, SpokeOfflineError
from spoke.clock import Clock
from spoke.pipes import framed, messages

_log = logging.getLogger(__name__)

_FIRST_RESTART_S, _MAX_RESTART_S, _STABLE_S, _STOP_S = 0.1, 10.0, 30.0, 6.0
_SILENT_S = 30.0


class Child:
    """Child("Worker 0", ["spoke.worker", "0"], hello, clock). `run` restarts what dies, until
    cancelled; `hello` makes the first message of each life."""

    def __init__(
        self,
        name: str,
        module: Sequence[str],
        hello: Callable[[], dict[str, Any]],
        clock: Clock,
        heard: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        """`heard` gets messages that are neither a report nor an answer: those with `ask`."""
        self.report: dict[str, Any] = {}
        """Its newest one; empty while it is not running."""
        self.restarts = 0
        self._name, self._module, self._hello, self._clock = name, module, hello, clock
        self._on_ask = heard
        self._process: asyncio.subprocess.Process | None = None
        self._heard_s = 0.0
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[bytes]] = {}

    @property
    def pid(self) -> int | None:
        """None while it is not running."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process is not None and running else None

    def tell(self, message: dict[str, Any]) -> bool:
        """Send it; False when the process is not running."""
        process = self._process
        if process is None or process.returncode is not None or process.stdin is None:
            return False
        process.stdin.write(framed(message))
        return True

    async def call(self, verb: str, body: bytes) -> bytes:
        """Its answer. Raises SpokeOfflineError when it ends before it answers."""
        number = next(self._numbers)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            if not self.tell({"call": number, "verb": verb, "body": body}):
                raise _restarting()
            return await future
        finally:
            del self._waiting[number]

    async def run(self) -> None:
        failures = 0
        try:
            while True:
                started = self._clock.monotonic()
                code = await self._live()
                self._forget()
                lived = self._clock.monotonic() - started
                failures = 0 if lived > _STABLE_S else failures + 1
                delay = min(_MAX_RESTART_S, _FIRST_RESTART_S * 2**failures)
                _log.log(
                    logging.DEBUG if failures > 1 else logging.WARNING,  # once, while it goes on
                    "%s ended (%s); starting it again",
                    self._name,
                    code,
                    extra={"action": "worker.restart"},
                )
                await self._clock.sleep(delay)
        finally:
            await asyncio.shield(self._stop())

    def _forget(self) -> None:
        self.report = {}  # what a dead process said is not true any more
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(_restarting())
        self.restarts += 1

    async def _live(self) -> str:
        """One life of the process; why it ended, in words."""
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *self._module,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
        except OSError as error:  # no memory or no process left
            return f"it could not be started: {error}"
        self._process = process
        self._heard_s = self._clock.monotonic()
        self.tell(self._hello())
        async with asyncio.TaskGroup() as tasks:
            silence = tasks.create_task(self._kill_when_silent(process))
            await self._listen(process)
            silence.cancel()
        return f"exit code {await process.wait()}"

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            async for message in messages(process.stdout):
                self._heard_s = self._clock.monotonic()
                if "answer" in message:
                    future = self._waiting.get(message["answer"])
                    if future is not None and not future.done():
                        future.set_result(message["body"])
                elif "ask" in message and self._on_ask is not None:
                    self._on_ask(message)
                else:
                    self.report = message
        except FrameError as error:
            _log.error("%s: %s", self._name, error, extra={"action": "worker.garbled"})
            _kill(process)

    async def _kill_when_silent(self, process: asyncio.subprocess.Process) -> None:
        """A process that hangs is as bad as a dead one."""
        while self._clock.monotonic() - self._heard_s < _SILENT_S:
            await self._clock.sleep(1.0)
        _log.error("%s is silent; ending it", self._name, extra={"action": "worker.silent"})
        _kill(process)

    async def _stop(self) -> None:
        """Close its pipe: it brings what it has into the stream and ends; else it is killed."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            _kill(process)
            await process.wait()


def _restarting() -> SpokeOfflineError:
    return SpokeOfflineError(
        "This gateway's acquisition is just starting again.", hint="Try again in a few seconds."
    )


def _kill(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):  # it ended by itself in the meantime
        process.kill()
