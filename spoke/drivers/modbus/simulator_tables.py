"""What a simulated Modbus device has in its registers."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.addresses.modbus import ModbusAddress, Table
from schemas.kinds import DataType, Value
from spoke.drivers.modbus.codec import mask_of, simulated
from spoke.drivers.sim.signals import Signal

_FRESH_S = 0.02


@dataclass(slots=True, eq=False)
class Cell:
    """A signal in its registers."""

    signal: Signal
    place: ModbusAddress
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

    def _encode(self, value: Value) -> bytes:
        if self.place.table.of_bits:
            return b"\1" if value else b"\0"
        return simulated(value, self.signal.data_type, self.place)


class Image:
    """One table: its cells, and the registers or bits (one byte each) as they are now."""

    def __init__(self, table: Table) -> None:
        self._bits = table.of_bits
        self._cells: list[Cell] = []
        self._by_start: dict[int, list[Cell]] = {}
        self._memory = bytearray()
        self.end = 0

    def add(self, cell: Cell) -> None:
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

    def _refresh(self, cell: Cell, t: float) -> None:
        octets = cell.octets(t)
        if octets is None:
            return
        first = cell.place.start if self._bits else 2 * cell.place.start
        if cell.place.bit is None:
            self._memory[first : first + len(octets)] = octets
            return
        own = mask_of(DataType.BOOL, cell.place)
        for at, (put, mask) in enumerate(zip(octets, own, strict=True), first):
            self._memory[at] = self._memory[at] & ~mask | put
