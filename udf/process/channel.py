"""Messages between a function's process and its parent: msgpack over pipes, a length in front.

Nothing that comes out of the process is believed: lengths and the number of things are bounded.
"""

from __future__ import annotations

import os
import select
import time
from typing import Any, cast

import msgpack
import numpy as np

MAX_REQUEST_BYTES = 64 * 1024**2
MAX_REPLY_BYTES = 4 * 1024**2
_MAX_CONTAINERS = 50_000
_HEAD_BYTES = 4


class GoneError(Exception):
    """The other side has closed its end."""


class LateError(Exception):
    """It did not answer in time."""


class GarbageError(Exception):
    """It sent what is no message."""


class Channel:
    """Channel(read, write, limit, ended): descriptors of two pipes, and the longest message taken;
    `ended` can be read when the other process has ended, though another may hold its pipe.

    With a deadline (monotonic seconds) the descriptors must not block; without one they must.
    """

    def __init__(self, read: int, write: int, limit: int, ended: int | None = None) -> None:
        self._read, self._write, self._limit, self._ended = read, write, limit, ended

    def send(self, message: bytes, deadline: float | None = None) -> None:
        """Raises GoneError, LateError."""
        rest = memoryview(len(message).to_bytes(_HEAD_BYTES, "little") + message)
        while rest:
            try:
                rest = rest[os.write(self._write, rest) :]
            except BlockingIOError:
                self._wait(self._write, select.POLLOUT, deadline)
            except OSError as error:
                raise GoneError from error

    def receive(self, deadline: float | None = None) -> dict[str, Any]:
        """Raises GoneError, LateError, GarbageError."""
        size = int.from_bytes(self._exactly(_HEAD_BYTES, deadline), "little")
        if size > self._limit:
            raise GarbageError(f"a message of {size:,} bytes")
        return unpack(self._exactly(size, deadline))

    def _exactly(self, size: int, deadline: float | None) -> bytes:
        parts: list[bytes] = []
        while size:
            if deadline is not None:
                self._wait(self._read, select.POLLIN, deadline)
            try:
                part = os.read(self._read, min(size, 1024**2))
            except BlockingIOError:
                continue
            except OSError as error:
                raise GoneError from error
            if not part:
                raise GoneError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _wait(self, descriptor: int, event: int, deadline: float | None) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        if self._ended is not None:
            poll.register(self._ended, select.POLLIN)
        left_s = 0.0 if deadline is None else deadline - time.monotonic()
        ready = poll.poll(max(0.0, left_s) * 1000 if deadline is not None else None)
        if not ready:
            raise LateError
        if all(found == self._ended for found, _ in ready):
            raise GoneError


def pack(message: dict[str, Any]) -> bytes:
    """Raises TypeError, ValueError or OverflowError for what cannot travel."""
    return cast(bytes, msgpack.packb(message, default=_plain))


def unpack(data: bytes) -> dict[str, Any]:
    """Raises GarbageError."""
    count = 0

    def counted(found: Any) -> Any:
        nonlocal count
        count += 1
        if count > _MAX_CONTAINERS:
            raise ValueError("too many lists and maps")
        return found

    try:
        message = msgpack.unpackb(data, list_hook=counted, object_hook=counted)
    except Exception as error:
        raise GarbageError(f"{type(error).__name__} {error}"[:200]) from error
    if not isinstance(message, dict):
        raise GarbageError("not a map")
    return message


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} cannot be sent")
