"""A simulated S7 CPU on a real socket: a small responder for reading variables.

Protocol, as publicly documented (Wireshark's `packet-s7comm.c`): after the ISO connection (see
`iso.py`) each message has a header `32, kind, 0 0, reference, parameter length, data length` and,
in answers, `error class, error code`. Function F0 negotiates the PDU length; function 04 reads
items, each asked for as `12 0A 10, type, count, DB, area, bit address` and answered as `return
code, transport size, length, data`, padded to an even length between items.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from spoke.drivers.s7.addresses import AREA_OF_CODE, Area
from spoke.drivers.s7.iso import (
    CC,
    CR,
    DR,
    DT,
    EOT,
    PARAM_CALLED_TSAP,
    PARAM_TPDU_SIZE,
    TPDU_SIZE_1024,
    TPKT,
    TPKT_VERSION,
    tpkt,
)
from spoke.drivers.s7.memory import Memory, OutOfRangeError
from spoke.drivers.sim.signals import Signal

_REQUEST = struct.Struct(">BBHHHH")
_ANSWER = struct.Struct(">BBHHHHBB")
_ITEM = struct.Struct(">BBBBHHBBH")
_SETUP = struct.Struct(">BBHHH")
_PROTOCOL, _JOB, _ACK, _ACK_DATA = 0x32, 1, 2, 3
_READ, _SETUP_FUNCTION = 0x04, 0xF0
_TYPE_BYTES = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 4, 8: 4}  # BIT BYTE CHAR WORD INT DWORD ...
_BIT = 1
_OK, _NOT_ALLOWED, _OUT_OF_RANGE, _MISSING = 0xFF, 0x03, 0x05, 0x0A
_NOT_IMPLEMENTED, _WRONG_FRAME = 0x8104, 0x8500
_GARBAGE = b"HTTP/1.1 400 Bad Request\r\n\r\n"


@dataclass(slots=True)
class Faults:
    """What is wrong with the simulated CPU; change it at any time."""

    freeze: bool = False
    """Take requests and never answer."""
    drop: bool = False
    """Close the connection instead of answering."""
    garbage: bool = False
    """Answer with bytes that are no S7 packet."""
    refuse_session: bool = False
    """Refuse the ISO connection, as with a wrong slot."""
    refused_dbs: set[int] = field(default_factory=set)
    """Data blocks that exist but may not be read."""
    refusal_bytes: int = 0
    """The length that refused items claim to have; their data is missing all the same."""
    header_error: int = 0
    """Answer every read with this error word; 0x8104 is what a CPU without PUT/GET says."""


class S7Simulator:
    """Serves signals at their S7 addresses. `port` is the real port after `start`."""

    def __init__(
        self,
        signals: Sequence[Signal],
        host: str = "127.0.0.1",
        port: int = 0,
        max_pdu_bytes: int = 480,
    ) -> None:
        """Raises AddressError for a signal whose address does not fit its type."""
        self.host = host
        self.port = port
        self.max_pdu_bytes = max_pdu_bytes
        self.faults = Faults()
        self.requests = 0
        """Read requests that were taken."""
        self.called_tsap = 0
        """What the last client asked for: kind of connection x 256 + rack x 32 + slot."""
        self.memory = Memory(signals)
        self.connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

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

    def item(self, spec: bytes) -> bytes:
        """The answer to one item of a read request, without padding."""
        *_, kind, count, db, area_code, high, low = _ITEM.unpack(spec)
        bit_address = high << 16 | low
        area = AREA_OF_CODE.get(area_code)
        size = count * _TYPE_BYTES.get(kind, 0)
        if area is None or size == 0:
            return self._refusal(_MISSING)
        if area is Area.DB and db in self.faults.refused_dbs:
            return self._refusal(_NOT_ALLOWED)
        try:
            data = self.memory.read(area, db, bit_address >> 3, size)
        except KeyError:
            return self._refusal(_MISSING)
        except OutOfRangeError:
            return self._refusal(_OUT_OF_RANGE)
        if kind == _BIT:
            return struct.pack(">BBHB", _OK, 3, 1, data[0] >> (bit_address & 7) & 1)
        return struct.pack(">BBH", _OK, 4, size * 8) + data

    def _refusal(self, code: int) -> bytes:
        return struct.pack(">BBH", code, 0, self.faults.refusal_bytes)


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
            self._simulator.called_tsap = _called_tsap(tpdu)
            self._write(tpkt(_confirm(tpdu, refuse=faults.refuse_session)))
        else:
            self._write(tpkt(bytes((2, DT, EOT)) + self._message(tpdu[3:])))

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _message(self, request: bytes) -> bytes:
        """The answer to one S7 message."""
        _, kind, _, reference, parameter_bytes, _ = _REQUEST.unpack_from(request)
        body = request[_REQUEST.size : _REQUEST.size + parameter_bytes]
        if kind == _JOB and body[0] == _SETUP_FUNCTION:
            return self._setup(reference, body)
        if kind == _JOB and body[0] == _READ:
            return self._read(reference, body)
        return _error(reference, _NOT_IMPLEMENTED)

    def _setup(self, reference: int, body: bytes) -> bytes:
        wanted = _SETUP.unpack(body)[-1]
        self._pdu_bytes = min(wanted, self._simulator.max_pdu_bytes)
        parameters = _SETUP.pack(_SETUP_FUNCTION, 0, 1, 1, self._pdu_bytes)
        return _ANSWER.pack(_PROTOCOL, _ACK_DATA, 0, reference, 8, 0, 0, 0) + parameters

    def _read(self, reference: int, body: bytes) -> bytes:
        self._simulator.requests += 1
        if self._simulator.faults.header_error:
            return _error(reference, self._simulator.faults.header_error)
        data = b""
        for first in range(2, len(body), _ITEM.size):
            data += b"\x00" * (len(data) & 1)
            data += self._simulator.item(body[first : first + _ITEM.size])
        answer = _ANSWER.pack(_PROTOCOL, _ACK_DATA, 0, reference, 2, len(data), 0, 0)
        answer += bytes((_READ, body[1])) + data
        return answer if len(answer) <= self._pdu_bytes else _error(reference, _WRONG_FRAME)


def _error(reference: int, word: int) -> bytes:
    return _ANSWER.pack(_PROTOCOL, _ACK, 0, reference, 0, 0, word >> 8, word & 0xFF)


def _confirm(request: bytes, *, refuse: bool) -> bytes:
    """Connection confirm, or disconnect request with reason 3 (address unknown)."""
    theirs = request[4:6]
    if refuse:
        return bytes((6, DR)) + theirs + b"\x00\x02\x03"
    return bytes((9, CC)) + theirs + b"\x00\x02\x00" + bytes((PARAM_TPDU_SIZE, 1, TPDU_SIZE_1024))


def _called_tsap(request: bytes) -> int:
    """The TSAP in the parameters of a connection request (code, length, value), or 0."""
    at = 7
    while at + 2 <= len(request):
        code, size = request[at], request[at + 1]
        if code == PARAM_CALLED_TSAP:
            return int.from_bytes(request[at + 2 : at + 2 + size], "big")
        at += 2 + size
    return 0
