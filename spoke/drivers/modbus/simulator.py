"""A Modbus server that serves simulated signals: on a real socket, or on one end of a pty.

Registers between signals read as 0; past the last signal of a table the answer is exception 2. A
client may write (function codes 5, 6, 15, 16, 22): the registers then keep what was written and the
signals in them stand still. `faults` makes it misbehave, for tests.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.addresses.modbus import Table, parse
from schemas.config.drivers import ModbusConfig
from spoke.drivers.modbus.simulator_servers import Server, Session, open_server
from spoke.drivers.modbus.simulator_tables import Cell, Image
from spoke.drivers.sim.signals import Signal

_READS = {
    1: Table.COIL,
    2: Table.DISCRETE_INPUT,
    3: Table.HOLDING_REGISTER,
    4: Table.INPUT_REGISTER,
}
_WRITES = {
    5: Table.COIL,
    6: Table.HOLDING_REGISTER,
    15: Table.COIL,
    16: Table.HOLDING_REGISTER,
    22: Table.HOLDING_REGISTER,
}
_MULTIPLE, _MASK = (15, 16), 22


@dataclass(slots=True)
class Faults:
    """What goes wrong, while it is set; read anew for every request."""

    delay_s: float = 0.0
    """Answer this much later."""
    stale_answers: int = 0
    """Send so many answers with an older transaction id before the right one; RTU and ASCII, which
    have no such id: the answers of other units."""
    duplicates: int = 0
    """Send the right answer so many times more."""
    garbage: bytes = b""
    """Send this instead of an answer."""
    frozen: bool = False
    """Take requests and never answer."""
    reset: bool = False
    """Reset the connection (RST) when a request comes."""
    dead_units: set[int] = field(default_factory=set)
    """Unit ids behind this gateway that do not answer."""
    gateway_exception: int = 0
    """What a gateway says for a dead unit, 10 or 11; 0: nothing."""
    exception: int = 0
    """Answer every request with this exception code."""
    max_count: int = 2000
    """Longer reads than this get exception 3."""
    refused: set[tuple[Table, int]] = field(default_factory=set)
    """Registers that do not exist: exception 2 for every request that covers one."""


class ModbusSimulator:
    """Serves signals under a ModbusConfig (transport, byte order, count from 0 or 1); any unit id
    answers."""

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
        self.serial_port = ""
        """The client's end of the pty, once started with a serial transport."""
        self.faults = Faults()
        self.requests = 0
        """Requests taken since the start."""
        self.answered: Counter[int] = Counter()
        """Requests answered, by unit id."""
        self.sessions: set[Session] = set()
        """The connections that are open now."""
        self._transport = settings.transport
        self._tables = {table: Image(table) for table in Table}
        for signal in signals:
            place = parse(signal.address, signal.data_type, settings)
            self._tables[place.table].add(Cell(signal, place))
        self._server: Server | None = None
        self._start_s = time.monotonic()
        self._sent_s = 0.0  # loop time of the last answer

    async def start(self) -> None:
        """Listen; `port` or `serial_port` is then the real one. Raises OSError when it is taken."""
        self._server = await open_server(self, self._transport)
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

    def take(self, session: Session, unit: int, pdu: bytes, key: int) -> None:
        """A request came. `key` is its transaction id, where there is one."""
        faults = self.faults
        self.requests += 1
        if faults.frozen:
            return
        if faults.reset:
            session.reset()
            return
        if unit in faults.dead_units:
            if faults.gateway_exception:
                answer = bytes((pdu[0] | 0x80, faults.gateway_exception))
                self._send(session, [session.wrap(unit, answer, key)])
            return
        answer = self.answer(pdu[0], pdu[1:])
        self.answered[unit] += 1
        wires = [session.wrap_stale(unit, answer, key, age) for age in _ages(faults.stale_answers)]
        wires += [session.wrap(unit, answer, key)] * (1 + faults.duplicates)
        self._send(session, [faults.garbage] if faults.garbage else wires)

    def _send(self, session: Session, wires: Sequence[bytes]) -> None:
        """Answers leave in the order of the requests, as a device's do."""
        loop = asyncio.get_running_loop()
        self._sent_s = max(self._sent_s, loop.time() + self.faults.delay_s)
        if self._sent_s > loop.time():
            loop.call_at(self._sent_s, session.send, wires)
        else:
            session.send(wires)

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
        multiple = function in _MULTIPLE
        count = value if multiple else 1
        image = self._tables[table]
        if multiple and (
            len(body) < 5 or len(body) != 5 + body[4] or body[4] < _size(table, count)
        ):
            return bytes((function | 0x80, 3))
        if not image.has(start, count) or self._refuses(table, start, count):
            return bytes((function | 0x80, 2))
        if function == _MASK:
            return self._mask(image, start, body)
        if function == 5:
            image.write(start, 1, b"\1" if value else b"\0")
        else:
            image.write(start, count, body[5:] if multiple else body[2:4])
        return bytes((function,)) + body[:4]

    def _mask(self, image: Image, start: int, body: bytes) -> bytes:
        """Function 22: (content AND and-mask) OR (or-mask AND NOT and-mask)."""
        if len(body) != 6:
            return bytes((_MASK | 0x80, 3))
        keep, put = struct.unpack_from(">HH", body, 2)
        now = int.from_bytes(image.read(start, 1, time.monotonic() - self._start_s), "big")
        image.write(start, 1, (now & keep | put & ~keep & 0xFFFF).to_bytes(2, "big"))
        return bytes((_MASK,)) + body


def _ages(count: int) -> range:
    return range(count, 0, -1)


def _size(table: Table, count: int) -> int:
    return (count + 7) // 8 if table.of_bits else 2 * count
