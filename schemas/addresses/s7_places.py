"""A place in an S7 CPU, as `schemas/addresses/s7.py` finds it in an address."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.addresses.s7_types import Form


class Area(StrEnum):
    """Where a value lies: data block, bit memory (Merker), process images, S5 timers, counters."""

    DB = "DB"
    M = "M"
    I = "I"  # noqa: E741 - the CPU's own name of its input image
    Q = "Q"
    T = "T"
    C = "C"

    @property
    def of_words(self) -> bool:
        """Timers and counters are asked for by number; each has two bytes."""
        return self in (Area.T, Area.C)


@dataclass(frozen=True, slots=True, order=True)
class S7Address:
    """A place in the CPU's memory: bytes [start_byte, start_byte + size_bytes).

    `db` is 0 outside data blocks. Timer and counter n are the bytes 2n and 2n + 1 of their area.
    `bit` is 0 to 7 for a bool and None otherwise. `length` is the declared maximum of characters
    of a STRING or WSTRING and 0 otherwise.
    """

    area: Area
    db: int
    start_byte: int
    bit: int | None
    size_bytes: int
    length: int = 0
    form: Form = Form.PLAIN

    @property
    def end_byte(self) -> int:
        return self.start_byte + self.size_bytes
