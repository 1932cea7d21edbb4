"""Requests of the hub on their way to the worker, or the function host, that can answer them.

Through the supervisor and its pipes, because it alone knows which worker has a device or a serial
line, and answers also when that worker is just starting again.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from pydantic import ValidationError

from schemas import subjects
from schemas.config.drivers import CONNECTION
from schemas.errors import DeviceError, FrameError, SpindleError, SpokeOfflineError
from schemas.messages.codec import unpack
from spoke.calls import VERBS, failed
from spoke.functions.keeper import FunctionKeeper
from spoke.workers import Workers

_log = logging.getLogger(__name__)

_MAX_OPEN = 64
_URGENT = ("select", "operate")
"""Short, and somebody waits with a hand on the machine: tests and browsing never hold them up."""
_LIMIT_S = 90.0
_FUNCTION = "function"


class Relay:
    """Each request is a task of its own: a test of 20 s holds up no write."""

    def __init__(
        self, spoke: str, client: Client, workers: Workers, functions: FunctionKeeper
    ) -> None:
        self._spoke, self._client = spoke, client
        self._workers, self._functions = workers, functions
        self._open = 0

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Subscribe, once after connecting. The requests run in `tasks`."""

        async def on_request(message: Msg) -> None:
            tasks.create_task(self._pass_on(message))

        for verb in (*VERBS, _FUNCTION):
            await self._client.subscribe(subjects.command(self._spoke, verb), cb=on_request)

    async def _pass_on(self, message: Msg) -> None:
        verb = message.subject.rpartition(".")[2]
        self._open += 1
        try:
            answer = await self._ask(verb, message.data)
        except SpindleError as error:
            answer = failed(error)
        except TimeoutError:
            answer = failed(SpokeOfflineError("The gateway took too long to answer."))
        finally:
            self._open -= 1
        if len(answer) > self._client.max_payload:  # else nobody would hear anything
            answer = failed(
                DeviceError(
                    f"The answer has {len(answer) / 1e6:.0f} MB, more than a message carries.",
                    hint="Ask for less at a time, for example for one folder.",
                )
            )
        with suppress(NatsError, OSError):  # the hub has stopped waiting
            await message.respond(answer)

    async def _ask(self, verb: str, body: bytes) -> bytes:
        if self._open > _MAX_OPEN and verb not in _URGENT:
            raise SpokeOfflineError("The gateway is busy with other requests.", hint="Try again.")
        async with asyncio.timeout(_LIMIT_S):
            if verb == _FUNCTION:
                return await self._functions.call(verb, body)
            return await self._workers.call(self._place(body), verb, body)

    def _place(self, body: bytes) -> int:
        """The worker that runs the device of this request, or that has its connection."""
        request = unpack(body)
        if isinstance(device_id := request.get("device_id"), int):
            return self._workers.place(device_id=device_id)
        device = request.get("device")
        connection = device.get("connection") if isinstance(device, dict) else None
        try:
            settings = CONNECTION.validate_python(connection or request.get("connection"))
        except ValidationError:  # any worker can explain what is wrong with it
            return self._workers.place()
        except RecursionError as error:
            raise FrameError("Not a request.") from error
        return self._workers.place(link=settings.link)
