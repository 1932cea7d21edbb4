"""A connection that carries one request at a time: UDP, RTU over TCP, and serial lines.

Whoever calls `exchange` has the line for himself (`link.py` gives the turns). A request goes out
once. Before it the line has been silent for `silence_s`, and what still came is thrown away; what
comes after it counts only when the framing knows it as the answer to this request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

from schemas.config.modbus import ModbusConfig
from schemas.errors import DeviceError, DeviceTimeoutError, UnreachableError
from spoke.drivers.modbus.requests import Answer, Request, again, answer_of

_MAX_NOISE = 4096


class Framing(Protocol):
    """Wraps and finds; one per connection, because transaction ids count."""

    def encode(self, unit: int, pdu: bytes) -> bytes:
        """The request as it goes over the wire."""

    def find(self, received: bytes, unit: int, request: bytes) -> tuple[bytes, bytes] | None:
        """(PDU, whole frame) of the answer to the request PDU; None while it is not there."""


class Line(asyncio.Protocol, asyncio.DatagramProtocol):
    """After a DeviceError other than a timeout it is of no more use."""

    stale_answers = 0
    """How often something came that nobody waited for."""
    lost: DeviceError | None = None
    """Why it is of no more use."""

    def __init__(self, settings: ModbusConfig, framing: Framing, silence_s: float = 0.0) -> None:
        self._name, self._framing, self._silence_s = settings.place, framing, silence_s
        self._timeout_s = settings.timeout_s
        self._sent = self._received = b""  # of the last exchange, as on the wire
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None  # asyncio's, uvloop's or pymodbus'
        self._write: Callable[[bytes], None] = _nowhere
        self._have = bytearray()
        self._busy_s = 0.0  # loop time of the last byte
        self._request: tuple[int, bytes] | None = None  # unit and PDU that wait for an answer
        self._answer: asyncio.Future[bytes] | None = None
        self._given_up = False  # nobody waits for that answer any more
        self._until = 0.0  # loop time when a request that was given up is answered no more

    def take_turn(self, timeout_s: float, _depth: int = 1) -> None:
        """For the scans that follow."""
        self._timeout_s = timeout_s

    async def scan(self, requests: Sequence[Request]) -> list[Answer]:
        """One after the other; the answers, in the order of the requests. Raises like exchange."""
        answers = []
        for request in requests:
            pdu = await self.exchange(request.unit_id, request.pdu, self._timeout_s)
            answers.append(answer_of(request, pdu))
        return answers

    def wire(self, _number: int, _request: Request, _answer: object) -> tuple[bytes, bytes]:
        """The bytes of the last exchange."""
        return self._sent, self._received

    async def exchange(self, unit: int, pdu: bytes, timeout_s: float) -> bytes:
        """The answer PDU, an exception too.

        Raises DeviceTimeoutError, or UnreachableError when the line is lost.
        """
        await self.settle()
        if self.lost is not None:
            raise again(self.lost) from self.lost
        self._drain()
        self._sent, self._received = self._framing.encode(unit, pdu), b""
        self._request, self._answer = (unit, pdu), self._loop.create_future()
        self._until = self._loop.time() + timeout_s
        self._write(self._sent)
        timer = self._loop.call_later(timeout_s, self._too_late, unit, timeout_s)
        try:
            answer = await self._answer
        except asyncio.CancelledError:
            if self.lost is None:  # it stays on the line until it is answered: see settle
                self._answer, self._given_up = self._loop.create_future(), True
            raise
        except DeviceError:
            self._request = self._answer = None
            raise
        finally:
            timer.cancel()
        self._request = self._answer = None
        return answer

    async def settle(self) -> None:
        """Wait until the line is free: an exchange that was cancelled is answered or too old, and
        it has been silent for long enough."""
        if self._answer is not None:
            await asyncio.wait({self._answer}, timeout=max(0.0, self._until - self._loop.time()))
            self._request, self._answer, self._given_up = None, None, False
        while self._silence_s and self.lost is None:
            rest_s = self._busy_s + self._silence_s - self._loop.time()
            if rest_s <= 0:
                break
            await asyncio.sleep(rest_s)

    def close(self) -> None:
        """Close at once; may be called twice."""
        if self.lost is None:
            self._fail(UnreachableError(f"The connection to {self._name} was closed here."))

    # --- asyncio.Protocol and DatagramProtocol ----------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        write = getattr(transport, "sendto", None) or getattr(transport, "write", None)
        self._write = cast("Callable[[bytes], None]", write)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.lost is None:
            error = UnreachableError(f"{self._name} closed the connection.")
            error.__cause__ = exc
            self._fail(error)

    def data_received(self, data: bytes) -> None:
        self._busy_s = self._loop.time()
        self._have += data
        self._look()
        del self._have[:-_MAX_NOISE]

    def datagram_received(self, data: bytes, _addr: object) -> None:
        self._have[:] = data
        if not self._look():
            self.stale_answers += 1
            self._have.clear()

    def error_received(self, exc: Exception) -> None:
        """UDP: nothing listens there (ICMP port unreachable)."""
        error = UnreachableError(f"{self._name} does not take UDP: {exc}.")
        error.__cause__ = exc
        self._fail(error)

    # --- inside -----------------------------------------------------------------------------------

    def _look(self) -> bool:
        """Whether the answer is there."""
        if self._request is None or self._answer is None or self._answer.done():
            return False
        unit, pdu = self._request
        found = self._framing.find(bytes(self._have), unit, pdu)
        if found is None:
            return False
        answer, self._received = found
        if len(self._have) > len(self._received):
            self.stale_answers += 1
        self._have.clear()
        self._answer.set_result(answer)
        return True

    def _drain(self) -> None:
        if self._have:
            self.stale_answers += 1
            self._have.clear()

    def _too_late(self, unit: int, timeout_s: float) -> None:
        if self._answer is None or self._answer.done():
            return
        message = f"Unit {unit} at {self._name} did not answer within {timeout_s:g} s."
        hint = DeviceTimeoutError.hint
        if self._have:
            self._received = bytes(self._have)
            message += f" {len(self._have)} bytes came that are no answer."
            hint = "Check parity, baud rate and wiring, and that no two units have one number."
        self._answer.set_exception(DeviceTimeoutError(message, hint=hint))

    def _fail(self, error: DeviceError) -> None:
        self.lost = error
        if self._transport is not None:
            self._transport.abort()
        if self._answer is None or self._answer.done():
            return
        if self._given_up:
            self._answer.cancel()
        else:
            self._answer.set_exception(error)


def _nowhere(_wire: bytes) -> None:
    raise AssertionError("a line is used before it is connected")
