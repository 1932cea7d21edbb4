"""ISO transport over TCP, the two lowest layers of an S7 session, as one asyncio Protocol.

Sources: RFC 1006 (TPKT: version 3, reserved, 16-bit length of the whole packet, on TCP port 102)
and ISO 8073 / X.224 class 0 as in RFC 905 (CR asks for a connection, CC confirms, DR refuses or
ends it, DT carries data, its bit EOT marks the last piece). A TSAP of S7 is two bytes: the kind of
the connection (1 PG, 2 OP), then rack x 32 + slot.

It takes the place of python-snap7's stream transport under the same method names, because that one
connects with a fixed timeout of 5 s, wraps each read in `wait_for` (which on Python 3.11 can
swallow a cancellation), takes a fragment for a whole message, and cannot be closed at once.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from typing import cast

from schemas.errors import DeviceError, ProtocolError, RefusedError, UnreachableError

TPKT = struct.Struct(">BBH")
TPKT_VERSION = 3
CR, CC, DR, DT = 0xE0, 0xD0, 0x80, 0xF0
EOT = 0x80
PARAM_TPDU_SIZE, PARAM_CALLING_TSAP, PARAM_CALLED_TSAP = 0xC0, 0xC1, 0xC2
TPDU_SIZE_1024 = 0x0A
_CONNECT = struct.Struct(">BBHHB BBH BBH BBB")  # CR with calling TSAP, called TSAP, TPDU size
_DT_HEADER = bytes((2, DT, EOT))
_MAX_WAITING = 16
_MAX_MESSAGE_BYTES = 65_536
_SLOT_HINT = (
    "Check rack and slot (S7-1200 and S7-1500: 0 and 1; S7-300: 0 and 2), and whether the CPU has "
    "a free connection left (TIA Portal: online & diagnostics > connection information)."
)


def tpkt(tpdu: bytes) -> bytes:
    return TPKT.pack(TPKT_VERSION, 0, TPKT.size + len(tpdu)) + tpdu


class IsoTransport(asyncio.Protocol):
    """One connection. After a failure every call raises that failure."""

    def __init__(self) -> None:
        self.connected = False
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._tpdus: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._failure: DeviceError | None = None

    async def handshake(self, local_tsap: int, remote_tsap: int) -> None:
        """Ask for the transport connection. Raises RefusedError when the device refuses it.

        A device that hangs up without a word may be a CPU with another slot, or one that is just
        starting: UnreachableError, so that it is tried again soon.
        """
        fields = (0, 1, 0, PARAM_CALLING_TSAP, 2, local_tsap, PARAM_CALLED_TSAP, 2, remote_tsap)
        request = _CONNECT.pack(_CONNECT.size - 1, CR, *fields, PARAM_TPDU_SIZE, 1, TPDU_SIZE_1024)
        self._write(request)
        slot = f"rack {remote_tsap >> 5 & 7}, slot {remote_tsap & 31}"
        try:
            answer = await self._tpdu()
        except UnreachableError as error:
            raise UnreachableError(
                f"The device closed the connection at once ({slot}).", hint=_SLOT_HINT
            ) from error
        if answer[1] == DR:
            raise RefusedError(f"The device refused the connection ({slot}).", hint=_SLOT_HINT)
        if answer[1] != CC:
            raise ProtocolError(f"Not an S7 device: it answered with TPDU {answer[1]:#04x}.")
        self.connected = True

    async def send_data(self, data: bytes) -> None:
        """Send one S7 message."""
        self._write(_DT_HEADER + data)

    async def receive_data(self) -> bytes:
        """The next S7 message, put together from its pieces."""
        message = b""
        while len(message) <= _MAX_MESSAGE_BYTES:
            tpdu = await self._tpdu()
            if tpdu[1] == DR:
                raise UnreachableError("The device ended the connection.")
            if tpdu[1] != DT or tpdu[0] + 1 > len(tpdu):
                raise ProtocolError(f"Expected data, but the device sent TPDU {tpdu[1]:#04x}.")
            message += tpdu[tpdu[0] + 1 :]
            if tpdu[2] & EOT:
                return message
        raise ProtocolError("The device sent a message without end.")

    def abort(self) -> None:
        """Close at once; nothing is sent any more."""
        self._fail(UnreachableError("The connection is closed."))
        if self._transport is not None:
            self._transport.abort()

    async def disconnect(self) -> None:
        """What python-snap7's client calls when it gives up."""
        self.abort()

    def _write(self, tpdu: bytes) -> None:
        if self._failure is not None:
            raise self._failure
        if self._transport is None:
            raise UnreachableError("The connection is not open.")
        self._transport.write(tpkt(tpdu))

    async def _tpdu(self) -> bytes:
        """The next TPDU, at least 3 bytes."""
        while not self._tpdus:
            if self._failure is not None:
                raise self._failure
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._tpdus.popleft()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, failure: DeviceError) -> None:
        self.connected = False
        self._failure = self._failure or failure
        self._wake()

    # --- called by asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._failure is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        reason = f": {exc}" if exc else ""
        self._fail(UnreachableError(f"The device closed the connection{reason}."))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= TPKT.size:
            version, _, length = TPKT.unpack_from(self._buffer)
            if version != TPKT_VERSION or length < TPKT.size + 3:
                self._fail(ProtocolError("The device sent something that is no S7 packet."))
                self.abort()
                return
            if len(self._buffer) < length:
                return
            self._tpdus.append(bytes(self._buffer[TPKT.size : length]))
            del self._buffer[:length]
            self._wake()
        if len(self._tpdus) > _MAX_WAITING:
            self._fail(ProtocolError("The device sends answers that nobody asked for."))
            self.abort()
