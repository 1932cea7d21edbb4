"""Where the values of a data block with standard access lie.

The rules (Siemens, *Programming Guideline for S7-1200/S7-1500*, standard access, and *STEP 7 V5.x:
format of the data types*): BOOLs follow each other bit by bit; types of one byte begin at the next
byte; all larger ones at the next even byte; arrays and structures begin and end at even bytes.

Where these rules do not decide, we do not guess: after a STRING with an odd number of bytes the
place of a bit or byte is in doubt until the next even byte, and an array of bits or bytes with
several dimensions has an end that we do not know.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hub.tagfiles.s7_places import Element
from hub.tagfiles.tables import MAX_ROWS
from hub.tagfiles.tia_parser import MAX_DEPTH, Array, Member, Named, Struct, Type
from schemas.errors import ConfigError
from schemas.kinds import DataType


@dataclass(frozen=True, slots=True)
class Placed:
    """One value of a block. `kind` is None and `problem` says why where it cannot be had."""

    name: str
    line: int
    comment: str
    kind: Element | None
    start_byte: int = 0
    bit: int = 0
    problem: str = ""


def layout(body: Type, types: Mapping[str, Struct], prefix: str = "") -> list[Placed]:
    """Every value of a block in the order of its declaration; `types` are the PLC data types.

    Raises ConfigError past MAX_ROWS values and for types inside themselves.
    """
    walk = _Walk(types)
    found = list(itertools.islice(walk.of_type(body, prefix, 0, "", 0), MAX_ROWS + 1))
    if len(found) > MAX_ROWS:
        raise ConfigError(
            f"The block has more than {MAX_ROWS:,} values.", hint="Take the large arrays out."
        )
    return found


class _Walk:
    """The place of the next value, in bits from the start of the block."""

    def __init__(self, types: Mapping[str, Struct]) -> None:
        self._types = types
        self._bits = 0
        self._lost = ""
        """Why nothing further on has a known place."""
        self._doubt = ""
        """Why a bit or byte here has none."""

    def of_type(
        self, found: Type, name: str, line: int, comment: str, depth: int
    ) -> Iterator[Placed]:
        if depth > MAX_DEPTH:
            raise ConfigError(f"{name[:100]}: types lie inside each other without an end.")
        if isinstance(found, Struct):
            yield from self._struct(found, name, depth)
        elif isinstance(found, Array):
            yield from self._array(found, name, line, comment, depth)
        elif isinstance(found, Named):
            yield from self._named(found, name, line, comment, depth)
        else:
            yield self._element(found, name, line, comment)

    def _struct(self, struct: Struct, name: str, depth: int) -> Iterator[Placed]:
        self._to(16)
        for member in struct.members:
            yield from self._member(member, name, depth)
        self._to(16)

    def _member(self, member: Member, name: str, depth: int) -> Iterator[Placed]:
        full = f"{name}.{member.name}" if name else member.name
        yield from self.of_type(member.type, full, member.line, member.comment, depth + 1)

    def _named(
        self, found: Named, name: str, line: int, comment: str, depth: int
    ) -> Iterator[Placed]:
        struct = self._types.get(found.name.upper())
        if struct is not None:
            yield from self.of_type(struct, name, line, comment, depth + 1)
            return
        reason = f"the type {found.name} is not declared in this file"
        yield Placed(name, line, comment, None, problem=self._lost or f"{reason}.")
        self._lose(name, reason)

    def _array(
        self, array: Array, name: str, line: int, comment: str, depth: int
    ) -> Iterator[Placed]:
        self._to(16)
        if array.bounds is None or any(high < low for low, high in array.bounds):
            reason = "the bounds of the array are constants or not in order"
            yield Placed(name, line, comment, None, problem=self._lost or f"{reason}.")
            self._lose(name, reason)
            return
        for place in _indices(array.bounds):
            index = ",".join(str(number) for number in place)
            yield from self.of_type(array.of, f"{name}[{index}]", line, comment, depth + 1)
            if len(array.bounds) > 1 and isinstance(array.of, Element) and not array.of.even:
                self._lose(name, "an array of bits or bytes has several dimensions")
        self._to(16)

    def _element(self, kind: Element, name: str, line: int, comment: str) -> Placed:
        if kind.even:
            self._to(16)
        elif kind.size_bytes:
            self._to(8)
        start, bit = divmod(self._bits, 8)
        problem = self._lost or self._doubt
        self._bits += 8 * kind.size_bytes or 1
        if kind.data_type is DataType.STRING and kind.size_bytes % 2 and kind.size_bytes > 1:
            self._doubt = (
                f"it follows {name}, a text with an odd number of bytes, and its place is not "
                "certain."
            )
        if problem:
            return Placed(name, line, comment, None, problem=problem)
        return Placed(name, line, comment, kind, start, bit)

    def _to(self, bits: int) -> None:
        self._bits += -self._bits % bits
        if bits == 16:
            self._doubt = ""

    def _lose(self, name: str, reason: str) -> None:
        self._lost = self._lost or f"it follows {name}, and its place is not known: {reason}."


def _indices(bounds: Sequence[tuple[int, int]]) -> Iterator[tuple[int, ...]]:
    return itertools.product(*(range(low, high + 1) for low, high in bounds))
