"""The memory of the simulated CPU: signals laid out at their addresses, computed when read."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from schemas.kinds import DataType
from spoke.drivers.s7.addresses import Area, S7Address, parse
from spoke.drivers.sim.signals import Signal, Value

CACHE_S = 0.02
_MAX_CACHED = 1000
_FORMAT = {
    DataType.INT8: ">b",
    DataType.UINT8: ">B",
    DataType.INT16: ">h",
    DataType.UINT16: ">H",
    DataType.INT32: ">i",
    DataType.UINT32: ">I",
    DataType.INT64: ">q",
    DataType.UINT64: ">Q",
    DataType.FLOAT32: ">f",
    DataType.FLOAT64: ">d",
}


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


def _inside(placed: Sequence[_Placed], start: int, size: int) -> Iterator[_Placed]:
    for item in placed:
        if item.at.start_byte < start + size and start < item.at.end_byte:
            yield item


def _store(data: bytearray, at: S7Address, data_type: DataType, value: Value) -> None:
    """Write one value as the CPU stores it: big-endian; whole numbers wrap around."""
    first = at.start_byte
    if data_type is DataType.BOOL:
        mask = 1 << (at.bit or 0)
        data[first] = data[first] | mask if value else data[first] & ~mask
    elif data_type is DataType.STRING:
        text = str(value).encode("latin-1", "replace")[: at.length]
        data[first : first + 2 + len(text)] = bytes((at.length, len(text))) + text
    elif data_type in (DataType.FLOAT32, DataType.FLOAT64):
        struct.pack_into(_FORMAT[data_type], data, first, float(value))
    else:
        bits = 8 * at.size_bytes
        number = int(value) & ((1 << bits) - 1)
        if data_type.startswith("int") and number >> (bits - 1):
            number -= 1 << bits
        struct.pack_into(_FORMAT[data_type], data, first, number)
