"""A simulated S7 CPU on a real socket: reads and writes variables. The messages themselves are
answered in `simulator_cpu.py`."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Sequence
from typing import cast

from spoke.drivers.s7.iso import (
    CC,
    CR,
    DR,
    DT,
    EOT,
    PARAM_CALLED_TSAP,
    PARAM_CALLING_TSAP,
    PARAM_TPDU_SIZE,
    TPDU_SIZE_1024,
    TPKT,
    TPKT_VERSION,
    tpkt,
)
from spoke.drivers.s7.memory import Memory
from spoke.drivers.s7.simulator_cpu import Cpu, Faults
from spoke.drivers.sim.signals import Signal

__all__ = ["Faults", "S7Simulator"]

_GARBAGE = b"HTTP/1.1 400 Bad Request\r\n\r\n"
_CONGESTION, _ADDRESS_UNKNOWN = 1, 3


class S7Simulator:
    """Serves signals at their S7 addresses. `port` is the real port after `start`."""

    def __init__(
        self,
        signals: Sequence[Signal],
        host: str = "127.0.0.1",
        port: int = 0,
        max_pdu_bytes: int = 480,
        depth: int = 1,
    ) -> None:
        """`depth`: requests that it lets a client have outstanding. Raises AddressError for a
        signal whose address does not fit its type."""
        self.host = host
        self.port = port
        self.max_pdu_bytes = max_pdu_bytes
        self.depth = depth
        self.faults = Faults()
        self.memory = Memory(signals)
        self.cpu = Cpu(self.memory, self.faults)
        self.calling_tsap = self.called_tsap = 0
        """What the last client asked for: kind of connection x 256 + rack x 32 + slot."""
        self.connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    @property
    def requests(self) -> int:
        """Read requests that were taken."""
        return self.cpu.reads

    @property
    def writes(self) -> int:
        """Write requests that were taken."""
        return self.cpu.writes

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for connection in list(self.connections):
            connection.abort()
        await server.wait_closed()

    def reset(self) -> None:
        """Send RST to every client."""
        for connection in list(self.connections):
            connection.reset()


class _Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, simulator: S7Simulator) -> None:
        self._simulator = simulator
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._pdu_bytes = 240

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def reset(self) -> None:
        if self._transport is not None:
            found = self._transport.get_extra_info("socket")
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._simulator.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._simulator.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= TPKT.size:
            version, _, length = TPKT.unpack_from(self._buffer)
            if version != TPKT_VERSION or length < TPKT.size + 3:
                self.abort()
                return
            if len(self._buffer) < length:
                return
            tpdu = bytes(self._buffer[TPKT.size : length])
            del self._buffer[:length]
            try:
                self._answer(tpdu)
            except (struct.error, IndexError):  # not a request; a CPU hangs up, too
                self.abort()
                return

    def _answer(self, tpdu: bytes) -> None:
        faults = self._simulator.faults
        if faults.freeze:
            return
        if faults.drop or tpdu[1] not in (CR, DT):
            self.abort()
        elif faults.garbage:
            self._write(_GARBAGE)
        elif tpdu[1] == CR:
            self._confirm(tpdu)
        else:
            self._message(tpdu[3:])

    def _confirm(self, request: bytes) -> None:
        simulator = self._simulator
        simulator.calling_tsap = _tsap(request, PARAM_CALLING_TSAP)
        simulator.called_tsap = _tsap(request, PARAM_CALLED_TSAP)
        theirs = request[4:6]
        if simulator.faults.refuse_session or simulator.faults.full:
            reason = _CONGESTION if simulator.faults.full else _ADDRESS_UNKNOWN
            self._write(tpkt(bytes((6, DR)) + theirs + bytes((0, 2, reason))))
            return
        size = bytes((PARAM_TPDU_SIZE, 1, TPDU_SIZE_1024))
        self._write(tpkt(bytes((9, CC)) + theirs + b"\x00\x02\x00" + size))

    def _message(self, request: bytes) -> None:
        simulator = self._simulator
        limit = simulator.max_pdu_bytes, simulator.depth
        answer, self._pdu_bytes = simulator.cpu.answer(request, self._pdu_bytes, limit)
        if answer is None:
            return
        packet = tpkt(bytes((2, DT, EOT)) + answer)
        if simulator.faults.twice:
            packet += packet
        if simulator.faults.delay_s:
            loop = asyncio.get_running_loop()
            loop.call_later(simulator.faults.delay_s, self._write, packet)
        else:
            self._write(packet)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def _tsap(request: bytes, wanted: int) -> int:
    """A TSAP in the parameters of a connection request (code, length, value), or 0."""
    at = 7
    while at + 2 <= len(request):
        code, size = request[at], request[at + 1]
        if code == wanted:
            return int.from_bytes(request[at + 2 : at + 2 + size], "big")
        at += 2 + size
    return 0
