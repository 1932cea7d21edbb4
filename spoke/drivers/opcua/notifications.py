"""From the bytes of an answer to columns, without an object per value.

A DataValue is a mask of what follows, the value's type and bytes, status, times and picoseconds
(OPC 10000-6, section 5.2.2.17); in a notification a client handle stands before it. Its length
follows from mask and type as long as the value is a number. So the layout of a message, the offset
of every DataValue, is found in one of three ways:

1. all DataValues are as long as the first: checked for all of them at once;
2. the message is laid out as one seen before: mask and type are checked at every offset, and as
   they fix the lengths, that proves the layout;
3. one by one, with texts read here and everything else (arrays, structures) by asyncua.

Then numpy gathers each field of all of them. Anything that is not as it should be raises Surprise,
and the caller lets asyncua decode the message (`answers.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary
from numpy.typing import NDArray

from spoke.drivers.opcua.values import TEXT, WIDTHS, Values, empty, ns_of, put_variant

_VALUE, _STATUS, _SOURCE, _SERVER, _SOURCE_PICO, _SERVER_PICO = 1, 2, 4, 8, 16, 32
_KNOWN_BITS = 0x3F
_PAD = 8  # so that eight bytes can be gathered at every offset
_MAX_LAYOUTS = 32
_MIN_UNIFORM = 2

Offsets = NDArray[np.int64]


class Surprise(Exception):  # noqa: N818 - not an error: asyncua decodes the message instead
    """This is laid out in a way that is not known here."""


def _tail_size(mask: int) -> int:
    """Bytes of status, times and picoseconds."""
    sizes = ((_STATUS, 4), (_SOURCE, 8), (_SOURCE_PICO, 2), (_SERVER, 8), (_SERVER_PICO, 2))
    return sum(size for bit, size in sizes if mask & bit)


def _size(head: int) -> int:
    """Bytes of a DataValue whose first two are these; 0 where they do not tell."""
    mask, kind = head & 0xFF, head >> 8
    if mask & ~_KNOWN_BITS:
        return 0
    if not mask & _VALUE:
        return 1 + _tail_size(mask)
    if kind == 0:
        return 2 + _tail_size(mask)
    return 2 + WIDTHS[kind] + _tail_size(mask) if kind in WIDTHS else 0


_SIZES = bytes(_size(head) for head in range(65536))


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    offsets: Offsets  # of the masks, from the first
    heads: NDArray[np.uint16]
    keep: NDArray[np.uint16]  # the bits of `heads` that matter: no type without a value
    end: int


class Layouts:
    """Decodes the messages of one session and remembers how they were laid out."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int], _Layout] = {}

    def decode(self, body: bytes, start: int, count: int, *, handles: bool) -> Decoded:
        """`count` DataValues from `start` on. Raises Surprise."""
        before = 4 if handles else 0
        if count < 0 or count * (before + 1) > len(body) - start:
            raise Surprise
        padded = np.zeros(len(body) + _PAD, np.uint8)
        padded[: len(body)] = np.frombuffer(body, np.uint8)
        part = _Part(body, padded, start + before, count, before)
        if not count:
            return Decoded(np.empty(0, np.uint32), empty(0), start)
        return part.uniform() or self._learned(part) or self._one_by_one(part)

    def _learned(self, part: _Part) -> Decoded | None:
        layout = self._known.get(part.key)
        if layout is None:
            return None
        offsets = layout.offsets + part.first
        heads = part.gather("<u2", offsets)
        if not np.array_equal(heads & layout.keep, layout.heads):
            return None
        return part.collect(offsets, heads, part.first + layout.end)

    def _one_by_one(self, part: _Part) -> Decoded:
        offsets, odd, end = part.walk()
        heads = part.gather("<u2", offsets)
        if odd:
            return part.collect(offsets, heads, end, odd)
        keep = np.where(heads & _VALUE, 0xFFFF, 0xFF).astype(np.uint16)
        if part.key not in self._known and len(self._known) >= _MAX_LAYOUTS:
            self._known.pop(next(iter(self._known)))
        self._known[part.key] = _Layout(offsets - part.first, heads & keep, keep, end - part.first)
        return part.collect(offsets, heads, end)


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Handles [M] (empty where there are none), values, and the offset of what comes next."""

    handles: NDArray[np.uint32]
    values: Values
    end: int


@dataclass(frozen=True, slots=True)
class _Odd:
    """A value whose length had to be read: where it ends, and what it is."""

    end: int
    value: Any  # a Variant, or str


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The bytes of M DataValues; `first` is the offset of the first mask."""

    body: bytes
    padded: NDArray[np.uint8]
    first: int
    count: int
    before: int

    @property
    def key(self) -> tuple[int, int, int]:
        return (self.count, len(self.body) - self.first, self.before)

    def gather(self, form: str, offsets: Offsets) -> NDArray[Any]:
        """Numbers of this form at any offsets, [M]."""
        size = np.dtype(form).itemsize
        shape = (len(self.padded) - size + 1,)
        everywhere: NDArray[Any] = np.ndarray(shape, form, self.padded.data, 0, (1,))
        return everywhere[offsets]

    def uniform(self) -> Decoded | None:
        size = _SIZES[int(self.padded[self.first]) | int(self.padded[self.first + 1]) << 8]
        stride = size + self.before
        if not size or self.count < _MIN_UNIFORM:
            return None
        end = self.first + stride * self.count - self.before
        if end > len(self.body):
            return None
        offsets = self.first + stride * np.arange(self.count)
        heads = self.gather("<u2", offsets)
        if (heads != heads[0]).any():
            return None
        return self.collect(offsets, heads, end)

    def walk(self) -> tuple[Offsets, dict[int, _Odd], int]:
        """The offset of every mask, the values whose length is not fixed, and the end."""
        body, sizes, before = self.body, _SIZES, self.before
        found: list[int] = []
        odd: dict[int, _Odd] = {}
        at = self.first
        try:
            for row in range(self.count):
                found.append(at)
                size = sizes[body[at] | body[at + 1] << 8]
                if size:
                    at += size + before
                else:
                    odd[row] = read = _read_odd(body, at)
                    at = read.end + _tail_size(body[at]) + before
        except IndexError as error:
            raise Surprise from error
        end = at - before
        if end > len(body):
            raise Surprise
        return np.array(found, np.int64), odd, end

    def collect(
        self, offsets: Offsets, heads: NDArray[Any], end: int, odd: dict[int, _Odd] | None = None
    ) -> Decoded:
        """Gather the fields of all rows."""
        values = empty(self.count)
        masks = (heads & 0xFF).astype(np.uint8)
        has_value = masks & _VALUE != 0
        values.types[:] = np.where(has_value, heads >> 8, 0)
        ends = offsets + 1 + has_value
        for kind in np.flatnonzero(np.bincount(values.types)).tolist():
            width = WIDTHS.get(kind)
            if width is not None:
                rows = values.types == kind
                bits = self.gather("<u8", offsets[rows] + 2)
                values.bits[rows] = bits & np.uint64(2 ** (8 * width) - 1)
                ends[rows] += width
        for row, read in (odd or {}).items():
            ends[row] = read.end
            if isinstance(read.value, str):
                values.types[row], values.texts[row] = TEXT, read.value
            else:
                put_variant(values, row, read.value)
        self._fill_tails(values, masks, ends)
        handles = self.gather("<u4", offsets - 4) if self.before else np.empty(0, np.uint32)
        return Decoded(handles, values, end)

    def _fill_tails(self, values: Values, masks: NDArray[np.uint8], ends: Offsets) -> None:
        for mask in np.flatnonzero(np.bincount(masks)).tolist():
            rows: Any = slice(None) if masks[0] == mask and (masks == mask).all() else masks == mask
            at = ends[rows]
            if mask & _STATUS:
                values.status[rows] = self.gather("<u4", at)
                at = at + 4
            if mask & _SOURCE:
                values.source_ns[rows] = ns_of(self.gather("<i8", at))
                at = at + 8
            if mask & _SOURCE_PICO:
                at = at + 2
            if mask & _SERVER:
                values.server_ns[rows] = ns_of(self.gather("<i8", at))


def _read_odd(body: bytes, at: int) -> _Odd:
    """The value of the DataValue at an offset. Raises Surprise."""
    mask, kind = body[at], body[at + 1]
    if mask & ~_KNOWN_BITS or not mask & _VALUE:
        raise Surprise
    if kind == TEXT:
        length = int.from_bytes(body[at + 2 : at + 6], "little", signed=True)
        start = at + 6
        if start + max(length, 0) > len(body):
            raise Surprise
        text = body[start : start + length] if length > 0 else b""
        return _Odd(start + len(text), text.decode("utf-8", "surrogateescape"))
    data = Buffer(body, at + 1)
    try:
        variant = variant_from_binary(data)
    except Exception as error:
        raise Surprise from error
    return _Odd(data.cur_pos, variant)
