"""Which S7 tags lie partly across each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schemas.addresses.s7 import Area, S7Address, parse
from schemas.config.devices import TagConfig
from schemas.errors import ConfigError
from schemas.kinds import Kind


def overlaps(tags: Sequence[TagConfig], _settings: Any) -> list[ConfigError]:
    """One error for each tag that lies partly across another one; O(n log n).

    Equal places are two views of one value and fine; so are bits of an integer. The paths count
    in the given sequence.
    """
    placed = sorted(
        ((parse(tag.address, tag.data_type), index) for index, tag in enumerate(tags)),
        key=lambda item: (*_range(item[0])[:3], -item[0].size_bytes, item[0].bit is not None),
    )
    found = []
    reach: tuple[S7Address, int] | None = None  # of all before, the one that ends last
    for address, index in placed:
        if reach is not None and _collide(reach[0], reach[1], address, tags):
            found.append(_overlap(tags, index, reach[1]))
        if reach is None or _end(address) > _end(reach[0]):
            reach = (address, index)
    return found


def _collide(
    first: S7Address, first_index: int, second: S7Address, tags: Sequence[TagConfig]
) -> bool:
    """Whether `second`, which does not start before `first`, lies partly across it."""
    apart = _range(first)[:2] != _range(second)[:2] or second.start_byte >= first.end_byte
    if apart or _range(first) == _range(second):
        return False
    if second.bit is not None:
        return tags[first_index].data_type.kind is not Kind.INT
    return True


def _range(address: S7Address) -> tuple[Area, int, int, int]:
    return address.area, address.db, address.start_byte, address.end_byte


def _end(address: S7Address) -> tuple[Area, int, int]:
    return address.area, address.db, address.end_byte


def _overlap(tags: Sequence[TagConfig], index: int, other: int) -> ConfigError:
    mine, theirs = tags[index], tags[other]
    return ConfigError(
        f"{mine.name} ({mine.address}, {mine.data_type}) lies across part of "
        f"{theirs.name} ({theirs.address}, {theirs.data_type}).",
        hint="Compare both with the block's offsets in TIA Portal; one of them is wrong.",
        path=f"tags.{index}.address",
    )
