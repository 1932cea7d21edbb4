"""What the lean OPC UA server sends: messages that are laid out once and filled in by numpy."""

from __future__ import annotations

import struct
import time

import numpy as np
from asyncua import ua

_TICKS_1970 = 116_444_736_000_000_000

_KINDS: dict[str, tuple[int, str]] = {
    "F": (10, "<f4"),
    "D": (11, "<f8"),
    "I": (6, "<i4"),
    "H": (4, "<i2"),
    "B": (1, "|u1"),
}


class Template:
    """The DataValues of many items, encoded once; numbers and times are replaced in place."""

    def __init__(self, items: list[tuple[int | None, str]], *, times: bool) -> None:
        """`items` are handle (None for none) and kind."""
        self._times = times
        self.reads = 0
        self._texts = any(kind not in _KINDS for _, kind in items)
        self.items = items
        self._lay_out(0)

    def filled(self, count: int) -> bytes:
        if self._texts:
            self._lay_out(count)
        for kind, places in self._at.items():
            form = _KINDS[kind][1]
            number = count % 2 if kind == "B" else count
            value = np.array([number]).astype(form).view(np.uint8)
            self._data[places[:, None] + np.arange(len(value))] = value
        if self._times:
            now = np.array([ticks()], "<i8").view(np.uint8)
            self._data[self._time_at[:, None] + np.arange(8)] = now
        return self._data.tobytes()

    def _lay_out(self, count: int) -> None:
        parts, at = [], 0
        places: dict[str, list[int]] = {}
        time_places = []
        mask = 0x0D if self._times else 0x01
        for handle, kind in self.items:
            head = b"" if handle is None else struct.pack("<I", handle)
            if kind in _KINDS:
                number, form = _KINDS[kind]
                value = bytes(np.dtype(form).itemsize)
                places.setdefault(kind, []).append(at + len(head) + 2)
            elif kind == "S":
                number, text = 12, str(count).encode()
                value = struct.pack("<i", len(text)) + text
            else:
                number, value = 0x80 | 10, struct.pack("<iff", 2, count, count)
            part = head + bytes((mask, number)) + value
            if self._times:
                time_places.append(at + len(part))
                part += struct.pack("<qq", 0, ticks())
            parts.append(part)
            at += len(part)
        self._data = np.frombuffer(b"".join(parts), np.uint8).copy()
        self._at = {kind: np.array(found) for kind, found in places.items()}
        self._time_at = np.array(time_places, np.int64)


class Feed:
    """One subscription."""

    def __init__(self, number: int, interval_s: float) -> None:
        self.id = number
        self.interval_s = interval_s
        self.items: list[tuple[int | None, str]] = []
        self.count = 0
        self._template: Template | None = None

    def body(self) -> bytes:
        """The next PublishResponse, without its response header."""
        if self._template is None:
            self._template = Template(self.items, times=True)
        self.count += 1
        values = self._template.filled(self.count)
        head = struct.pack("<IiB", self.id, 0, 0)  # no numbers to republish, nothing more
        change = struct.pack("<i", len(self.items)) + values + struct.pack("<i", 0)
        message = struct.pack("<Iqi", self.count, ticks(), 1)
        kind = ua.ObjectIds.DataChangeNotification_Encoding_DefaultBinary
        part = struct.pack("<BBHBi", 1, 0, kind, 1, len(change)) + change
        return head + message + part + struct.pack("<ii", 0, 0)


def ticks() -> int:
    """Now, as a DateTime of OPC UA."""
    return time.time_ns() // 100 + _TICKS_1970
