"""Cutting a refused block: exactly the readable values are read, with few requests."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from spoke.drivers.s7.addresses import Area
from spoke.drivers.s7.errors import ItemRefusedError
from spoke.drivers.s7.planner import Block, Item
from spoke.drivers.s7.refusal import Refusal, cut

SIZES = st.sampled_from([1, 2, 4, 8])
ITEMS = st.lists(st.tuples(st.integers(0, 120), SIZES), min_size=1, max_size=40)


def block_of(area: Area, db: int, places: list[tuple[int, int]]) -> Block:
    items = [Item(i, at, at + size) for i, (at, size) in enumerate(places)]
    ranked = tuple(sorted(items, key=lambda item: item.end))
    start = min(item.start for item in items)
    return Block(area, db, start, ranked[-1].end - start, 8, ranked)


class Device:
    """Answers for the bytes that it has, and remembers what it answered."""

    def __init__(self, has: set[int]) -> None:
        self.has = has
        self.requests = 0
        self.image: dict[int, int] = {}

    async def ask(self, block: Block) -> None:
        self.requests += 1
        wanted = range(block.start, block.start + block.size)
        if not self.has.issuperset(wanted):
            raise ItemRefusedError(0x05)
        for i, byte in enumerate(wanted):
            self.image[block.offset + i] = byte


async def judged(block: Block, device: Device) -> tuple[set[int], set[int]]:
    """(tags read, tags refused), as the driver does it; what was read must be in its place."""
    good: list[Block] = [block]
    refused: list[Refusal] = []
    try:
        await device.ask(block)
    except ItemRefusedError as error:
        good, refused = await cut(block, error, device.ask)
    for part in good:
        for item in part.items:
            for byte in range(item.start, item.end):
                assert device.image[block.offset + byte - block.start] == byte
    return (
        {item.tag_id for part in good for item in part.items},
        {item.tag_id for part, _ in refused for item in part.items},
    )


@settings(deadline=None)
@given(ITEMS, st.integers(0, 130))
async def test_a_data_block_of_any_length(places: list[tuple[int, int]], length: int) -> None:
    device = Device(set(range(length)))
    block = block_of(Area.DB, 1, places)
    good, refused = await judged(block, device)
    assert good == {i for i, (at, size) in enumerate(places) if at + size <= length}
    assert refused == set(range(len(places))) - good
    assert device.requests <= 2 * math.ceil(math.log2(len(places) + 1)) + 3


@settings(deadline=None)
@given(ITEMS, st.sets(st.integers(0, 128)))
async def test_an_area_with_holes(places: list[tuple[int, int]], holes: set[int]) -> None:
    device = Device(set(range(200)) - holes)
    good, refused = await judged(block_of(Area.I, 0, places), device)
    expected = {i for i, (at, size) in enumerate(places) if not holes & set(range(at, at + size))}
    assert good == expected
    assert refused == set(range(len(places))) - expected


async def test_a_block_that_is_not_there_costs_two_requests() -> None:
    device = Device(set())
    block = block_of(Area.DB, 9, [(4 * i, 4) for i in range(100)])
    good, refused = await judged(block, device)
    assert (len(good), len(refused)) == (0, 100)
    assert device.requests == 2


async def test_a_device_that_only_refuses_large_reads_loses_no_tag() -> None:
    class Small(Device):
        async def ask(self, block: Block) -> None:
            if block.size > 100:
                self.requests += 1
                raise ItemRefusedError(0x05)
            await super().ask(block)

    device = Small(set(range(1000)))
    good, refused = await judged(block_of(Area.DB, 1, [(4 * i, 4) for i in range(100)]), device)
    assert (len(good), len(refused)) == (100, 0)
