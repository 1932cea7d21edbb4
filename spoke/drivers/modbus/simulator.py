"""A Modbus TCP server that serves simulated signals on a real socket.

Registers between signals read as 0; past the last signal of a table the answer is exception 2. A
client may write (function codes 5, 6, 15, 16): the registers then keep what was written and the
signals in them stand still. `faults` makes it misbehave, for tests.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from schemas.addresses.modbus import ModbusAddress, Table, parse
from schemas.config.drivers import ModbusConfig
from schemas.kinds import DataType
from spoke.drivers.modbus.codec import encode
from spoke.drivers.sim.signals import Signal

_HEADER = struct.Struct(">HHHBB")  # transaction, protocol, length, unit, function
_READS = {
    1: Table.COIL,
    2: Table.DISCRETE_INPUT,
    3: Table.HOLDING_REGISTER,
    4: Table.INPUT_REGISTER,
}
_WRITES = {5: Table.COIL, 6: Table.HOLDING_REGISTER, 15: Table.COIL, 16: Table.HOLDING_REGISTER}
_FRESH_S = 0.02


@dataclass(slots=True)
class Faults:
    """What goes wrong, while it is set; read anew for every request."""

    delay_s: float = 0.0
    """Answer this much later."""
    stale_answers: int = 0
    """Send so many answers with an older transaction id before the right one."""
    garbage: bytes = b""
    """Send this instead of an answer."""
    frozen: bool = False
    """Take requests and never answer."""
    reset: bool = False
    """Reset the connection (RST) when a request comes."""
    exception: int = 0
    """Answer every request with this exception code."""
    max_count: int = 2000
    """Longer reads than this get exception 3."""
    refused: set[tuple[Table, int]] = field(default_factory=set)
    """Registers that do not exist: exception 2 for every request that covers one."""


class ModbusSimulator:
    """Serves signals under a ModbusConfig (byte order, count from 0 or 1); any unit id answers."""

    def __init__(
        self,
        signals: Sequence[Signal],
        settings: ModbusConfig | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """Raises AddressError for a signal with a wrong address."""
        settings = settings or ModbusConfig(host=host)
        self.host, self.port = host, port
        self.faults = Faults()
        self.requests = 0
        """Requests taken since the start."""
        self._tables = {table: _Image(table) for table in Table}
        for signal in signals:
            place = parse(signal.address, signal.data_type, settings)
            self._tables[place.table].add(_Cell(signal, place, settings))
        self._server: asyncio.Server | None = None
        self.sessions: set[_Session] = set()
        """The connections that are open now."""
        self._start_s = time.monotonic()

    async def start(self) -> None:
        """Listen; `port` is then the real one. Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Session(self), self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._start_s = time.monotonic()

    async def stop(self) -> None:
        """Close the port and all connections; may be called twice."""
        if self._server is None:
            return
        self._server.close()
        for session in tuple(self.sessions):
            session.close()
        await self._server.wait_closed()
        self._server = None

    def answer(self, function: int, body: bytes) -> bytes:
        """The response PDU to a request PDU; `body` is what follows the function code."""
        if self.faults.exception:
            return bytes((function | 0x80, self.faults.exception))
        if function in _READS and len(body) == 4:
            return self._read(function, *struct.unpack(">HH", body))
        if function in _WRITES and len(body) >= 4:
            return self._write(function, body)
        return bytes((function | 0x80, 1))

    def _read(self, function: int, start: int, count: int) -> bytes:
        table = _READS[function]
        if not 1 <= count <= min(self.faults.max_count, 2000 if table.of_bits else 125):
            return bytes((function | 0x80, 3))
        image = self._tables[table]
        if not image.has(start, count) or self._refuses(table, start, count):
            return bytes((function | 0x80, 2))
        payload = image.read(start, count, time.monotonic() - self._start_s)
        return bytes((function, len(payload))) + payload

    def _refuses(self, table: Table, start: int, count: int) -> bool:
        refused = self.faults.refused
        return any(where == table and start <= at < start + count for where, at in refused)

    def _write(self, function: int, body: bytes) -> bytes:
        table, (start, value) = _WRITES[function], struct.unpack_from(">HH", body)
        count = value if function > 6 else 1
        image = self._tables[table]
        if function > 6 and (
            len(body) < 5 or len(body) != 5 + body[4] or body[4] < _size(table, count)
        ):
            return bytes((function | 0x80, 3))
        if not image.has(start, count) or self._refuses(table, start, count):
            return bytes((function | 0x80, 2))
        if function == 5:
            image.write(start, 1, b"\1" if value else b"\0")
        else:
            image.write(start, count, body[2:4] if function == 6 else body[5:])
        return bytes((function,)) + body[:4]


