"""Something that happened at a time, for people to read.

An event travels with the batch that it belongs to and is stored in the same transaction: exactly as
often as it happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgpack

from schemas.errors import FrameError

LEVELS = ("info", "warning", "error")
KINDS = ("fault", "stopped", "started", "alarm", "write", "event", "gap")
MAX_EVENTS = 10_000
"""In one batch."""
MAX_TEXT = 2000
_FIELDS = 6


@dataclass(frozen=True, slots=True)
class Event:
    time_ns: int
    device_id: int
    """The use of a function (or the device) that it comes from."""
    level: str
    kind: str
    message: str
    detail: dict[str, Any] = field(default_factory=dict)


def pack_events(events: Sequence[Event]) -> bytes:
    """msgpack: a list of [time ns, device id, level, kind, message, detail]. At most MAX_EVENTS."""
    rows = [
        (item.time_ns, item.device_id, item.level, item.kind, item.message[:MAX_TEXT], item.detail)
        for item in events[:MAX_EVENTS]
    ]
    return cast(bytes, msgpack.packb(rows, default=str))


def unpack_events(data: Any) -> tuple[Event, ...]:
    """The events in a message of a gateway, which is not trusted. Raises FrameError."""
    if not data:
        return ()
    if not isinstance(data, bytes | bytearray | memoryview):
        raise FrameError("Events are bytes.")
    parts = iter(range(8 * MAX_EVENTS))

    def counted(part: Any) -> Any:
        if next(parts, None) is None:
            raise ValueError("they have too many parts")
        return part

    try:
        rows = msgpack.unpackb(
            data,
            max_ext_len=0,
            max_array_len=MAX_EVENTS,
            max_map_len=MAX_EVENTS,
            object_hook=counted,
            list_hook=counted,
        )
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise FrameError(f"Not events: {error or type(error).__name__}.") from error
    if not isinstance(rows, list):
        raise FrameError("Not events: a list is expected.")
    return tuple(_event(row) for row in rows)


def _event(row: Any) -> Event:
    if not isinstance(row, list) or len(row) != _FIELDS:
        raise FrameError("An event has six fields.")
    time_ns, device_id, level, kind, message, detail = row
    if type(time_ns) is not int or not -(2**63) <= time_ns < 2**63:
        raise FrameError("An event has no time.")
    if type(device_id) is not int or not 0 <= device_id < 2**31:
        raise FrameError("An event has no device.")
    if level not in LEVELS or kind not in KINDS:
        raise FrameError(f"An event of level {level!r} and kind {kind!r} is not known here.")
    if not isinstance(message, str) or not isinstance(detail, dict):
        raise FrameError("An event has no message.")
    return Event(time_ns, device_id, level, kind, message[:MAX_TEXT].replace("\0", ""), detail)
