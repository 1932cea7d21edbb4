"""msgpack maps to and from dataclasses; a reader ignores keys that it does not know."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from functools import cache
from typing import Any, TypeVar, cast

import msgpack
import zstandard
from pydantic import TypeAdapter, ValidationError

from schemas.config.base import explain
from schemas.errors import FrameError
from schemas.frames import decompress

T = TypeVar("T")


def pack(message: Any) -> bytes:
    """The bytes of a dataclass or of plain maps, lists, numbers and texts."""
    plain = asdict(message) if is_dataclass(message) and not isinstance(message, type) else message
    return cast(bytes, msgpack.packb(plain))


def unpack(data: bytes) -> dict[str, Any]:
    """The map in a message. Raises FrameError for anything else."""
    try:
        found = msgpack.unpackb(data, max_ext_len=0)
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
    """A dataclass from a message; missing keys take their defaults, FrameError without one."""
    return build(kind, unpack(data))


def build(kind: type[T], found: dict[str, Any]) -> T:
    """A dataclass from a map, its nested dataclasses too. Raises FrameError for a wrong type."""
    try:
        return cast(T, _adapter(cast(Any, kind)).validate_python(found))
    except ValidationError as error:
        raise FrameError(f"Not a {kind.__name__}: {explain(error)[0].message}.") from error


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
