"""Messages between supervisor and worker: msgpack maps with a length in front, over pipes.

Pipes and not NATS, so that a spoke whose nats-server is away still starts, stops and reports.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from typing import Any

from schemas.errors import FrameError
from schemas.messages.codec import pack, unpack

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
