"""A lean Modbus TCP client: one `asyncio.Protocol`, one future per scan.

A scan is a list of requests; `depth` of them are outstanding at a time and each answer that comes
in sends the next, inside `data_received`, so a scan wakes its task once. Payloads stay bytes. The
units behind one connection take turns (`link.py`): one scan at a time.
pymodbus costs 1.4 to 2 µs of CPU per register, a protocol like this 0.1 to 0.15; that is why it
exists.

Source: *MODBUS Messaging on TCP/IP Implementation Guide V1.0b*, section 3.1 (MBAP header).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from typing import cast

from schemas.config.drivers import ModbusConfig
from schemas.errors import DeviceError, DeviceTimeoutError, ProtocolError, UnreachableError
from spoke.drivers.modbus.requests import (
    EXCEPTION,
    HEADER,
    UNIT_AT,
    Answer,
    ExceptionAnswer,
    Request,
    again,
    answer_pdu,
)

_ANSWER = struct.Struct(">HHHBBB")  # transaction, protocol, length, unit, function, size or code
_MAX_LENGTH = 254  # unit id and a PDU of 253 bytes


class ModbusClient(asyncio.Protocol):
    """One connection. After a DeviceError other than a timeout it is of no more use."""

    stale_answers = 0
    """Answers that nobody waited for any more, since the connection was opened."""
    lost: DeviceError | None = None
    """Why it is of no more use."""

    def __init__(self, settings: ModbusConfig) -> None:
        self._name = settings.place
        self._timeout_s, self._depth = settings.timeout_s, settings.depth
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._rest = b""  # the beginning of an answer
        self._requests: Sequence[Request] = ()
        self._answers: list[Answer | None] = []
        self._unit_id = 0
        self._sent = self._open = 0  # requests sent, and answers still missing
        self._first_id = self._next_id = 1  # of the running scan, and of the next one
        self._progress = 0.0  # loop time of the last answer
        self._done: asyncio.Future[None] | None = None
        self._abandoned: asyncio.Future[None] | None = None  # of a cancelled scan
        self._until = 0.0  # loop time when nobody waits for it any more
        self._timer: asyncio.TimerHandle | None = None

    def take_turn(self, timeout_s: float, depth: int) -> None:
        """For the scans that follow."""
        self._timeout_s, self._depth = timeout_s, depth

    async def scan(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers, in the order of the requests; one scan at a time.

        Raises DeviceTimeoutError when an answer takes longer than `timeout_s`, ProtocolError for
        bytes that are no answer, UnreachableError when the connection is lost.
        """
        if self._abandoned is not None:
            await self.settle()
        if self.lost is not None:
            raise again(self.lost) from self.lost
        if not requests:
            return []
        self._requests, self._answers = requests, [None] * len(requests)
        self._unit_id = requests[0].tail[UNIT_AT]  # a scan is of one unit
        self._sent, self._open = 0, len(requests)
        self._first_id = self._next_id
        self._next_id = (self._first_id + len(requests)) & 0xFFFF
        self._done = self._loop.create_future()
        self._progress = self._loop.time()
        self._timer = self._loop.call_later(self._timeout_s, self._check_time)
        self._send(self._depth)
        try:
            await self._done
        except asyncio.CancelledError:
            self._abandon()
            raise
        finally:
            self._timer.cancel()
            self._done = None
            if self._abandoned is None:
                self._requests, self._sent = (), 0
        return cast("list[Answer]", self._answers)

    async def settle(self) -> None:
        """After a scan was cancelled: wait until the device has answered what was sent of it, but
        not longer than the timeout, so that the next unit's request finds it ready."""
        if self._abandoned is None:
            return
        await asyncio.wait({self._abandoned}, timeout=max(0.0, self._until - self._loop.time()))
        self._requests, self._sent, self._abandoned = (), 0, None

    def _abandon(self) -> None:
        self._requests = self._requests[: self._sent]
        self._open = self._answers[: self._sent].count(None)
        if self._open and self.lost is None:
            self._abandoned = self._loop.create_future()
            self._until = self._loop.time() + self._timeout_s

    def wire(self, number: int, request: Request, answer: Answer | None) -> tuple[bytes, bytes]:
        """The bytes of a request of the last scan, and of its answer."""
        transaction = ((self._first_id + number) & 0xFFFF).to_bytes(2, "big")
        sent = transaction + request.tail
        if answer is None:
            return sent, b""
        pdu = answer_pdu(request, answer)
        return sent, transaction + HEADER.pack(0, len(pdu) + 1, request.unit_id) + pdu

    def close(self) -> None:
        """Close at once; may be called twice."""
        if self.lost is None:
            self._fail(UnreachableError(f"The connection to {self._name} was closed here."))

    # --- asyncio.Protocol -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.lost is None:
            error = UnreachableError(f"{self._name} closed the connection.")
            error.__cause__ = exc
            self._fail(error)

    def data_received(self, data: bytes) -> None:
        if self.lost is not None:
            return
        if self._rest:
            data = self._rest + data
        try:
            used, answered = self._take(data)
        except ProtocolError as error:
            self._fail(error)
            return
        self._rest = data[used:]
        if not answered:
            return
        self._progress = self._loop.time()
        if self._open:
            self._send(answered)
        else:
            _finish(self._done or self._abandoned)

    # --- inside -----------------------------------------------------------------------------------

    def _send(self, room: int) -> None:
        """Write the next requests of the scan, at most `room`, in one piece."""
        first = self._sent
        batch = self._requests[first : first + room]
        if not batch:
            return
        self._sent += len(batch)
        base = self._first_id + first
        assert self._transport is not None
        self._transport.write(
            b"".join(
                [
                    ((base + i) & 0xFFFF).to_bytes(2, "big") + request.tail
                    for i, request in enumerate(batch)
                ]
            )
        )

    def _take(self, data: bytes) -> tuple[int, int]:
        """Take all whole answers; (bytes used, requests answered). Raises ProtocolError."""
        position = answered = 0
        size = len(data)
        while size - position >= _ANSWER.size:
            fields = _ANSWER.unpack_from(data, position)
            _, protocol, length, _, _, _ = fields
            if protocol != 0 or not 3 <= length <= _MAX_LENGTH:
                raise self._garbage(data[position:])
            end = position + 6 + length
            if end > size:
                break
            answered += self._accept(data, position, fields)
            position = end
        rest = data[position : position + 4]
        if len(rest) == 4 and rest[2:] != b"\0\0":
            raise self._garbage(data[position:])
        return position, answered

    def _accept(self, data: bytes, position: int, fields: tuple[int, ...]) -> int:
        """1 when this whole answer belongs to an open request, 0 when it came too late."""
        transaction, _, length, unit, function, size = fields
        index = (transaction - self._first_id) & 0xFFFF
        if index >= self._sent or self._answers[index] is not None:
            self.stale_answers += 1
            return 0
        request = self._requests[index]
        if unit != self._unit_id:
            raise ProtocolError(
                f"{self._name} answered as unit {unit}, not {request.unit_id}.",
                hint=f"Set the unit id of this device to {unit}, or check the gateway before it.",
            )
        if function == request.function and size == request.payload_bytes == length - 3:
            start = position + _ANSWER.size
            self._answers[index] = data[start : start + size]
        elif request.payload_bytes < 0 and function & ~EXCEPTION == request.function:
            self._answers[index] = data[position + 7 : position + 6 + length]
        elif function == request.function | EXCEPTION and length == 3:
            self._answers[index] = ExceptionAnswer(size)
        else:
            raise self._garbage(data[position:])
        self._open -= 1
        return 1

    def _garbage(self, data: bytes) -> ProtocolError:
        return ProtocolError(f"{self._name} sent bytes that are no answer: {data[:16].hex(' ')}.")

    def _check_time(self) -> None:
        """One timer per scan: it runs on when an answer came in the meantime."""
        missing_s = self._progress + self._timeout_s - self._loop.time()
        if missing_s > 0:
            self._timer = self._loop.call_later(missing_s, self._check_time)
        elif self._done is not None and not self._done.done():
            message = f"{self._name} did not answer within {self._timeout_s:g} s."
            if self.stale_answers:
                message += f" {self.stale_answers} answers had another transaction id."
            self._done.set_exception(DeviceTimeoutError(message))

    def _fail(self, error: DeviceError) -> None:
        self.lost = error
        if self._transport is not None:
            self._transport.abort()
        _finish(self._abandoned)
        if self._done is not None and not self._done.done():
            self._done.set_exception(error)


def _finish(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
