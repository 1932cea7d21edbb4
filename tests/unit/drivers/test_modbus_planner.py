"""Properties of the request plan: everything is covered once, nothing is split, limits hold."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.addresses.modbus import ModbusAddress, Table
from schemas.config.drivers import ModbusConfig
from spoke.drivers.modbus.planner import (
    MAX_BITS,
    Block,
    block_of,
    in_order,
    merge,
    plan_blocks,
    request_of,
    split,
)


@st.composite
def places(draw: st.DrawFn) -> ModbusAddress:
    table = draw(st.sampled_from(Table))
    near = draw(st.booleans())
    count = 1 if table.of_bits else draw(st.sampled_from([1, 2, 4, 10]))
    start = draw(st.integers(0, 400 if near else 65536 - count))
    return ModbusAddress(table, start, count)


configs = st.builds(
    ModbusConfig,
    host=st.just("plc"),
    max_block=st.integers(10, 125),
    max_gap=st.integers(0, 124),
)


@settings(max_examples=150)
@given(st.lists(places(), max_size=60), configs)
def test_every_value_is_in_exactly_one_block_and_whole(
    wanted: list[ModbusAddress], config: ModbusConfig
) -> None:
    blocks = plan_blocks(wanted, config)
    for place in wanted:
        holders = [
            block
            for block in blocks
            if block.table is place.table and (place.start, place.end) in block.values
        ]
        assert len(holders) == 1
        assert holders[0].start <= place.start < place.end <= holders[0].end
    known = {(place.table, place.start, place.end) for place in wanted}
    assert {(b.table, *value) for b in blocks for value in b.values} == known


@settings(max_examples=150)
@given(st.lists(places(), max_size=60), configs)
def test_limits_and_gaps_are_respected(wanted: list[ModbusAddress], config: ModbusConfig) -> None:
    for block in plan_blocks(wanted, config):
        unit = 16 if block.table.of_bits else 1
        assert block.count <= min(MAX_BITS, config.max_block * unit)
        assert block.start == block.values[0][0]
        reach = block.start
        for start, end in block.values:
            assert start - reach <= config.max_gap * unit
            reach = max(reach, end)
        assert block.end == reach


@given(st.lists(places(), max_size=60), configs)
def test_neighbours_in_reach_share_a_request(
    wanted: list[ModbusAddress], config: ModbusConfig
) -> None:
    """No two blocks in a row could be one."""
    blocks = plan_blocks(wanted, config)
    for one, other in pairwise(blocks):
        if one.table is not other.table:
            continue
        unit = 16 if one.table.of_bits else 1
        first = other.values[0]
        joined = max(one.end, first[1]) - one.start
        too_big = joined > min(MAX_BITS, config.max_block * unit)
        assert too_big or first[0] - one.end > config.max_gap * unit


def test_a_thousand_floats_take_seventeen_requests() -> None:
    floats = [ModbusAddress(Table.HOLDING_REGISTER, 2 * i, 2) for i in range(1000)]
    blocks = plan_blocks(floats, ModbusConfig(host="plc"))
    assert len(blocks) == 17
    assert {block.count for block in blocks[:-1]} == {124}


def test_a_short_value_inside_a_long_one_does_not_end_it() -> None:
    table = Table.HOLDING_REGISTER
    spots = [ModbusAddress(table, 0, 10), ModbusAddress(table, 2, 1), ModbusAddress(table, 12, 1)]
    (block,) = plan_blocks(spots, ModbusConfig(host="plc", max_gap=2))
    assert (block.start, block.count) == (0, 13)


def test_registers_come_before_bits_in_the_buffer() -> None:
    blocks = [block_of(table, [(0, 1)]) for table in Table]
    assert [block.table for block in in_order(blocks)] == ["HR", "IR", "CO", "DI"]


@given(st.lists(st.integers(0, 60), min_size=2, max_size=20, unique=True))
def test_halves_hold_the_same_values_and_merge_back(starts: list[int]) -> None:
    table = Table.HOLDING_REGISTER
    block = block_of(table, [(start, start + 1) for start in sorted(starts)])
    left, right = split(block)
    assert left.values + right.values == block.values
    assert left.end <= right.start
    touch = left.end == right.start
    config = ModbusConfig(host="plc")
    assert merge([left, right], set(), config) == ([block] if touch else [left, right])
    assert merge([left, right], {(table, right.start)}, config) == [left, right]


def test_merge_keeps_the_limit() -> None:
    left = Block(Table.HOLDING_REGISTER, 0, 6, ((0, 6),))
    right = Block(Table.HOLDING_REGISTER, 6, 5, ((6, 11),))
    assert len(merge([left, right], set(), ModbusConfig(host="plc", max_block=10))) == 2
    assert len(merge([left, right], set(), ModbusConfig(host="plc", max_block=11))) == 1


def test_a_request_on_the_wire() -> None:
    """The example of the specification, section 6.3: read registers 108 to 110."""
    config = ModbusConfig(host="plc", unit_id=17)
    request = request_of(block_of(Table.HOLDING_REGISTER, [(0x6B, 0x6E)]), config)
    assert request.tail == bytes.fromhex("0000 0006 11 03 006B 0003")
    assert request.payload_bytes == 6
    coils = request_of(block_of(Table.COIL, [(0x13, 0x26)]), config)
    assert (coils.tail, coils.payload_bytes) == (bytes.fromhex("0000 0006 11 01 0013 0013"), 3)
