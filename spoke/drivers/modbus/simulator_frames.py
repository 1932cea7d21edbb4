"""The server's side of the framings: requests out of bytes, answers into bytes.

RTU and ASCII are pymodbus' framers.
"""

from __future__ import annotations

import struct
from typing import Protocol

from pymodbus.framer import FramerAscii, FramerRTU
from pymodbus.pdu import DecodePDU

_MBAP = struct.Struct(">HHHB")  # transaction, protocol, length, unit
_MAX_LENGTH = 254

Requests = list[tuple[int, bytes, int]]
"""(unit, PDU, transaction id or 0)."""


class Frames(Protocol):
    def split(self, data: bytes) -> tuple[Requests, bytes]:
        """The whole requests and what is left. Raises ValueError for another protocol."""

    def wrap(self, unit: int, pdu: bytes, key: int) -> bytes: ...

    def wrap_stale(self, unit: int, pdu: bytes, key: int, age: int) -> bytes:
        """The same answer as one to an earlier request, or of another unit."""


class MbapFrames:
    """TCP and UDP."""

    def split(self, data: bytes) -> tuple[Requests, bytes]:
        requests: Requests = []
        position = 0
        while len(data) - position > _MBAP.size:
            transaction, protocol, length, unit = _MBAP.unpack_from(data, position)
            end = position + 6 + length
            if protocol != 0 or not 2 <= length <= _MAX_LENGTH:
                raise ValueError("not Modbus")
            if end > len(data):
                break
            requests.append((unit, data[position + _MBAP.size : end], transaction))
            position = end
        return requests, data[position:]

    def wrap(self, unit: int, pdu: bytes, key: int) -> bytes:
        return _MBAP.pack(key & 0xFFFF, 0, len(pdu) + 1, unit) + pdu

    def wrap_stale(self, unit: int, pdu: bytes, key: int, age: int) -> bytes:
        return self.wrap(unit, pdu, key - age)


class RtuFrames:
    """RTU: on a pty and over TCP."""

    def __init__(self) -> None:
        self._sizes = DecodePDU(is_server=True)
        self._framer = FramerRTU(self._sizes)

    def split(self, data: bytes) -> tuple[Requests, bytes]:
        requests: Requests = []
        while len(data) >= FramerRTU.MIN_SIZE:
            kind = self._sizes.lookupPduClass(data)
            size = kind.calculateRtuFrameSize(data) if kind else 0
            if kind and (size == 0 or size > len(data)):
                break
            crc = int.from_bytes(data[size - 2 : size], "big")
            if kind is None or not FramerRTU.check_CRC(data[: size - 2], crc):
                data = data[1:]  # noise: look for the beginning of a request
                continue
            requests.append((data[0], data[1 : size - 2], 0))
            data = data[size:]
        return requests, data

    def wrap(self, unit: int, pdu: bytes, _key: int) -> bytes:
        return self._framer.encode(pdu, unit, 0)

    def wrap_stale(self, unit: int, pdu: bytes, key: int, age: int) -> bytes:
        return self.wrap((unit + age) & 0xFF, pdu, key)


class AsciiFrames:
    """ASCII on a pty."""

    def __init__(self) -> None:
        self._framer = FramerAscii(DecodePDU(is_server=True))

    def split(self, data: bytes) -> tuple[Requests, bytes]:
        requests: Requests = []
        while True:
            used, unit, _, pdu = self._framer.decode(data)
            data = data[used:]
            if not used:
                return requests, data
            if pdu:
                requests.append((unit, pdu, 0))

    def wrap(self, unit: int, pdu: bytes, _key: int) -> bytes:
        return self._framer.encode(pdu, unit, 0)

    def wrap_stale(self, unit: int, pdu: bytes, key: int, age: int) -> bytes:
        return self.wrap((unit + age) & 0xFF, pdu, key)
