"""How the simulator is reached: TCP, UDP, RTU over TCP, and RTU or ASCII on a pty."""

from __future__ import annotations

import asyncio
import os
import pty
import socket
import struct
import tty
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from schemas.config.modbus import ModbusTransport
from spoke.drivers.modbus.simulator_frames import AsciiFrames, Frames, MbapFrames, RtuFrames

if TYPE_CHECKING:
    from spoke.drivers.modbus.simulator import ModbusSimulator

_READ_BYTES = 4096


class Server(Protocol):
    def close(self) -> None: ...

    async def wait_closed(self) -> None: ...


async def open_server(simulator: ModbusSimulator, transport: ModbusTransport) -> Server:
    """Serve; sets `port` or `serial_port` of the simulator. Raises OSError."""
    loop = asyncio.get_running_loop()
    if transport.serial:
        frames = RtuFrames() if transport is ModbusTransport.RTU else AsciiFrames()
        server = PtyServer(Session(simulator, frames))
        simulator.serial_port = server.name
        return server
    place = (simulator.host, simulator.port)
    if transport is ModbusTransport.UDP:
        endpoint, session = await loop.create_datagram_endpoint(
            lambda: Session(simulator, MbapFrames()), local_addr=place
        )
        simulator.port = endpoint.get_extra_info("sockname")[1]
        return UdpServer(session)
    frames_of = MbapFrames if transport is ModbusTransport.TCP else RtuFrames
    listener = await loop.create_server(lambda: Session(simulator, frames_of()), *place)
    simulator.port = listener.sockets[0].getsockname()[1]
    return listener


class Session(asyncio.Protocol, asyncio.DatagramProtocol):
    """One client."""

    def __init__(self, simulator: ModbusSimulator, frames: Frames) -> None:
        self._simulator, self._frames = simulator, frames
        self.wrap, self.wrap_stale = frames.wrap, frames.wrap_stale
        self._transport: Any = None
        self._peer: object = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._simulator.sessions.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._simulator.sessions.discard(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            requests, self._rest = self._frames.split(self._rest + data)
        except ValueError:  # this is another protocol
            self.close()
            return
        for unit, pdu, key in requests:
            self._simulator.take(self, unit, pdu, key)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._peer, self._rest = addr, b""
        self.data_received(data)

    def send(self, wires: Sequence[bytes]) -> None:
        """Each a datagram of its own, or all in one piece."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._peer is None:
            self._transport.write(b"".join(wires))
            return
        for wire in wires:
            self._transport.sendto(wire, self._peer)

    def reset(self) -> None:
        """Close with RST."""
        connection: socket.socket | None = self._transport.get_extra_info("socket")
        if connection is not None:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._transport.abort()


class UdpServer:
    """The one session of all clients."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def close(self) -> None:
        self._session.close()

    async def wait_closed(self) -> None:
        await asyncio.sleep(0)


class PtyServer(asyncio.Transport):
    """Our end of a pty, as a transport; `name` is the other end, which a client opens."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._ours, self._theirs = pty.openpty()
        tty.setraw(self._theirs)  # and it stays open, so that clients may come and go
        os.set_blocking(self._ours, False)
        self.name = os.ttyname(self._theirs)
        self._session, self._open = session, True
        self._loop.add_reader(self._ours, self._readable)
        session.connection_made(self)

    def _readable(self) -> None:
        try:
            data = os.read(self._ours, _READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        self._session.data_received(data)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._open:
            os.write(self._ours, data)

    def is_closing(self) -> bool:
        return not self._open

    def abort(self) -> None:
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._ours)
        os.close(self._ours)
        os.close(self._theirs)
        self._session.connection_lost(None)

    def close(self) -> None:
        self.abort()

    async def wait_closed(self) -> None:
        await asyncio.sleep(0)