def _size(table: Table, count: int) -> int:
    return (count + 7) // 8 if table.of_bits else 2 * count


@dataclass(slots=True, eq=False)
class _Cell:
    """A signal in its registers."""

    signal: Signal
    place: ModbusAddress
    settings: ModbusConfig
    fresh_until_s: float = -1.0
    reads: int = 0
    held: bool = False  # a client wrote here

    def octets(self, t: float) -> bytes | None:
        """The registers at t seconds, or None when they have not changed."""
        if self.held:
            return None
        if self.signal.counts_reads:
            self.reads += 1
            return self._encode(self.reads)
        if t < self.fresh_until_s:
            return None
        self.fresh_until_s = t + _FRESH_S
        return self._encode(self.signal.value(t))

    def _encode(self, value: float | int | str) -> bytes:
        if self.signal.data_type is DataType.BOOL:
            return b"\1" if value else b"\0"
        length, order = self.place.length, self.settings.byte_order
        return encode(value, self.signal.data_type, order, length)


class _Image:
    """One table: its cells, and the registers or bits (one byte each) as they are now."""

    def __init__(self, table: Table) -> None:
        self._bits = table.of_bits
        self._cells: list[_Cell] = []
        self._by_start: dict[int, list[_Cell]] = {}
        self._memory = bytearray()
        self.end = 0

    def add(self, cell: _Cell) -> None:
        self._by_start.setdefault(cell.place.start, []).append(cell)
        self._cells.append(cell)
        self.end = max(self.end, cell.place.end)
        self._memory = bytearray(self.end if self._bits else 2 * self.end)

    def has(self, start: int, count: int) -> bool:
        return count > 0 and start + count <= self.end

    def read(self, start: int, count: int, t: float) -> bytes:
        """The payload for these registers; counting signals that begin in them count on."""
        for at in range(max(0, start - 124), start + count):
            for cell in self._by_start.get(at, ()):
                if cell.place.end > start and not (at < start and cell.signal.counts_reads):
                    self._refresh(cell, t)
        if not self._bits:
            return bytes(self._memory[2 * start : 2 * (start + count)])
        packed = 0
        for i, bit in enumerate(self._memory[start : start + count]):
            packed |= bit << i
        return packed.to_bytes((count + 7) // 8, "little")

    def write(self, start: int, count: int, payload: bytes) -> None:
        for cell in self._cells:
            if cell.place.end > start and cell.place.start < start + count:
                cell.held = True
        if not self._bits:
            self._memory[2 * start : 2 * (start + count)] = payload[: 2 * count]
            return
        for i in range(count):
            self._memory[start + i] = payload[i // 8] >> (i % 8) & 1

    def _refresh(self, cell: _Cell, t: float) -> None:
        octets = cell.octets(t)
        if octets is None:
            return
        start, bit = cell.place.start, cell.place.bit
        if self._bits:
            self._memory[start] = octets[0]
        elif bit is None:
            self._memory[2 * start : 2 * start + len(octets)] = octets
        else:
            at, mask = 2 * start + (bit < 8), 1 << (bit % 8)
            self._memory[at] = self._memory[at] & ~mask | (mask if octets[0] else 0)


class _Session(asyncio.Protocol):
    """One client."""

    def __init__(self, simulator: ModbusSimulator) -> None:
        self._simulator = simulator
        self._transport: asyncio.Transport | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._simulator.sessions.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._simulator.sessions.discard(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        position = 0
        while len(data) - position >= _HEADER.size:
            transaction, protocol, length, unit, function = _HEADER.unpack_from(data, position)
            end = position + 6 + length
            if protocol != 0 or not 2 <= length <= 254:
                self.close()
                return
            if end > len(data):
                break
            self._answer(transaction, unit, function, data[position + _HEADER.size : end])
            position = end
        self._rest = data[position:]

    def _answer(self, transaction: int, unit: int, function: int, body: bytes) -> None:
        simulator, faults = self._simulator, self._simulator.faults
        simulator.requests += 1
        if faults.frozen:
            return
        if faults.reset:
            self._reset()
            return
        pdu = simulator.answer(function, body)
        wire = faults.garbage or b"".join(
            struct.pack(">HHHB", (transaction - age) & 0xFFFF, 0, len(pdu) + 1, unit) + pdu
            for age in range(faults.stale_answers, -1, -1)
        )
        if faults.delay_s:
            asyncio.get_running_loop().call_later(faults.delay_s, self._write, wire)
        else:
            self._write(wire)

    def _write(self, wire: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(wire)

    def _reset(self) -> None:
        if self._transport is None:
            return
        connection: socket.socket = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()
