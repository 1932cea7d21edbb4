"""The function host: a process of its own that runs every use of this gateway.

Started by the supervisor (`spoke/functions/keeper.py`) as `python -m spoke.functions.host`; gets
its uses on standard input, reports on standard output, and ends when the supervisor is gone. It
reads the local stream, where the measured values are safe already, so nothing that happens here
can lose, delay or change one of them.
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError

from schemas import subjects
from schemas.config.devices import ManifestDevice
from schemas.connection import options
from schemas.errors import NotFoundError, SpindleError, error_of
from schemas.functions import TagInfo
from schemas.kinds import Value
from schemas.messages.codec import pack, read
from schemas.messages.functions import FunctionLookReply, FunctionLookRequest
from spoke.calls import failed
from spoke.clock import SystemClock
from spoke.functions.effects import Effects
from spoke.functions.packages import Packages
from spoke.functions.publisher import Publisher
from spoke.functions.runner import Runner
from spoke.functions.slots import Slots
from spoke.functions.tap import Tap
from spoke.functions.use import Wiring
from spoke.pipes import framed, messages, run_child, standard_streams
from spoke.publish.live import Live
from spoke.settings import SpokeSettings

_REPORT_S, _LIVE_S, _END_S = 1.0, 0.25, 4.0
_PACE_S, _PACE_PER_USE_S, _MAX_PACE_S = 0.2, 0.01, 2.0
"""Many uses take larger bites: each is a message on disk, of which there are some hundreds a
second."""
_WRITE_S = 30.0


class Host:
    def __init__(self, settings: SpokeSettings) -> None:
        self._settings = settings
        self._clock = SystemClock()
        self._client = Client()
        self._tap = Tap(self._client, settings.name, self._clock)
        folder = settings.functions_dir / "packages"
        self._slots = Slots(Packages(self._client, settings.name, folder))
        self._live = Live(self._client, settings.name, self._clock)
        self._wirings: dict[int, Wiring] = {}
        self._runners: dict[int, Runner] = {}
        self._pace_s = _PACE_S
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._numbers = itertools.count()
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._writer: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        """Run until the supervisor closes our standard input."""
        reader, self._writer = await standard_streams()
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(self._connect()),
                tasks.create_task(self._flush_live()),
                tasks.create_task(self._report()),
            ]
            async for message in messages(reader):
                if "call" in message:
                    self._answer(message)
                elif "answer" in message:
                    self._answered(message)
                else:
                    self._assign(tasks, message)
            ending = self._assign(tasks, {"uses": []})
            if ending:
                await asyncio.wait(ending, timeout=_END_S)
            for task in (*background, *ending):
                task.cancel()
        with suppress(NatsError, OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._client.close()

    async def _connect(self) -> None:
        settings = self._settings
        await self._client.connect(
            settings.nats_url,
            user=settings.nats_user,
            password=settings.nats_password,
            **options(f"{settings.name} functions", subjects.spoke_inbox(settings.name)),
        )
        await self._tap.start()
        await self._live.start()
        await self._tap.run()

    # --- uses -----------------------------------------------------------------------------------
    def _assign(
        self, tasks: asyncio.TaskGroup, message: dict[str, Any]
    ) -> list[asyncio.Task[None]]:
        """Apply a diff: what did not change is not restarted. Returns what is ending now."""
        wanted = {item["device"]["id"]: _wiring(item) for item in message["uses"]}
        ending: dict[int, asyncio.Task[None]] = {}
        for use_id, wiring in list(self._wirings.items()):
            if wanted.get(use_id) != wiring:
                del self._wirings[use_id]
                self._runners.pop(use_id, None)
                ending[use_id] = self._tasks.pop(use_id)
                ending[use_id].cancel()
                self._live.forget(use_id)
        self._pace_s = min(max(_PACE_S, len(wanted) * _PACE_PER_USE_S), _MAX_PACE_S)
        for runner in self._runners.values():
            runner.pace_s = self._pace_s
        for use_id, wiring in wanted.items():
            if use_id not in self._wirings and wiring.device.enabled:
                self._wirings[use_id] = wiring
                keeping = self._keep(tasks, wiring, ending.get(use_id))
                self._tasks[use_id] = tasks.create_task(keeping)
        return list(ending.values())

    async def _keep(
        self, tasks: asyncio.TaskGroup, wiring: Wiring, before: asyncio.Task[None] | None
    ) -> None:
        """Run a use, after its earlier configuration has saved its state."""
        if before is not None:
            try:
                await asyncio.wait({before})
            except asyncio.CancelledError:  # a third configuration waits for the first one too
                await asyncio.wait({before})
                raise
        runner = self._runners[wiring.device.id] = self._runner(tasks, wiring)
        runner.pace_s = self._pace_s
        await runner.run()

    def _runner(self, tasks: asyncio.TaskGroup, wiring: Wiring) -> Runner:
        use_id, clock = wiring.device.id, self._clock
        return Runner(
            wiring,
            self._tap,
            self._slots,
            Publisher(self._client, self._tap, self._settings.name, use_id, clock),
            self._live,
            Effects(use_id, self._write, tasks, clock),
            self._settings.functions_dir,
            clock,
        )

    # --- the supervisor -------------------------------------------------------------------------
    async def _write(self, tag_id: int, value: Value) -> str:
        """Ask the supervisor to write a value; what became of it, in words."""
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        try:
            self._send({"ask": number, "write": [tag_id, value]})
            async with asyncio.timeout(_WRITE_S):
                answer = await future
        except TimeoutError as error:
            raise SpindleError("No answer; it may have been written or not.") from error
        finally:
            del self._asked[number]
        if answer.get("error"):
            raise error_of(answer["error"])
        return str(answer.get("outcome", ""))

    def _answered(self, message: dict[str, Any]) -> None:
        future = self._asked.get(message["answer"])
        if future is not None and not future.done():
            future.set_result(message)

    def _answer(self, message: dict[str, Any]) -> None:
        try:
            body = pack(self._look(message["body"]))
        except SpindleError as error:
            body = failed(error)
        self._send({"answer": message["call"], "body": body})

    def _look(self, body: bytes) -> FunctionLookReply:
        request = read(FunctionLookRequest, body)
        runner = self._runners.get(request.function_id)
        if runner is None:
            raise NotFoundError(
                "The gateway does not run this function (yet).",
                hint="It may be switched off, or not have the newest configuration.",
            )
        return runner.look(request)

    async def _report(self) -> None:
        while True:
            pairs = [runner.health() for runner in self._runners.values()]
            self._send(
                {
                    "functions": [asdict(function) for function, _ in pairs],
                    "devices": [asdict(device) for _, device in pairs],
                }
            )
            await self._clock.sleep(_REPORT_S)

    async def _flush_live(self) -> None:
        while True:
            await self._clock.sleep(_LIVE_S)
            await self._live.flush()

    def _send(self, message: dict[str, Any]) -> None:
        assert self._writer is not None
        self._writer.write(framed(message))


def _wiring(item: dict[str, Any]) -> Wiring:
    """A use as the supervisor sends it (`spoke/functions/keeper.py`)."""
    device = ManifestDevice.model_validate(item["device"])
    tags = {found[0]: TagInfo(*found) for found in item["tags"]}
    return Wiring(device, tags, item["groups"])


def main() -> None:
    run_child(lambda settings: Host(settings).run())


if __name__ == "__main__":
    main()
