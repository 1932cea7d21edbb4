"""What is asked of a unit, and what comes back: plain data, whatever the transport.

Source: *MODBUS Application Protocol Specification V1.1b3*, sections 4.1, 6.1 to 6.4 and 7.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from schemas.errors import DeviceError, UnreachableError

HEADER = struct.Struct(">HHB")
"""Of a TCP frame after its transaction id: protocol, length, unit."""
UNIT_AT = 4
"""Where the unit is in a request's tail."""
EXCEPTION = 0x80
"""Set in the function code of an exception."""
_REQUEST = struct.Struct(">HHBBHH")  # protocol, length, unit, function, start, count
_READS_BITS = (1, 2)


class NotSentError(UnreachableError):
    """The request was not sent."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request; `tail` is all of its TCP frame but the transaction id.

    `payload_bytes` of the answer, or -1 when the whole answer PDU is wanted (`raw_request`).
    """

    function: int
    start: int
    count: int
    tail: bytes
    payload_bytes: int

    @property
    def unit_id(self) -> int:
        return self.tail[UNIT_AT]

    @property
    def pdu(self) -> bytes:
        """Function code and data."""
        return self.tail[UNIT_AT + 1 :]


@dataclass(frozen=True, slots=True)
class ExceptionAnswer:
    """The device answered with an exception code instead of values."""

    code: int


Answer = bytes | ExceptionAnswer


class Reader(Protocol):
    """What can be asked for values."""

    async def scan(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers, in the order of the requests. Raises DeviceError."""


def read_request(function: int, start: int, count: int, unit_id: int) -> Request:
    """A request of function code 1 to 4 for `count` bits or registers from `start`."""
    tail = _REQUEST.pack(0, 6, unit_id, function, start, count)
    return Request(function, start, count, tail, size_of(function, count))


def size_of(function: int, count: int) -> int:
    """Bytes of the values in the answer to a read of `count` bits or registers."""
    return (count + 7) // 8 if function in _READS_BITS else 2 * count


def raw_request(pdu: bytes, unit_id: int) -> Request:
    """Any request; its answer is the whole PDU, a normal one or an exception."""
    tail = HEADER.pack(0, len(pdu) + 1, unit_id) + pdu
    return Request(pdu[0], 0, 0, tail, -1)


def answer_pdu(request: Request, answer: Answer) -> bytes:
    """The PDU that an answer was taken from."""
    if isinstance(answer, ExceptionAnswer):
        return bytes((request.function | EXCEPTION, answer.code))
    if request.payload_bytes < 0:
        return answer
    return bytes((request.function, len(answer))) + answer


def answer_of(request: Request, pdu: bytes) -> Answer:
    """The other way round."""
    if request.payload_bytes < 0:
        return pdu
    return ExceptionAnswer(pdu[1]) if pdu[0] & EXCEPTION else pdu[2:]


def again(error: DeviceError) -> DeviceError:
    """A new error like this one: each device that shares a connection raises its own."""
    return type(error)(error.message, hint=error.hint)
