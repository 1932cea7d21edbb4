"""Messages between the supervisor and its children: msgpack maps, a length in front, over pipes.

Pipes and not NATS, so that a spoke whose nats-server is away still starts, stops and reports.
"""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from schemas import logs
from schemas.errors import FrameError
from schemas.messages.codec import pack, unpack
from spoke.settings import SpokeSettings

_LENGTH = struct.Struct("<I")
_MAX_BYTES = 256 * 1024 * 1024


def framed(message: Any) -> bytes:
    data = pack(message)
    return _LENGTH.pack(len(data)) + data


async def messages(reader: asyncio.StreamReader) -> AsyncIterator[dict[str, Any]]:
    """Every message until the other side closes or dies. Raises FrameError for anything else."""
    while True:
        try:
            (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            if length > _MAX_BYTES:
                raise FrameError(f"A message claims {length} bytes.")
            yield unpack(await reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return


async def standard_streams() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The supervisor's messages to this child, and the way back."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    output = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints must not get between our messages
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, output)
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)


def run_child(program: Callable[[SpokeSettings], Coroutine[Any, Any, None]]) -> None:
    """The main of a child of the supervisor, on the fastest event loop there is."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the supervisor closes our input, then we flush
    settings = SpokeSettings()
    logs.set_up(f"spoke {settings.name}", settings.log_level)
    try:
        import uvloop
    except ImportError:
        asyncio.run(program(settings))
    else:
        uvloop.run(program(settings))
