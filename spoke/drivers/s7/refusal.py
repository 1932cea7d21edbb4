"""Finds the readable parts of a block that the device refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from spoke.drivers.s7.addresses import Area
from spoke.drivers.s7.errors import ItemRefusedError
from spoke.drivers.s7.planner import Block

Ask = Callable[[Block], Awaitable[None]]
"""Reads a block into the image, or raises ItemRefusedError."""

Refusal = tuple[Block, ItemRefusedError]


async def cut(block: Block, error: ItemRefusedError, ask: Ask) -> tuple[list[Block], list[Refusal]]:
    """(blocks that were read, blocks that are refused) out of a block that was refused whole.

    A data block either is there up to its length or not at all, so where one value is refused,
    those that end later are refused too: O(log n) requests, two when the block does not exist.
    Process images and bit memory may have holes: there each value is judged by itself.
    """
    good: list[Block] = []
    refused: list[Refusal] = []
    while True:
        count, error = await _longest_prefix(block, error, ask)
        if count:
            good.append(block.part(block.items[:count]))
        elif block.area is Area.DB:
            return good, [*refused, (block, error)]
        else:
            refused.append((block.part(block.items[:1]), error))
        rest = block.items[max(count, 1) :]
        if not rest:
            return good, refused
        block = block.part(rest)
        try:
            await ask(block)
        except ItemRefusedError as again:
            error = again
        else:
            return [*good, block], refused


async def _longest_prefix(
    block: Block, error: ItemRefusedError, ask: Ask
) -> tuple[int, ItemRefusedError]:
    """How many items from the first on can be read together (and were), and the last refusal."""
    readable, too_many = 0, len(block.items)
    while too_many - readable > 1:
        count = (readable + too_many) // 2 if readable else 1
        try:
            await ask(block.part(block.items[:count]))
        except ItemRefusedError as refusal:
            too_many, error = count, refusal
        else:
            readable = count
    return readable, error
