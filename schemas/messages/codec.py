"""msgpack maps to and from dataclasses; a reader ignores keys that it does not know."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from functools import cache
from typing import Any, TypeVar, cast

import msgpack
import zstandard
from pydantic import TypeAdapter, ValidationError

from schemas.compressed import decompress
from schemas.config.base import explain
from schemas.errors import FrameError

T = TypeVar("T")


def pack(message: Any) -> bytes:
    """The bytes of a dataclass or of plain maps, lists, numbers and texts."""
    plain = asdict(message) if is_dataclass(message) and not isinstance(message, type) else message
    return cast(bytes, msgpack.packb(plain))


MAX_PARTS = 150_000
"""Maps and lists in a message of a gateway: 10,000 nodes of a deep browse are 10,000."""


def unpack(data: bytes, max_parts: int | None = None) -> dict[str, Any]:
    """The map in a message. Raises FrameError for anything else, and past `max_parts` maps and
    lists: an empty one is a byte on the wire and seventy in memory."""
    limits: dict[str, Any] = {}
    if max_parts is not None:
        left = iter(range(max_parts))

        def counted(part: Any) -> Any:
            if next(left, None) is None:
                raise ValueError("it has too many parts")
            return part

        limits = {
            "object_hook": counted,
            "list_hook": counted,
            "max_array_len": max_parts,
            "max_map_len": max_parts,
        }
    try:
        found = msgpack.unpackb(data, max_ext_len=0, **limits)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise FrameError(f"Not a message: {error or type(error).__name__}.") from error
    if not isinstance(found, dict):
        raise FrameError("Not a message: a map is expected.")
    return found


def squeeze(message: dict[str, Any]) -> bytes:
    """A large map as zstd of msgpack: 10,000 tags are 1.2 MB plain."""
    return zstandard.ZstdCompressor(level=3).compress(pack(message))


def unsqueeze(data: bytes) -> dict[str, Any]:
    """The map of `squeeze`, at most MAX_BODY_BYTES of it. Raises FrameError."""
    return unpack(decompress(data))


def read(kind: type[T], data: bytes) -> T:
    """A dataclass from a message; missing keys take their defaults, FrameError without one.

    The dataclasses' sequences are `FailFast`: eight million wrong items are one error, not eight
    million of them in memory.
    """
    return build(kind, unpack(data, MAX_PARTS))


def build(kind: type[T], found: dict[str, Any]) -> T:
    """A dataclass from a map, its nested dataclasses too. Raises FrameError for a wrong type."""
    try:
        return cast(T, _adapter(cast(Any, kind)).validate_python(found))
    except ValidationError as error:
        raise FrameError(f"Not a {kind.__name__}: {explain(error)[0].message}.") from error


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
