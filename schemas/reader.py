"""msgpack read piece by piece: nothing is built that was not asked for.

msgpack's own `unpackb` makes every container that the bytes name; a body of empty maps, a few
kilobytes of zstd, then takes 64 times its size. Here containers are walked, never made, so what is
allocated is bounded by the bytes that are really there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgpack

from schemas.errors import FrameError

T = TypeVar("T")
Reader = Any
"""A msgpack.Unpacker; the library has no types."""
Field = Callable[[Reader, dict[str, Any]], Any]
"""Reads one field; gets the fields of its map that stand before it."""

_BROKEN = (ValueError, TypeError, KeyError, IndexError, OverflowError, msgpack.UnpackException)


def plain(reader: Reader, _before: dict[str, Any]) -> Any:
    """A number, text, bytes or nil. Raises ValueError for a container."""
    return reader.unpack()


def read_map(reader: Reader, known: Mapping[str, Field]) -> dict[str, Any]:
    """The known fields of the next map; what a later version added is skipped."""
    found: dict[str, Any] = {}
    for _ in range(reader.read_map_header()):
        key = reader.unpack()
        field = known.get(key)
        if field is None:
            reader.skip()
        else:
            found[key] = field(reader, found)
    return found


def whole(body: bytes | memoryview, what: str, read: Callable[[Reader], T]) -> T:
    """What `read` finds in all of the body. Raises FrameError; `what` names it in the message."""
    reader = msgpack.Unpacker(
        None, max_buffer_size=max(len(body), 1), max_array_len=0, max_map_len=0, max_ext_len=0
    )
    try:
        reader.feed(body)
        found = read(reader)
        complete = reader.tell() == len(body)
    except FrameError:
        raise
    except _BROKEN as error:
        raise FrameError(f"Not a {what}: {error or type(error).__name__}.") from error
    if not complete:
        raise FrameError(f"Not a {what}: something follows it.")
    return found
