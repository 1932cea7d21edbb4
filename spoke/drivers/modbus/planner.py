"""From tags to requests: pure functions, run after connect and when the device refuses a block.

A scan's answers are joined to one buffer: 8 zero bytes, then the payloads in the order of the
blocks, registers before bits, so that a register always begins at an even byte. Tags that nobody
asks for read the zeros and are marked BAD.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.addresses.modbus import ModbusAddress, Table
from schemas.config.drivers import ByteOrder, ModbusConfig
from schemas.kinds import DataType
from spoke.drivers.base import Column, GroupLayout
from spoke.drivers.modbus.client import Request, read_request

HEAD = bytes(8)
MAX_BITS = 2000
_FUNCTIONS = {  # in the order of the buffer
    Table.HOLDING_REGISTER: 3,
    Table.INPUT_REGISTER: 4,
    Table.COIL: 1,
    Table.DISCRETE_INPUT: 2,
}
_NOWHERE = -1


@dataclass(frozen=True, slots=True)
class Block:
    """One request: `count` registers or bits of a table, and the values (start, end) in them."""

    table: Table
    start: int
    count: int
    values: tuple[tuple[int, int], ...]

    @property
    def end(self) -> int:
        return self.start + self.count

    @property
    def payload_bytes(self) -> int:
        return (self.count + 7) // 8 if self.table.of_bits else 2 * self.count


@dataclass(frozen=True, slots=True, eq=False)
class Gather:
    """How a column's N values lie in the buffer.

    `index` counts registers, all of one value next to each other [N * registers per value], or
    bytes [N] for bool, int8 and uint8; a slice where they follow each other. `raw` is the dtype of
    what was gathered. `shift` [N] is the bit of a bool, `unsigned` [N] marks uint64, `texts` are
    the bytes of each text.
    `block_of` [N] is the number of the block, -1 for a tag that nobody asks for.
    """

    column: Column
    block_of: NDArray[np.int32]
    index: NDArray[np.intp] | slice
    raw: str
    shift: NDArray[np.uint8]
    unsigned: NDArray[np.bool_] | None
    texts: tuple[slice, ...]
    complete: bool
    """Every tag of the column is asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class ScanPlan:
    """The requests of a scan group, one per block, and how its columns come out of the answers."""

    blocks: tuple[Block, ...]
    requests: tuple[Request, ...]
    gathers: tuple[Gather, ...]


def plan_blocks(places: Iterable[ModbusAddress], settings: ModbusConfig) -> list[Block]:
    """Few blocks that cover every place: gaps up to `max_gap` registers are read over, and no block
    has more than `max_block` registers (of bits 16 times as many, at most 2000). No value is split.
    """
    values = {table: set[tuple[int, int]]() for table in _FUNCTIONS}
    for place in places:
        values[place.table].add((place.start, place.end))
    blocks: list[Block] = []
    for table in _FUNCTIONS:
        per_unit = 16 if table.of_bits else 1
        limit = min(MAX_BITS, settings.max_block * per_unit)
        blocks += _coalesce(table, sorted(values[table]), limit, settings.max_gap * per_unit)
    return blocks


def _coalesce(
    table: Table, values: Sequence[tuple[int, int]], limit: int, max_gap: int
) -> list[Block]:
    blocks: list[Block] = []
    members: list[tuple[int, int]] = []
    end = 0
    for value in values:
        new_end = max(end, value[1])
        if members and (value[0] - end > max_gap or new_end - members[0][0] > limit):
            blocks.append(block_of(table, members))
            members, new_end = [], value[1]
        members.append(value)
        end = new_end
    if members:
        blocks.append(block_of(table, members))
    return blocks


def block_of(table: Table, values: Sequence[tuple[int, int]]) -> Block:
    """The smallest block around these values, which are sorted by start."""
    start = values[0][0]
    return Block(table, start, max(end for _, end in values) - start, tuple(values))


def split(block: Block) -> tuple[Block, Block]:
    """Two halves of a block with two or more values; a gap between them belongs to neither."""
    half = len(block.values) // 2
    return block_of(block.table, block.values[:half]), block_of(block.table, block.values[half:])


def merge(
    blocks: Iterable[Block], seams: Collection[tuple[Table, int]], settings: ModbusConfig
) -> list[Block]:
    """Join blocks that touch, within the limits, but not across a seam (table, first register)."""
    merged: list[Block] = []
    for block in blocks:
        last = merged[-1] if merged else None
        if last is not None and last.table is block.table and last.end == block.start:
            limit = MAX_BITS if block.table.of_bits else settings.max_block
            fits = last.count + block.count <= limit
            if fits and (block.table, block.start) not in seams:
                merged[-1] = block_of(block.table, last.values + block.values)
                continue
        merged.append(block)
    return merged


