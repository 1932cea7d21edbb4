"""How a PDU is wrapped on a wire that carries one request at a time, and found in what comes back.

pymodbus is the codec of record for RTU and ASCII: its framers encode, and its tables know how long
an RTU answer is. Searching is ours: a framer takes the first frame for the answer, here it must be
an answer to *this* request, whatever lies before it on the wire.

Source: *MODBUS over Serial Line V1.02*, sections 2.5.1 and 2.5.2; *MODBUS Messaging on TCP/IP
Implementation Guide V1.0b*, section 3.1, also for UDP.
"""

from __future__ import annotations

import struct

from pymodbus.framer import FramerAscii, FramerRTU
from pymodbus.pdu import DecodePDU

from spoke.drivers.modbus.requests import EXCEPTION, size_of

_MBAP = struct.Struct(">HHHB")  # transaction, protocol, length, unit
_READS = (1, 2, 3, 4)
_ECHOES = {5: 5, 6: 5, 15: 5, 16: 5, 22: 7}
"""Writes are answered with so many bytes of their own PDU."""


def answers(request: bytes, answer: bytes) -> bool:
    """Whether this PDU can be the answer to that one: same function, and the expected length or
    echo. What an earlier request asked for seldom passes."""
    if len(answer) < 2 or answer[0] & ~EXCEPTION != request[0]:
        return False
    if answer[0] & EXCEPTION:
        return len(answer) == 2
    if request[0] in _READS:
        size = size_of(request[0], int.from_bytes(request[3:5], "big"))
        return answer[1] == size & 0xFF and len(answer) == 2 + size
    echoed = _ECHOES.get(request[0], 1)
    return answer[:echoed] == request[:echoed]


class MbapFraming:
    """UDP: the frames of Modbus TCP, one to a datagram."""

    def __init__(self) -> None:
        self._transaction = 0

    def encode(self, unit: int, pdu: bytes) -> bytes:
        self._transaction = (self._transaction + 1) & 0xFFFF
        return _MBAP.pack(self._transaction, 0, len(pdu) + 1, unit) + pdu

    def find(self, received: bytes, unit: int, request: bytes) -> tuple[bytes, bytes] | None:
        if len(received) < _MBAP.size + 2:
            return None
        transaction, protocol, length, answered_as = _MBAP.unpack_from(received)
        pdu = received[_MBAP.size :]
        ours = (transaction, protocol, answered_as) == (self._transaction, 0, unit)
        if ours and length == len(pdu) + 1 and answers(request, pdu):
            return pdu, received
        return None


class RtuFraming:
    """Serial lines and RTU over TCP: unit, PDU, CRC. Nothing marks a beginning or an end."""

    def __init__(self) -> None:
        self._sizes = DecodePDU(is_server=False)
        self._framer = FramerRTU(self._sizes)

    def encode(self, unit: int, pdu: bytes) -> bytes:
        return self._framer.encode(pdu, unit, 0)

    def find(self, received: bytes, unit: int, request: bytes) -> tuple[bytes, bytes] | None:
        """A frame of this unit and function with a good CRC, wherever it begins."""
        at = received.find(unit)
        while 0 <= at <= len(received) - FramerRTU.MIN_SIZE:
            if received[at + 1] & ~EXCEPTION == request[0]:
                frame = self._frame(received[at:])
                if frame and answers(request, frame[1:-2]) and self._whole(frame):
                    return frame[1:-2], frame
            at = received.find(unit, at + 1)
        return None

    def _frame(self, data: bytes) -> bytes:
        """The first so many bytes as such an answer has; empty while some are missing."""
        kind = self._sizes.lookupPduClass(data)
        size = kind.calculateRtuFrameSize(data) if kind else 0
        return data[:size] if size <= len(data) else b""

    def _whole(self, frame: bytes) -> bool:
        return FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big"))


class AsciiFraming:
    """Serial lines in hexadecimal text: colon, unit, PDU, LRC, CR LF."""

    def __init__(self) -> None:
        self._framer = FramerAscii(DecodePDU(is_server=False))

    def encode(self, unit: int, pdu: bytes) -> bytes:
        return self._framer.encode(pdu, unit, 0)

    def find(self, received: bytes, unit: int, request: bytes) -> tuple[bytes, bytes] | None:
        for line in received.split(FramerAscii.START)[1:]:
            text, end, _ = line.partition(b"\n")
            if not end or line[:2].upper() != b"%02X" % unit:
                continue
            frame = FramerAscii.START + text + end
            _, _, _, pdu = self._framer.decode(frame)
            if pdu and answers(request, pdu):
                return pdu, frame
        return None
