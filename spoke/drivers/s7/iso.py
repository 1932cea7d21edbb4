"""ISO transport over TCP, the two lowest layers of an S7 session, as one asyncio Protocol.

Sources: RFC 1006 (TPKT: version 3, reserved, 16-bit length of the whole packet, on TCP port 102)
and ISO 8073 / X.224 class 0 as in RFC 905 (CR asks for a connection, CC confirms, DR refuses or
ends it, DT carries data, its bit EOT marks the last piece). A TSAP of S7 is two bytes: the kind of
the connection (1 PG, 2 OP), then rack x 32 + slot.

It takes the place of python-snap7's stream transport, because that one connects with a fixed
timeout of 5 s, wraps each read in `wait_for` (which on Python 3.11 can swallow a cancellation),
takes a fragment for a whole message, and cannot be closed at once.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from typing import cast

from schemas.config.s7 import S7Family
from schemas.errors import DeviceError, ProtocolError, UnreachableError
from spoke.drivers.s7.advice import hint_to_connect, refused_connection, words_of_tsap

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
OnMessage = Callable[[bytes, int, int], None]


def tpkt(tpdu: bytes) -> bytes:
    return TPKT.pack(TPKT_VERSION, 0, TPKT.size + len(tpdu)) + tpdu


class IsoTransport(asyncio.Protocol):
    """One connection. After a failure every call raises that failure.

    While a session is set up, messages are awaited one by one; then `listen` has them delivered.
    """

    def __init__(self, family: S7Family) -> None:
        self._family = family
        self._transport: asyncio.Transport | None = None
        self._rest = b""  # the beginning of a packet
        self._tpdus: deque[bytes] = deque()
        self._message = b""  # the first pieces of a message, while listening
        self._waiter: asyncio.Future[None] | None = None
        self._failure: DeviceError | None = None
        self._on_message: OnMessage | None = None
        self._on_failure: Callable[[DeviceError], None] | None = None

    async def handshake(self, local_tsap: int, remote_tsap: int) -> None:
        """Ask for the transport connection. Raises RefusedError when the device refuses it.

        A device that hangs up without a word may be a CPU with another slot, or one that is just
        starting: UnreachableError, so that it is tried again soon.
        """
        fields = (0, 1, 0, PARAM_CALLING_TSAP, 2, local_tsap, PARAM_CALLED_TSAP, 2, remote_tsap)
        request = _CONNECT.pack(_CONNECT.size - 1, CR, *fields, PARAM_TPDU_SIZE, 1, TPDU_SIZE_1024)
        self.write(tpkt(request))
        called = words_of_tsap(remote_tsap, self._family)
        try:
            answer = await self._tpdu()
        except UnreachableError as error:
            raise UnreachableError(
                f"The device closed the connection at once ({called}).",
                hint=hint_to_connect(self._family),
            ) from error
        if answer[1] == DR:
            raise refused_connection(answer[6] if len(answer) > 6 else 0, called, self._family)
        if answer[1] != CC:
            raise ProtocolError(f"Not an S7 device: it answered with TPDU {answer[1]:#04x}.")

    async def send_data(self, data: bytes) -> None:
        """Send one S7 message."""
        self.write(tpkt(_DT_HEADER + data))

    async def receive_data(self) -> bytes:
        """The next S7 message, put together from its pieces."""
        message = b""
        while True:
            tpdu = await self._tpdu()
            message = self._joined(message, tpdu)
            if tpdu[2] & EOT:
                return message

    def listen(self, on_message: OnMessage, on_failure: Callable[[DeviceError], None]) -> None:
        """From now on deliver whole messages as (data, start, end), and why it all ended."""
        self._on_message, self._on_failure = on_message, on_failure
        self._tpdus.clear()
        if self._failure is not None:
            on_failure(self._failure)

    def write(self, packets: bytes) -> None:
        """Send whole packets. Raises the failure when there was one."""
        if self._failure is not None:
            raise self._failure
        if self._transport is None:
            raise UnreachableError("The connection is not open.")
        self._transport.write(packets)

    def abort(self) -> None:
        """Close at once; nothing is sent any more."""
        self._fail(UnreachableError("The connection is closed."))

    async def _tpdu(self) -> bytes:
        """The next TPDU, at least 3 bytes."""
        while not self._tpdus:
            if self._failure is not None:
                raise self._failure
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._tpdus.popleft()

    def _joined(self, message: bytes, tpdu: bytes) -> bytes:
        """The message with one more piece. Raises DeviceError."""
        if tpdu[1] == DR:
            raise UnreachableError("The device ended the connection.")
        if tpdu[1] != DT or tpdu[0] + 1 > len(tpdu):
            raise ProtocolError(f"Expected data, but the device sent TPDU {tpdu[1]:#04x}.")
        message += tpdu[tpdu[0] + 1 :]
        if len(message) > _MAX_MESSAGE_BYTES:
            raise ProtocolError("The device sent a message without end.")
        return message

    def _fail(self, failure: DeviceError) -> None:
        if self._failure is None:
            self._failure = failure
            if self._on_failure is not None:
                self._on_failure(failure)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if self._transport is not None:
            self._transport.abort()

    # --- called by asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._failure is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        reason = f": {exc}" if exc else ""
        self._fail(UnreachableError(f"The device closed the connection{reason}."))

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        at, size = 0, len(data)
        while size - at >= TPKT.size and self._failure is None:
            version, _, length = TPKT.unpack_from(data, at)
            if version != TPKT_VERSION or length < TPKT.size + 3:
                self._fail(ProtocolError("The device sent something that is no S7 packet."))
                return
            if size - at < length:
                break
            self._packet(data, at + TPKT.size, at + length)
            at += length
        self._rest = data[at:]

    def _packet(self, data: bytes, start: int, end: int) -> None:
        """One TPDU."""
        if self._on_message is None:
            self._tpdus.append(data[start:end])
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)
            if len(self._tpdus) > _MAX_WAITING:
                self._fail(ProtocolError("The device sends answers that nobody asked for."))
        elif data.startswith(_DT_HEADER, start) and not self._message:
            self._on_message(data, start + len(_DT_HEADER), end)
        else:
            self._piece(data[start:end])

    def _piece(self, tpdu: bytes) -> None:
        """Of a message in several pieces, or something else than data."""
        assert self._on_message is not None
        try:
            self._message = self._joined(self._message, tpdu)
        except DeviceError as error:
            self._fail(error)
            return
        if tpdu[2] & EOT:
            whole, self._message = self._message, b""
            self._on_message(whole, 0, len(whole))
