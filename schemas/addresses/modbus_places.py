"""Where a Modbus value lies: table, registers, bit, and the order of its bytes.

Source: *MODBUS Application Protocol Specification V1.1b3*, sections 4.3 and 4.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.config.modbus import ByteOrder
from schemas.kinds import DataType

LAST = 65535
MAX_CHARACTERS = 250
"""125 registers, the most that one request reads."""


class Table(StrEnum):
    """The four tables of a Modbus device, by the prefix of their addresses."""

    COIL = "CO"
    DISCRETE_INPUT = "DI"
    INPUT_REGISTER = "IR"
    HOLDING_REGISTER = "HR"

    @property
    def words(self) -> str:
        return self.name.lower().replace("_", " ")

    @property
    def of_bits(self) -> bool:
        return self in (Table.COIL, Table.DISCRETE_INPUT)


@dataclass(frozen=True, slots=True)
class ModbusAddress:
    """Where a value lies: `count` registers (or one bit of a bit table) of `table` from `start`."""

    table: Table
    start: int
    count: int
    bit: int | None = None
    """Bit of the register, 0 is the lowest; None for a whole value."""
    length: int = 0
    """Characters of a text, else 0."""
    order: ByteOrder = ByteOrder.ABCD
    """As it holds for this value: of one register and of a text only ABCD or BADC."""

    @property
    def end(self) -> int:
        """One past the last register or bit."""
        return self.start + self.count

    @property
    def last_word_first(self) -> bool:
        """The lowest register holds the lowest word of the value."""
        return self.order in (ByteOrder.CDAB, ByteOrder.DCBA)

    @property
    def low_byte_first(self) -> bool:
        """The two bytes of each register are swapped."""
        return self.order in (ByteOrder.BADC, ByteOrder.DCBA)

    @property
    def words(self) -> str:
        """For messages: `holding registers 10 to 11`."""
        if self.count == 1:
            return f"{self.table.words} {self.start}"
        return f"{self.table.words}s {self.start} to {self.end - 1}"


_REGISTERS = {
    DataType.INT32: 2,
    DataType.UINT32: 2,
    DataType.BCD32: 2,
    DataType.FLOAT32: 2,
    DataType.INT64: 4,
    DataType.UINT64: 4,
    DataType.FLOAT64: 4,
}


def registers(data_type: DataType, length: int = 0) -> int:
    """How many registers a value takes; `length` is the number of characters of a text."""
    return (length + 1) // 2 if data_type is DataType.STRING else _REGISTERS.get(data_type, 1)
