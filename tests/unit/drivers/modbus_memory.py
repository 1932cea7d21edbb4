"""A Modbus device as a function from PDU to PDU, written from the specification alone.

For tests of what is asked and in which order; the tests on real sockets are elsewhere.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

_NUMBERS = struct.Struct(">HH")


@dataclass
class Memory:
    """65,536 registers and coils. What is `locked` answers exception 2 to writes."""

    registers: list[int] = field(default_factory=lambda: [0] * 65536)
    coils: list[int] = field(default_factory=lambda: [0] * 65536)
    locked: set[int] = field(default_factory=set)
    unreadable: set[int] = field(default_factory=set)
    lacking: set[int] = field(default_factory=set)
    """Functions that answer exception 1."""
    answers: dict[int, int] = field(default_factory=dict)
    """Function -> the exception that every request of it gets."""
    faults: Callable[[bytes], None] = lambda _: None
    """Called with each PDU before it is done; may raise."""
    asked: list[tuple[int, int, int]] = field(default_factory=list)
    """(function, start, count) of each request."""

    async def exchange(self, pdu: bytes) -> bytes:
        function, (start, number) = pdu[0], _NUMBERS.unpack_from(pdu, 1)
        count = 1 if function in (5, 6, 22) else number
        self.asked.append((function, start, count))
        self.faults(pdu)
        code = self._exception(function, start, count)
        if code:
            return bytes((function | 0x80, code))
        span = range(start, start + count)
        if function == 1:
            bits = sum(self.coils[at] << i for i, at in enumerate(span))
            return bytes((1, (count + 7) // 8)) + bits.to_bytes((count + 7) // 8, "little")
        if function == 3:
            payload = b"".join(self.registers[at].to_bytes(2, "big") for at in span)
            return bytes((3, len(payload))) + payload
        self._write(function, pdu, start, number)
        return pdu if function in (5, 6, 22) else pdu[:5]

    def _exception(self, function: int, start: int, count: int) -> int:
        if function in self.lacking:
            return 1
        if not 1 <= count <= {1: 2000, 3: 125, 15: 1968, 16: 123}.get(function, 1):
            return 3
        span = set(range(start, start + count))
        if span & (self.unreadable if function < 5 else self.locked):
            return 2
        return self.answers.get(function, 0)

    def _write(self, function: int, pdu: bytes, start: int, number: int) -> None:
        if function == 5:
            assert number in (0, 0xFF00)
            self.coils[start] = int(number == 0xFF00)
        elif function == 6:
            self.registers[start] = number
        elif function == 22:
            (keep, add), old = _NUMBERS.unpack_from(pdu, 3), self.registers[start]
            self.registers[start] = old & keep | add & ~keep & 0xFFFF
        elif function == 15:
            assert pdu[5] == len(pdu) - 6 == (number + 7) // 8
            for i in range(number):
                self.coils[start + i] = pdu[6 + i // 8] >> i % 8 & 1
        else:
            assert function == 16
            assert pdu[5] == len(pdu) - 6 == 2 * number
            self.registers[start : start + number] = struct.unpack(f">{number}H", pdu[6:])

    @property
    def wrote(self) -> list[tuple[int, int, int]]:
        """The requests that change something."""
        return [item for item in self.asked if item[0] > 4]

    @property
    def read(self) -> list[tuple[int, int, int]]:
        return [item for item in self.asked if item[0] <= 4]
