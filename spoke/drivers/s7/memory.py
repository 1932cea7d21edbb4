"""The memory of the simulated CPU: signals laid out at their addresses, computed when read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from schemas.kinds import DataType, Value
from spoke.drivers.s7.addresses import Area, S7Address, parse
from spoke.drivers.s7.values import wrapped
from spoke.drivers.sim.signals import Signal

CACHE_S = 0.02
_MAX_CACHED = 1000


@dataclass(slots=True)
class _Placed:
    signal: Signal
    at: S7Address
    reads: int = 0


class OutOfRangeError(Exception):
    """The range is not inside the memory area."""


class Memory:
    """Data blocks, bit memory and process images, each as long as its last signal needs."""

    def __init__(
        self, signals: Sequence[Signal], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises AddressError for a signal whose address does not fit its type."""
        self._monotonic = monotonic
        self._start_s = monotonic()
        self._areas: dict[tuple[Area, int], bytearray] = {}
        self._curves: dict[tuple[Area, int], list[_Placed]] = {}
        self._counters: dict[tuple[Area, int], list[_Placed]] = {}
        self._fresh_until_s: dict[tuple[Area, int, int, int], float] = {}
        for signal in signals:
            at = parse(signal.address, signal.data_type)
            kind = self._counters if signal.counts_reads else self._curves
            kind.setdefault((at.area, at.db), []).append(_Placed(signal, at))
            size = max(at.end_byte, len(self._areas.get((at.area, at.db), b"")))
            self._areas[at.area, at.db] = bytearray(size)

    def read(self, area: Area, db: int, start: int, size: int) -> bytes:
        """The bytes now; each signal that counts its reads, and lies in them, goes up by one.

        Raises KeyError when the area does not exist, OutOfRangeError when it is too short.
        """
        key = (area, db)
        data = self._areas[key]
        if start + size > len(data):
            raise OutOfRangeError
        now_s = self._monotonic()
        if self._fresh_until_s.get((*key, start, size), 0.0) <= now_s:
            for item in _inside(self._curves.get(key, ()), start, size):
                value = item.signal.value(now_s - self._start_s)
                _store(data, item.at, item.signal.data_type, value)
            if len(self._fresh_until_s) >= _MAX_CACHED:
                self._fresh_until_s.clear()
            self._fresh_until_s[(*key, start, size)] = now_s + CACHE_S
        for item in _inside(self._counters.get(key, ()), start, size):
            item.reads += 1
            _store(data, item.at, item.signal.data_type, item.reads)
        return bytes(data[start : start + size])

    def write(self, area: Area, db: int, start: int, data: bytes) -> None:
        """Store bytes; a signal that lies in them stays as it was written from now on.

        Raises KeyError when the area does not exist, OutOfRangeError when it is too short.
        """
        key = (area, db)
        memory = self._areas[key]
        if start + len(data) > len(memory):
            raise OutOfRangeError
        self._hold(key, start, len(data))
        memory[start : start + len(data)] = data

    def write_bit(self, area: Area, db: int, start: int, bit: int, value: bool) -> None:
        """As `write`, for one bit: its neighbours stay as they are."""
        self._hold((area, db), start, 1, bit)
        byte = self._areas[area, db][start]
        self._areas[area, db][start] = byte | 1 << bit if value else byte & ~(1 << bit)

    def resize(self, area: Area, db: int, size: int) -> None:
        """Cut an area, or make it longer with zeros, as a changed block that is downloaded."""
        data = self._areas.setdefault((area, db), bytearray())
        data[:] = data[:size].ljust(size, b"\0")
        self._fresh_until_s.clear()

    def _hold(self, key: tuple[Area, int], start: int, size: int, bit: int | None = None) -> None:
        """Signals here stay as they are now, for the writer to change."""
        self.read(*key, start, size)
        for placed in (self._curves, self._counters):
            held = [
                item
                for item in _inside(placed.get(key, ()), start, size)
                if bit is None or item.at.bit in (None, bit)
            ]
            for item in held:
                placed[key].remove(item)


def _inside(placed: Sequence[_Placed], start: int, size: int) -> Iterator[_Placed]:
    for item in placed:
        if item.at.start_byte < start + size and start < item.at.end_byte:
            yield item


def _store(data: bytearray, at: S7Address, data_type: DataType, value: Value) -> None:
    """Write one value as the CPU stores it."""
    first = at.start_byte
    if data_type is DataType.BOOL:
        mask = 1 << (at.bit or 0)
        data[first] = data[first] | mask if value else data[first] & ~mask
        return
    stored = wrapped(value, data_type, at)
    data[first : first + len(stored)] = stored
