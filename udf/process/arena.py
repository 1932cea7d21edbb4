"""Columns between two processes: one file in memory for each direction, rewritten by each message.

The writer copies its arrays in, the reader copies them out in one call, so that neither can pull
memory away from under the other, nor change what the other looks at. Texts travel as one text and
the length of each.
"""

from __future__ import annotations

import os
import tempfile
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.kinds import Array

MAX_RESULT_BYTES = 64 * 1024**2
"""Of one reply's columns, or of a state."""
MAX_RESULT_TEXTS = 1_000_000
_DTYPES = frozenset({"<f8", "<i8", "|b1", "|u1"})
_TEXTS = "texts"
_ALIGN = 16
_KEPT_BYTES = 16 * 1024**2
_BUFFERS = 500

Place = list[Any]
"""[offset, dtype, shape] of an array, [lengths, "texts", shape, text] of texts."""


def make(name: str) -> int:
    """A new file in memory; returns its descriptor."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name)
    with tempfile.TemporaryFile() as file:  # not Linux
        return os.dup(file.fileno())


def share(arena: int, *, write: bool) -> int:
    """Another descriptor of it for another process, whose modes are not those of this one."""
    try:
        return os.open(f"/proc/self/fd/{arena}", os.O_RDWR if write else os.O_RDONLY)
    except OSError:
        return os.dup(arena)  # not Linux


class Writer:
    """Collects the arrays of one message: `add` each, then `write` them all."""

    def __init__(self) -> None:
        self._buffers: list[Any] = []
        self.size = 0
        """Bytes so far."""

    def add(self, values: Array) -> Place:
        if values.dtype == object:
            return self._texts(values)
        return [self._append(np.ascontiguousarray(values)), values.dtype.str, list(values.shape)]

    def add_bytes(self, data: bytes) -> Place:
        return [self._append(np.frombuffer(data, np.uint8)), "|u1", [len(data)]]

    def write(self, arena: int) -> None:
        """Raises OSError when there is no room."""
        held = os.fstat(arena).st_size
        if held > _KEPT_BYTES and held > 4 * self.size:
            os.ftruncate(arena, self.size)
        offset = 0
        for start in range(0, len(self._buffers), _BUFFERS):
            offset += _write(arena, self._buffers[start : start + _BUFFERS], offset)

    def _texts(self, values: Array) -> Place:
        texts = [str(text) for text in values.ravel().tolist()]
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        text = "".join(texts).encode("utf-8", "replace")
        return [self.add(lengths), _TEXTS, list(values.shape), self.add_bytes(text)]

    def _append(self, array: NDArray[Any]) -> int:
        offset = self.size
        gap = -array.nbytes % _ALIGN
        if array.nbytes:
            self._buffers.append(array)
        if gap:
            self._buffers.append(bytes(gap))
        self.size += array.nbytes + gap
        return offset


class Reader:
    """Reader(arena, size): the arrays of one message, read-only. ValueError for a wrong place, and
    for more texts than `max_texts`, which take more memory here than in the message."""

    def __init__(self, arena: int, size: int, max_texts: int | None = None) -> None:
        self._max_texts = max_texts
        parts, missing = [], size
        while missing and (part := os.pread(arena, missing, size - missing)):
            parts.append(part)
            missing -= len(part)
        if missing:
            raise ValueError(f"{missing} bytes are not there")
        self._data = parts[0] if len(parts) == 1 else b"".join(parts)

    def take(self, place: Any) -> Array:
        if not isinstance(place, list) or len(place) not in (3, 4):
            raise ValueError(f"not a place: {place!r:.100}")
        offset, dtype, shape = place[:3]
        dims = isinstance(shape, list) and all(type(n) is int and n >= 0 for n in shape)
        if not dims or len(shape) > 2:
            raise ValueError(f"not a shape: {shape!r:.100}")
        if dtype == _TEXTS and len(place) == 4:
            return self._texts(offset, shape, place[3])
        if (
            not isinstance(dtype, str)
            or dtype not in _DTYPES
            or type(offset) is not int
            or offset < 0
        ):
            raise ValueError(f"not a place: {place!r:.100}")
        kind, count = np.dtype(np.uint8 if dtype == "|b1" else dtype), prod(shape)
        if offset + count * kind.itemsize > len(self._data):
            raise ValueError(f"outside of its message: {place!r:.100}")
        if not count:
            return np.empty(shape, np.dtype(dtype))
        array = np.frombuffer(self._data, kind, count, offset).reshape(shape)
        return array != 0 if dtype == "|b1" else array  # a bool is 0 or 1, whatever was written

    def take_bytes(self, place: Any) -> bytes:
        if not isinstance(place, list) or len(place) != 3 or place[1] != "|u1":
            raise ValueError(f"not a place of bytes: {place!r:.100}")
        return self.take(place).tobytes()

    def _texts(self, lengths_at: Any, shape: list[int], text_at: Any) -> Array:
        if not isinstance(lengths_at, list) or len(lengths_at) != 3:
            raise ValueError("texts without their lengths")
        lengths = self.take(lengths_at)
        text = self.take_bytes(text_at).decode("utf-8", "replace")
        if lengths.dtype != np.int64 or lengths.size != prod(shape) or (lengths < 0).any():  # type: ignore[operator]
            raise ValueError("texts without their lengths")
        if (lengths > len(text)).any() or int(lengths.sum()) != len(text):  # type: ignore[operator]
            raise ValueError("texts that are too long or too short")
        if self._max_texts is not None and lengths.size > self._max_texts:
            raise ValueError(f"{lengths.size:,} texts; at most {self._max_texts:,}")
        found = np.empty(lengths.size, dtype=object)
        start = 0
        for at, length in enumerate(lengths.tolist()):
            found[at] = text[start : start + length]
            start += length
        return found.reshape(shape)


def _write(arena: int, buffers: list[Any], offset: int) -> int:
    size = sum(memoryview(buffer).nbytes for buffer in buffers)
    done = os.pwritev(arena, buffers, offset)
    if done < size:  # once more what is missing, in one piece
        rest = memoryview(b"".join(memoryview(buffer).cast("B") for buffer in buffers))
        while done < size:
            done += os.pwrite(arena, rest[done:], offset + done)
    return size
