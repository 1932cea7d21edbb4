"""State of functions as bytes: msgpack with numpy arrays; nothing in it is ever executed."""

from __future__ import annotations

from typing import Any, cast

import msgpack
import numpy as np

_ARRAY, _TEXTS = 1, 2
_KINDS = "biufSU"


def pack(state: Any) -> bytes:
    """Raises TypeError for what cannot be kept: objects, functions, open files, integers of more
    than 64 bits. Tuples, sets and deques come back as lists."""
    try:
        return cast(bytes, msgpack.packb(state, default=_default, use_bin_type=True))
    except (OverflowError, ValueError) as error:
        raise TypeError(f"this cannot be kept in a function's state: {error}") from error


def unpack(data: bytes) -> Any:
    """What `pack` was given; arrays are writable copies. Raises ValueError for other bytes."""
    return msgpack.unpackb(data, ext_hook=_ext, strict_map_key=False)


def _default(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            texts = value.ravel().tolist()
            if not all(isinstance(item, str) for item in texts):
                raise TypeError("an array of objects other than str cannot be kept in a state")
            return msgpack.ExtType(_TEXTS, msgpack.packb([texts, list(value.shape)]))
        if value.dtype.kind in _KINDS:
            head = msgpack.packb([value.dtype.str, list(value.shape)])
            return msgpack.ExtType(_ARRAY, head + np.ascontiguousarray(value).tobytes())
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "popleft"):  # a deque
        return list(value)
    raise TypeError(f"a {type(value).__name__} cannot be kept in a function's state")


def _ext(code: int, data: bytes) -> Any:
    if code == _TEXTS:
        texts, shape = msgpack.unpackb(data)
        found = np.empty(len(texts), dtype=object)
        found[:] = texts
        return found.reshape(shape)
    if code != _ARRAY:
        raise ValueError("not a state of a function")
    unpacker = msgpack.Unpacker()
    unpacker.feed(data)
    dtype, shape = unpacker.unpack()
    return np.frombuffer(data[unpacker.tell() :], dtype=dtype).reshape(shape).copy()
