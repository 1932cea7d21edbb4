"""From tags to requests: pure functions, run after connect and when the device refuses a block.

A scan's answers are joined to one buffer: 8 zero bytes, then the payloads in the order of the
blocks, registers before bits, so that a register always begins at an even byte. Tags that nobody
asks for read the zeros and are marked BAD.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.addresses.modbus import ModbusAddress, Table
from schemas.config.drivers import ModbusConfig
from spoke.drivers.base import GroupLayout
from spoke.drivers.modbus.gathers import Gather, gather_of
from spoke.drivers.modbus.requests import Request, read_request

HEAD = bytes(8)
MAX_BITS = 2000
_FUNCTIONS = {  # in the order of the buffer
    Table.HOLDING_REGISTER: 3,
    Table.INPUT_REGISTER: 4,
    Table.COIL: 1,
    Table.DISCRETE_INPUT: 2,
}


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
    spots: dict[tuple[Table, int, int], tuple[int, int, int]] = {}
    offset = len(HEAD)
    for number, block in enumerate(ordered):
        for start, end in block.values:
            spots[block.table, start, end] = (number, offset, block.start)
        offset += block.payload_bytes
    gathers = tuple(gather_of(column, places, spots) for column in group.columns)
    requests = tuple(request_of(block, settings) for block in ordered)
    return ScanPlan(tuple(ordered), requests, gathers)
