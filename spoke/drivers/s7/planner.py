"""Which bytes to ask for, and where each value lies in the answers. Pure functions.

Planned after connect, because the PDU length is negotiated. The answers of a scan are laid one
after the other into one *image*, uint8[image_bytes]; each column then gathers its values from the
image by precomputed indices. A block that the device refuses is cut into smaller blocks which keep
their places in the image, so the indices stay true.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.addresses.s7_types import STRING_HEADER_BYTES, WSTRING_HEADER_BYTES, Form
from schemas.config.devices import ManifestTag
from schemas.errors import AddressError, ConfigError, SpindleError
from schemas.kinds import DataType
from spoke.drivers.base import Column, GroupLayout
from spoke.drivers.s7.addresses import Area, S7Address, parse

HEADER_BYTES = 18
"""Of a read answer with one item: 12 header, 2 parameters, 4 in front of the item's data."""
SPARE_BYTES = 8
"""Zeros at the front of an image, for tags without a place."""


@dataclass(frozen=True, slots=True)
class Item:
    """One tag's bytes [start, end) in its area."""

    tag_id: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """One area read: bytes [start, start + size) go to image[offset : offset + size].

    `items` are the tags inside, by their end.
    """

    area: Area
    db: int
    start: int
    size: int
    offset: int
    items: tuple[Item, ...]

    def part(self, items: Iterable[Item]) -> Block:
        """The smallest block of some of these items, at the same place in the image."""
        kept = tuple(items)
        start = min(item.start for item in kept)
        size = max(item.end for item in kept) - start
        offset = self.offset + start - self.start
        return Block(self.area, self.db, start, size, offset, kept)


class TextPlan(NamedTuple):
    """Where in the image a text or date begins, its form, and its declared length or 0."""

    at: int
    form: Form
    length: int


@dataclass(frozen=True, slots=True, eq=False)
class ColumnPlan:
    """Where the N values of a column lie in the image.

    gather intp[N, k]: image index of each of a value's k bytes in the wire type (k = 1 for bool and
    text). A value with fewer bytes in the PLC begins with spare zeros. dense: the slice that equals
    the gather, where there is one. raw: the numpy type of k bytes, big-endian. bits uint8[N] for
    bool. unsigned bool[N]: the tag is a uint64; None when none is. forms: rows intp[] by form, of
    all that are not plain numbers. texts [N]: None for a tag without a place.
    """

    column: Column
    gather: NDArray[np.intp]
    dense: slice | None
    raw: str
    bits: NDArray[np.uint8]
    unsigned: NDArray[np.bool_] | None
    forms: tuple[tuple[Form, NDArray[np.intp]], ...]
    texts: tuple[TextPlan | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The requests of one scan group, and how to read the answers."""

    blocks: tuple[Block, ...]
    columns: tuple[ColumnPlan, ...]
    image_bytes: int
    unplanned: Mapping[int, SpindleError]
    """Tags that cannot be asked for, by id."""


def plan(group: GroupLayout, pdu_bytes: int, max_gap: int) -> Plan:
    """Few area reads for all tags of a group.

    Each read's answer fits in a PDU of `pdu_bytes`, bridges at most `max_gap` unused bytes, and
    holds whole values only. O(n log n).
    """
    payload = pdu_bytes - HEADER_BYTES
    places: dict[int, S7Address] = {}
    unplanned: dict[int, SpindleError] = {}
    for tag in group.tags:
        try:
            places[tag.id] = _place(tag, payload)
        except ConfigError as error:
            unplanned[tag.id] = error
    blocks = tuple(_blocks(places, payload, max_gap))
    image_bytes = SPARE_BYTES + sum(block.size for block in blocks)
    at = {
        item.tag_id: block.offset + item.start - block.start
        for block in blocks
        for item in block.items
    }
    columns = tuple(_column(column, places, at) for column in group.columns)
    return Plan(blocks, columns, image_bytes, unplanned)


def _place(tag: ManifestTag, payload: int) -> S7Address:
    place = parse(tag.address, tag.data_type)
    if place.size_bytes > payload:
        raise AddressError(
            f"{tag.name} has {place.size_bytes} bytes, but one answer of this CPU carries only "
            f"{payload}.",
            hint=f"Declare at most {_characters(place, payload)} characters, in the PLC and here.",
        )
    return place


def _characters(place: S7Address, payload: int) -> int:
    if place.form is Form.WSTRING:
        return (payload - WSTRING_HEADER_BYTES) // 2
    return payload - STRING_HEADER_BYTES


def _blocks(places: Mapping[int, S7Address], payload: int, max_gap: int) -> Iterator[Block]:
    """Greedy from left to right: the fewest blocks that these limits allow."""
    ordered = sorted(places.items(), key=lambda entry: entry[1].start_byte)
    areas: dict[tuple[Area, int], list[Item]] = {}
    for tag_id, place in ordered:
        item = Item(tag_id, place.start_byte, place.end_byte)
        areas.setdefault((place.area, place.db), []).append(item)
    offset = SPARE_BYTES
    for area, db in sorted(areas):
        for items in _runs(areas[area, db], payload, max_gap):
            start = items[0].start
            ranked = tuple(sorted(items, key=lambda item: item.end))
            yield Block(area, db, start, ranked[-1].end - start, offset, ranked)
            offset += ranked[-1].end - start


def _runs(items: list[Item], payload: int, max_gap: int) -> Iterator[list[Item]]:
    """Items, sorted by start, in runs that one read can cover."""
    run = [items[0]]
    end = items[0].end
    for item in items[1:]:
        reach = max(end, item.end)
        if item.start - end <= max_gap and reach - run[0].start <= payload:
            run.append(item)
            end = reach
        else:
            yield run
            run, end = [item], item.end
    yield run


def _column(column: Column, places: Mapping[int, S7Address], at: Mapping[int, int]) -> ColumnPlan:
    known = [places.get(tag.id) for tag in column.tags]
    firsts = np.array([at.get(tag.id, 0) for tag in column.tags], dtype=np.intp)
    texts = tuple(
        TextPlan(first, place.form, place.length) if place and column.wire == "O" else None
        for first, place in zip(firsts.tolist(), known, strict=True)
    )
    width = 1 if column.wire == "O" else np.dtype(column.wire).itemsize
    gather = firsts[:, None] + np.arange(width, dtype=np.intp)
    for row, place in enumerate(known):
        if width > 1 and place is not None and place.size_bytes < width:
            gather[row] = 0  # a spare zero
            gather[row, -place.size_bytes :] = firsts[row] + np.arange(place.size_bytes)
    unsigned = np.array([tag.data_type is DataType.UINT64 for tag in column.tags], dtype=np.bool_)
    return ColumnPlan(
        column,
        gather,
        _dense(gather),
        "" if width == 1 and column.wire == "O" else np.dtype(column.wire).newbyteorder(">").str,
        np.array([place.bit or 0 if place else 0 for place in known], dtype=np.uint8),
        unsigned if unsigned.any() else None,
        _forms(known) if column.wire != "O" else (),
        texts,
    )


def _dense(gather: NDArray[np.intp]) -> slice | None:
    flat = gather.ravel()
    first = int(flat[0])
    return slice(first, first + len(flat)) if (np.diff(flat) == 1).all() else None


def _forms(known: Sequence[S7Address | None]) -> tuple[tuple[Form, NDArray[np.intp]], ...]:
    rows: dict[Form, list[int]] = {}
    for row, place in enumerate(known):
        if place is not None and place.form is not Form.PLAIN:
            rows.setdefault(place.form, []).append(row)
    return tuple((form, np.array(found, dtype=np.intp)) for form, found in rows.items())
