"""A worker process: some of the spoke's devices, one event loop, one NATS connection.

Started by the supervisor (`spoke/workers.py`) as `python -m spoke.worker <index>`; gets its devices
on standard input, reports on standard output, and ends when the supervisor is gone.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
from collections import deque
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from schemas import subjects
from schemas.config.devices import ManifestDevice
from schemas.connection import options
from schemas.errors import StartError
from schemas.frames import Batch, Frame
from spoke.calls import Calls
from spoke.clock import SystemClock
from spoke.drivers.runner import DeviceRunner
from spoke.pipes import framed, messages, run_child, standard_streams
from spoke.publish.batcher import Batcher
from spoke.publish.live import Live
from spoke.publish.publisher import Publisher
from spoke.publish.recovery import not_in_stream
from spoke.publish.spool import Spool
from spoke.settings import SpokeSettings

_log = logging.getLogger(__name__)

_TEND_S, _REPORT_S, _FLUSH_LIMIT_S = 0.25, 1.0, 3.0
_END_S, _SAVE_S = 1.0, 30.0
_MAX_QUEUED = 4


class Worker:
    def __init__(self, settings: SpokeSettings, index: int) -> None:
        self._settings = settings
        self._name = f"w{index}"
        self._clock = SystemClock()
        self._client = Client()
        producer = f"{self._name}-{secrets.token_hex(4)}"
        self._spool = Spool(settings.spool_dir / self._name, producer)
        self._publisher = Publisher(
            self._client, settings.name, self._name, self._spool, self._clock, settings.window_bytes
        )
        self._queue: deque[Batch] = deque()
        self._batcher = Batcher(
            producer,
            self._spool,
            self._queue.append,
            self._clock,
            max_age_s=settings.batch_ms / 1000,
            max_bytes=settings.batch_bytes,
        )
        self._live = Live(self._client, settings.name, self._clock)
        self._running: dict[int, DeviceRunner] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._calls = Calls(self._running, self._clock, settings.drivers_dir)
        self._ending = False
        self._waiting_bytes = 0

    # --- the sink of the runners ---------------------------------------------------------------
    @property
    def ready(self) -> bool:
        """False too while batches of crashed runs fill the window: the disk stays bounded."""
        room = self._waiting_bytes < self._settings.window_bytes and len(self._queue) < _MAX_QUEUED
        return room and self._publisher.ready

    def put(self, device_id: int, frame: Frame, stored: Frame | None) -> None:
        if stored is not None:
            self._batcher.add(stored)
        self._live.put(device_id, frame)

    # --- the life of the process ---------------------------------------------------------------
    async def run(self) -> None:
        """Run until the supervisor closes our standard input."""
        while not self._spool.lock():
            await self._clock.sleep(0.05)
        self._waiting_bytes = self._spool.waiting_bytes()
        reader, writer = await standard_streams()
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(self._publish())
            background = [
                tasks.create_task(self._connect()),
                tasks.create_task(self._tend()),
                tasks.create_task(self._flush_live()),
                tasks.create_task(self._report(writer)),
            ]
            async for message in messages(reader):
                if "call" in message:
                    background.append(tasks.create_task(self._answer(writer, message)))
                    background = [task for task in background if not task.done()]
                else:
                    self._assign(tasks, message["devices"])
            self._ending = True
            await asyncio.wait([publishing, *self._assign(tasks, [])], timeout=_END_S)
            publishing.cancel()
            await self._flush()
            for task in background:
                task.cancel()
        with suppress(NatsError, OSError, TimeoutError):
            async with asyncio.timeout(_END_S):  # a client without its server may wait for ever
                await self._client.close()
        self._spool.close()

    def _assign(
        self, tasks: asyncio.TaskGroup, wanted: list[dict[str, Any]]
    ) -> list[asyncio.Task[None]]:
        """Apply a diff: what did not change is not restarted. Returns what is ending now."""
        devices = {item["id"]: ManifestDevice.model_validate(item) for item in wanted}
        ending: dict[int, asyncio.Task[None]] = {}
        for device_id, runner in list(self._running.items()):
            if devices.get(device_id) != runner.device:
                runner.stop()
                runner.save()
                del self._running[device_id]
                ending[device_id] = self._tasks.pop(device_id)
                ending[device_id].cancel()
                self._live.forget(device_id)
        for device_id, device in devices.items():
            if device_id not in self._running:
                self._running[device_id] = DeviceRunner(device, self, self._calls.context())
                self._tasks[device_id] = tasks.create_task(
                    _contained(self._running[device_id], ending.get(device_id))
                )
        return list(ending.values())

    async def _connect(self) -> None:
        settings = self._settings
        await self._client.connect(
            settings.nats_url,
            user=settings.nats_user,
            password=settings.nats_password,
            reconnected_cb=self._publisher.resend,
            **options(f"{settings.name} {self._name}", subjects.spoke_inbox(settings.name)),
        )
        await self._publisher.start()
        await self._live.start()
        await self._recover()

    async def _recover(self) -> None:
        """Publish what an earlier run read and could not see acknowledged."""
        await self._adopt()
        leftovers = self._spool.leftovers()
        while leftovers:
            try:
                missing = await not_in_stream(self._client, self._settings.name, leftovers)
                break
            except (NatsError, JetStreamError, TimeoutError):
                await self._clock.sleep(1.0)  # JetStream is not up yet
        else:
            return
        for leftover in leftovers:
            if leftover in missing and leftover.frames:
                while not self._publisher.ready:
                    await self._clock.sleep(0.05)
                await self._publisher.put_leftover(leftover)
            else:
                self._spool.release(leftover.producer, leftover.number)
        self._waiting_bytes = 0
        _log.info("Recovered %d batches", len(missing), extra={"action": "spool.recovered"})

    async def _adopt(self) -> None:
        """Worker 0 takes over the spools of workers that are no more (there were more of them)."""
        if self._name != "w0":
            return
        mine = {f"w{index}" for index in range(self._settings.worker_count)}
        for folder in self._settings.spool_dir.iterdir():
            if folder.is_dir() and folder.name not in mine:
                while not self._spool.adopt(folder):
                    await self._clock.sleep(0.5)  # its process still flushes

    async def _publish(self) -> None:
        while not self._ending:
            await self._clock.sleep(min(self._batcher.due_in_s, 0.05) + 0.001)
            self._batcher.close_due()
            await self._drain()

    async def _drain(self) -> None:
        while self._queue:
            await self._publisher.put(self._queue.popleft())

    async def _tend(self) -> None:
        save_s = self._clock.monotonic() + _SAVE_S
        while True:
            await self._clock.sleep(_TEND_S)
            if self._client.is_closed:  # after a protocol error the client gives up for good
                raise StartError("The connection to the local nats-server ended for good.")
            await self._publisher.tend()
            if self._clock.monotonic() >= save_s:
                save_s = self._clock.monotonic() + _SAVE_S
                for runner in self._running.values():
                    runner.save()

    async def _flush_live(self) -> None:
        """A task of its own: a stuck server holds `tend`, and watches must end all the same."""
        while True:
            await self._clock.sleep(_TEND_S)
            await self._live.flush()

    async def _flush(self) -> None:
        """Bring everything into the stream; what does not make it stays in the spool."""
        self._batcher.close()
        await self._drain()
        deadline = self._clock.monotonic() + _FLUSH_LIMIT_S
        while self._publisher.outstanding and self._clock.monotonic() < deadline:
            await self._clock.sleep(0.02)

    async def _report(self, writer: asyncio.StreamWriter) -> None:
        """Ends quietly when the supervisor is gone: `run` sees that too, and flushes."""
        while not writer.is_closing():
            report = {
                "devices": [asdict(runner.health) for runner in self._running.values()],
                "outstanding": self._publisher.outstanding,
                "failing": self._publisher.failing,
                "acknowledged_bytes": self._publisher.acknowledged_bytes,
            }
            writer.write(framed(report))
            with suppress(OSError):
                await writer.drain()
            await self._clock.sleep(_REPORT_S)

    async def _answer(self, writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
        body = await self._calls.answer(message["verb"], message["body"])
        writer.write(framed({"answer": message["call"], "body": body}))


async def _contained(runner: DeviceRunner, before: asyncio.Task[None] | None) -> None:
    """Run a device, after the same device's earlier configuration has closed its connection: many
    devices take only one."""
    with suppress(asyncio.CancelledError):
        if before is not None:
            await asyncio.wait({before})
        await runner.run()


def main() -> None:
    run_child(lambda settings: Worker(settings, int(sys.argv[1])).run())


if __name__ == "__main__":
    main()
