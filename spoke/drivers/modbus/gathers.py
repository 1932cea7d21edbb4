"""How columns come out of the joined answers: computed once per plan, so that a scan only gathers.

Values of one data type are one part of their column and come out with one gather: of registers
where all of them have their bytes in the same order, of single bytes where they do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.addresses.modbus import ModbusAddress, Table
from schemas.kinds import DataType
from spoke.drivers.base import Column

NOWHERE = -1
_LIMITED = frozenset({DataType.UINT64, DataType.BCD16, DataType.BCD32})
_BCD = frozenset({DataType.BCD16, DataType.BCD32})

Spots = Mapping[tuple[Table, int, int], tuple[int, int, int]]
"""(table, start, end) of a value -> number, first byte in the buffer and `start` of its block."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """n values of one data type in a column.

    `where` [n] are their positions in the column, None for all of it. `index` counts registers, or
    bytes if `of_bytes`; those of one value are next to each other [n * units per value]; a slice
    where they follow each other. `raw` is the dtype of what was gathered, `bcd` says that its
    nibbles are decimal digits.
    """

    where: NDArray[np.intp] | None
    index: NDArray[np.intp] | slice
    of_bytes: bool
    raw: str
    bcd: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Gather:
    """How a column's N values lie in the buffer.

    Numbers come by `parts`. Of a bool, `octets` [N] is its byte and `shift` [N] its bit in there.
    `texts` are the bytes of each text and `swapped` the numbers of those whose bytes are swapped
    in each register. `suspect` [N] marks data types of which some bits are no value, None for none.
    `block_of` [N] is the number of the block, -1 for a tag that nobody asks for.
    """

    column: Column
    block_of: NDArray[np.int32]
    parts: tuple[Part, ...]
    octets: NDArray[np.intp]
    shift: NDArray[np.uint8]
    texts: tuple[slice, ...]
    swapped: tuple[int, ...]
    suspect: NDArray[np.bool_] | None
    complete: bool
    """Every tag of the column is asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class _Spread:
    """Where the N values of a column lie; rows of zeros for tags that nobody asks for."""

    block_of: NDArray[np.int32]
    first_byte: NDArray[np.intp]
    shift: NDArray[np.uint8]
    last_word_first: NDArray[np.bool_]
    low_byte_first: NDArray[np.bool_]


def gather_of(column: Column, places: Mapping[int, ModbusAddress], spots: Spots) -> Gather:
    """The gather of a column; a tag without a place or a spot is nowhere."""
    spread = _spread(column, places, spots)
    wire = column.wire
    texts: list[slice] = []
    if wire == "O":
        lengths = [places[tag.id].length if tag.id in places else 0 for tag in column.tags]
        texts = [
            slice(int(first), int(first) + (length if block != NOWHERE else 0))
            for first, length, block in zip(
                spread.first_byte, lengths, spread.block_of, strict=True
            )
        ]
    suspect = np.array([tag.data_type in _LIMITED for tag in column.tags], dtype=np.bool_)
    return Gather(
        column=column,
        block_of=spread.block_of,
        parts=() if wire in ("O", "|b1") else _parts(column, spread),
        octets=spread.first_byte,
        shift=spread.shift,
        texts=tuple(texts),
        swapped=tuple(np.flatnonzero(spread.low_byte_first).tolist()) if texts else (),
        suspect=suspect if suspect.any() else None,
        complete=bool((spread.block_of != NOWHERE).all()),
    )


def _spread(column: Column, places: Mapping[int, ModbusAddress], spots: Spots) -> _Spread:
    count = len(column.tags)
    block_of = np.full(count, NOWHERE, dtype=np.int32)
    first_byte = np.zeros(count, dtype=np.intp)
    shift = np.zeros(count, dtype=np.uint8)
    last_word_first = np.zeros(count, dtype=np.bool_)
    low_byte_first = np.zeros(count, dtype=np.bool_)
    for i, tag in enumerate(column.tags):
        place = places.get(tag.id)
        spot = None if place is None else spots.get((place.table, place.start, place.end))
        if place is None or spot is None:
            continue
        block_of[i] = spot[0]
        first_byte[i], shift[i] = _first_byte(place, spot[1], spot[2])
        last_word_first[i], low_byte_first[i] = place.last_word_first, place.low_byte_first
    return _Spread(block_of, first_byte, shift, last_word_first, low_byte_first)


def _first_byte(place: ModbusAddress, offset: int, block_start: int) -> tuple[int, int]:
    """(byte in the buffer, bit in that byte) of a value in a block that lies at `offset`."""
    distance = place.start - block_start
    if place.table.of_bits:  # the first bit is the lowest of the first byte
        return offset + distance // 8, distance % 8
    first = offset + 2 * distance
    if place.bit is None:
        return first, 0
    low_half = (place.bit < 8) != place.low_byte_first  # a register's high byte comes first
    return first + low_half, place.bit % 8


def _parts(column: Column, spread: _Spread) -> tuple[Part, ...]:
    members: dict[tuple[str, bool], list[int]] = {}
    for i, tag in enumerate(column.tags):
        form = "f2" if tag.data_type is DataType.FLOAT16 else column.wire[1:]
        members.setdefault((form, tag.data_type in _BCD), []).append(i)
    if len(members) == 1:
        ((form, bcd),) = members
        return (_part(None, form, bcd, spread),)
    return tuple(
        _part(np.array(positions, dtype=np.intp), form, bcd, spread)
        for (form, bcd), positions in members.items()
    )


def _part(where: NDArray[np.intp] | None, form: str, bcd: bool, spread: _Spread) -> Part:
    mine: NDArray[np.intp] | slice = slice(None) if where is None else where
    first, low_byte_first = spread.first_byte[mine], spread.low_byte_first[mine]
    size = int(form[1:])
    if size == 1:  # int8 and uint8 are the low byte of their register
        return Part(where, first + ~low_byte_first, of_bytes=True, raw="|" + form)
    words = np.arange(size // 2, dtype=np.intp)
    there = low_byte_first[spread.block_of[mine] != NOWHERE]
    little = bool(there.any())
    if little and not there.all():
        return Part(where, _octets(first, mine, size, spread), True, "<" + form, bcd)
    # Swapped bytes are read as little-endian with the words turned once more: no byte has to move.
    turned = (spread.last_word_first[mine] != little)[:, np.newaxis]
    index = first[:, np.newaxis] // 2 + np.where(turned, words[::-1], words)
    return Part(where, _run(index.reshape(-1)), False, ("<" if little else ">") + form, bcd)


def _octets(
    first: NDArray[np.intp], mine: NDArray[np.intp] | slice, size: int, spread: _Spread
) -> NDArray[np.intp]:
    """The bytes of values whose orders differ, the lowest byte of each value first."""
    words = np.arange(size - 1, -1, -1, dtype=np.intp) // 2
    halves = np.arange(size - 1, -1, -1, dtype=np.intp) % 2
    turned = spread.last_word_first[mine][:, np.newaxis]
    swapped = spread.low_byte_first[mine][:, np.newaxis]
    words_of = np.where(turned, words[::-1], words)
    halves_of = np.where(swapped, 1 - halves, halves)
    found: NDArray[np.intp] = first[:, np.newaxis] + 2 * words_of + halves_of
    return found.reshape(-1)


def _run(index: NDArray[np.intp]) -> NDArray[np.intp] | slice:
    if index.size > 1 and bool((np.diff(index) == 1).all()):
        return slice(int(index[0]), int(index[-1]) + 1)
    return index
