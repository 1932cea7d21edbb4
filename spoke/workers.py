"""The worker processes of a spoke: started, watched, restarted with back-off."""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
from contextlib import suppress
from typing import Any

from schemas.config.devices import Manifest
from schemas.errors import FrameError, SpokeOfflineError
from schemas.messages.codec import build
from schemas.messages.health import DeviceHealth
from spoke.clock import Clock
from spoke.manifest import share
from spoke.pipes import framed, messages

_log = logging.getLogger(__name__)

_FIRST_RESTART_S, _MAX_RESTART_S, _STABLE_S, _STOP_S = 0.1, 10.0, 30.0, 6.0
_SILENT_S = 30.0


class Workers:
    """One owner of every worker process. `run` restarts what dies, until cancelled."""

    def __init__(self, count: int, clock: Clock) -> None:
        self.count = count
        self.restarts = 0
        self._clock = clock
        self._shares: list[list[dict[str, Any]]] = [[] for _ in range(count)]
        self._processes: list[asyncio.subprocess.Process | None] = [None] * count
        self._reports: list[dict[str, Any]] = [{} for _ in range(count)]
        self._heard = [0.0] * count
        self._places: dict[int | str | None, int] = {}
        """By device id and by link."""
        self._numbers = itertools.count()
        self._waiting: dict[int, tuple[int, asyncio.Future[bytes]]] = {}

    def apply(self, manifest: Manifest) -> None:
        """Hand each worker its devices; a worker restarts only the devices that changed."""
        self._shares = share(manifest.devices, self.count)
        self._places = {
            item["id"]: index for index, items in enumerate(self._shares) for item in items
        }
        for device in manifest.devices:
            if device.connection.link is not None:
                self._places[device.connection.link] = self._places[device.id]
        for index in range(self.count):
            self._send(index)

    async def call(self, index: int, verb: str, body: bytes) -> bytes:
        """The answer of a worker. Raises SpokeOfflineError when it ends before it answers."""
        number = next(self._numbers)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[number] = (index, future)
        try:
            if not self._tell(index, {"call": number, "verb": verb, "body": body}):
                raise _restarting()
            return await future
        finally:
            del self._waiting[number]

    def place(self, device_id: int | None = None, link: str | None = None) -> int:
        """The worker that runs a device, or whose devices share a connection; else the next one."""
        found = self._places.get(device_id, self._places.get(link))
        return next(self._numbers) % self.count if found is None else found

    def devices(self) -> tuple[DeviceHealth, ...]:
        """The newest health of each device that is configured now."""
        known = {item["id"] for share in self._shares for item in share}
        found = [
            build(DeviceHealth, item)
            for report in self._reports
            for item in report.get("devices", [])
            if item["id"] in known
        ]
        return tuple(sorted(found, key=lambda device: device.id))

    def total(self, field: str) -> int:
        return sum(int(report.get(field, 0)) for report in self._reports)

    def pids(self) -> list[int]:
        return [
            process.pid for process in self._processes if process and process.returncode is None
        ]

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                for index in range(self.count):
                    tasks.create_task(self._keep(index))
        finally:
            await asyncio.shield(self._stop())

    async def _keep(self, index: int) -> None:
        failures = 0
        while True:
            started = self._clock.monotonic()
            code = await self._live(index)
            self._reports[index] = {}  # what a dead worker said is not true any more
            for number, future in self._waiting.values():
                if number == index and not future.done():
                    future.set_exception(_restarting())
            self.restarts += 1
            lived = self._clock.monotonic() - started
            failures = 0 if lived > _STABLE_S else failures + 1
            delay = min(_MAX_RESTART_S, _FIRST_RESTART_S * 2**failures)
            _log.log(
                logging.DEBUG if failures > 1 else logging.WARNING,  # once, while it goes on
                "Worker %d ended (%s); starting it again",
                index,
                code,
                extra={"action": "worker.restart"},
            )
            await self._clock.sleep(delay)

    async def _live(self, index: int) -> str:
        """One life of a worker process; why it ended, in words."""
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "spoke.worker",
                str(index),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
        except OSError as error:  # no memory or no process left
            return f"it could not be started: {error}"
        self._processes[index] = process
        self._heard[index] = self._clock.monotonic()
        self._send(index)
        async with asyncio.TaskGroup() as tasks:
            silence = tasks.create_task(self._kill_when_silent(index, process))
            await self._listen(index, process)
            silence.cancel()
        return f"exit code {await process.wait()}"

    async def _listen(self, index: int, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            async for report in messages(process.stdout):
                self._heard[index] = self._clock.monotonic()
                if "answer" not in report:
                    self._reports[index] = report
                elif (waiting := self._waiting.get(report["answer"])) and not waiting[1].done():
                    waiting[1].set_result(report["body"])
        except FrameError as error:
            _log.error("Worker %d: %s", index, error, extra={"action": "worker.garbled"})
            _kill(process)

    async def _kill_when_silent(self, index: int, process: asyncio.subprocess.Process) -> None:
        """A worker that hangs is as bad as a dead one."""
        while self._clock.monotonic() - self._heard[index] < _SILENT_S:
            await self._clock.sleep(1.0)
        _log.error("Worker %d is silent; ending it", index, extra={"action": "worker.silent"})
        _kill(process)

    def _send(self, index: int) -> None:
        self._tell(index, {"devices": self._shares[index]})

    def _tell(self, index: int, message: dict[str, Any]) -> bool:
        process = self._processes[index]
        if process is None or process.returncode is not None or process.stdin is None:
            return False
        process.stdin.write(framed(message))
        return True

    async def _stop(self) -> None:
        """Close the pipes: workers flush into the stream and end; the rest is killed."""
        running = [item for item in self._processes if item and item.returncode is None]
        for process in running:
            if process.stdin is not None:
                process.stdin.close()
        for process in running:
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