def in_order(blocks: Iterable[Block]) -> list[Block]:
    """Blocks in the order of the buffer: by table, registers first, then by start."""
    order = {table: number for number, table in enumerate(_FUNCTIONS)}
    return sorted(blocks, key=lambda block: (order[block.table], block.start, block.count))


def request_of(block: Block, settings: ModbusConfig) -> Request:
    return read_request(_FUNCTIONS[block.table], block.start, block.count, settings.unit_id)


def assemble(
    group: GroupLayout,
    places: Mapping[int, ModbusAddress],
    blocks: Iterable[Block],
    settings: ModbusConfig,
) -> ScanPlan:
    """The plan of a group over these blocks; a tag without a place or a block is nowhere."""
    ordered = in_order(blocks)
    spots: dict[tuple[Table, int, int], tuple[int, int]] = {}
    offset = len(HEAD)
    for number, block in enumerate(ordered):
        for start, end in block.values:
            spots[block.table, start, end] = (number, offset)
        offset += block.payload_bytes
    gathers = tuple(
        _gather(column, places, spots, ordered, settings.byte_order) for column in group.columns
    )
    requests = tuple(request_of(block, settings) for block in ordered)
    return ScanPlan(tuple(ordered), requests, gathers)


def _gather(
    column: Column,
    places: Mapping[int, ModbusAddress],
    spots: Mapping[tuple[Table, int, int], tuple[int, int]],
    blocks: Sequence[Block],
    order: ByteOrder,
) -> Gather:
    count = len(column.tags)
    block_numbers = np.full(count, _NOWHERE, dtype=np.int32)
    first_bytes = np.zeros(count, dtype=np.intp)
    shift = np.zeros(count, dtype=np.uint8)
    texts = [slice(0, 0)] * count
    for i, tag in enumerate(column.tags):
        place = places.get(tag.id)
        spot = None if place is None else spots.get((place.table, place.start, place.end))
        if place is None or spot is None:
            continue
        block_numbers[i] = spot[0]
        first_bytes[i], shift[i] = _first_byte(place, spot[1], blocks[spot[0]].start)
        texts[i] = slice(int(first_bytes[i]), int(first_bytes[i]) + place.length)
    index, raw = _index(column.wire, first_bytes, block_numbers, order)
    unsigned = np.array([tag.data_type is DataType.UINT64 for tag in column.tags], dtype=np.bool_)
    return Gather(
        column, block_numbers, _run(index), raw, shift, unsigned if unsigned.any() else None,
        tuple(texts) if column.wire == "O" else (), bool((block_numbers != _NOWHERE).all()),
    )  # fmt: skip


def _first_byte(place: ModbusAddress, offset: int, block_start: int) -> tuple[int, int]:
    """(byte in the buffer, bit in that byte) of a value in a block that lies at `offset`."""
    distance = place.start - block_start
    if place.table.of_bits:  # the first bit is the lowest of the first byte
        return offset + distance // 8, distance % 8
    first = offset + 2 * distance
    if place.bit is None:
        return first, 0
    return first + (place.bit < 8), place.bit % 8  # a register's high byte comes first


def _index(
    wire: str, first_bytes: NDArray[np.intp], block_numbers: NDArray[np.int32], order: ByteOrder
) -> tuple[NDArray[np.intp], str]:
    """What to gather, and as what dtype: words that lie last first come in reversed order.

    With the bytes of a register swapped (BADC, DCBA) the words are turned once more and read as
    little-endian, so that no byte has to move.
    """
    size = 0 if wire == "O" else np.dtype(wire).itemsize
    if wire == "|b1" or size == 0:
        return first_bytes, "|u1"
    if size == 1:  # int8 and uint8 are the low byte of their register
        return np.where(block_numbers == _NOWHERE, 0, first_bytes + 1), wire
    words = np.arange(size // 2, dtype=np.intp)
    if order in (ByteOrder.CDAB, ByteOrder.BADC):
        words = words[::-1]
    little = order in (ByteOrder.BADC, ByteOrder.DCBA) and size > 2
    index = first_bytes[:, np.newaxis] // 2 + words
    return index.reshape(-1), ("<" if little else ">") + wire[1:]


def _run(index: NDArray[np.intp]) -> NDArray[np.intp] | slice:
    if index.size > 1 and bool((np.diff(index) == 1).all()):
        return slice(int(index[0]), int(index[-1]) + 1)
    return index
