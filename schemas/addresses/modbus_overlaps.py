"""Modbus tags that lie across each other: one of them would read half of the other's value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schemas.addresses.modbus import parse
from schemas.addresses.modbus_places import ModbusAddress, Table
from schemas.config.devices import TagConfig
from schemas.config.modbus import ModbusConfig
from schemas.errors import AddressError, ConfigError
from schemas.kinds import Kind

_Placed = tuple[int, ModbusAddress]
"""Position in the tags, and place."""


def overlaps(tags: Sequence[TagConfig], settings: ModbusConfig) -> list[ConfigError]:
    """One error for each tag whose registers lie partly on another's; O(n log n).

    Equal places are fine, and so are bits of a register that is, or is part of, an integer. Tags
    whose own address is wrong are passed over. Paths are `tags.<position in tags>.address`.
    """
    placed: dict[Table, list[_Placed]] = {table: [] for table in Table}
    for index, tag in enumerate(tags):
        try:
            place = parse(tag.address, tag.data_type, settings)
        except AddressError:
            continue
        placed[place.table].append((index, place))
    found: list[ConfigError] = []
    for of_table in placed.values():
        found += _sweep(tags, sorted(of_table, key=_sweep_order))
    return found


def _sweep_order(item: _Placed) -> tuple[int, int, bool]:
    """By start; of those the longest first, whole values before bits."""
    return item[1].start, -item[1].end, item[1].bit is not None


def _sweep(tags: Sequence[TagConfig], placed: Sequence[_Placed]) -> Iterator[ConfigError]:
    """Each place against the one before it that reaches furthest; twins share the verdict."""
    furthest: _Placed | None = None  # of all whole values
    floats: _Placed | None = None  # of those in which a bit has no meaning
    across: _Placed | None = None  # the furthest one before `spot`
    spot: tuple[int, int] | None = None
    for index, place in placed:
        if place.bit is None and spot != (place.start, place.end):
            spot, across = (place.start, place.end), furthest
        other = across if place.bit is None else floats
        if other is not None and other[1].end > place.start:
            yield _overlap(tags, (index, place), other)
        if place.bit is not None:
            continue
        furthest = _further(furthest, (index, place))
        if tags[index].data_type.kind in (Kind.FLOAT, Kind.TEXT):
            floats = _further(floats, (index, place))


def _further(one: _Placed | None, other: _Placed) -> _Placed:
    return other if one is None or other[1].end > one[1].end else one


def _overlap(tags: Sequence[TagConfig], one: _Placed, other: _Placed) -> ConfigError:
    name, name_of_other = tags[one[0]].name, tags[other[0]].name
    what = one[1].words if one[1].bit is None else f"bit {one[1].bit} of {one[1].words}"
    return ConfigError(
        f"{name}: {what} lies across {name_of_other}, which has {other[1].words}.",
        hint=f"Correct the address or the data type of {name} or {name_of_other}; one of them "
        "would read half of the other's value.",
        path=f"tags.{one[0]}.address",
    )
