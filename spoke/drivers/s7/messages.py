"""The two messages of an S7 session that are sent all the time: read one area, write one place.

A request is built once; only its reference changes. Layout, as published with Wireshark's
`packet-s7comm.c`: TPKT, DT, then `32, kind, 0 0, reference, parameter length, data length` (answers
add `error class, error code`), the parameters `function, number of items, items` and the data.
An item is `12 0A 10, type, count, DB, area, bit address`; timers and counters have a type of their
own and their number as address. An item's data begin with `return code, transport size, length`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from spoke.drivers.s7.addresses import AREA_CODE, Area, describe
from spoke.drivers.s7.iso import DT, EOT, TPKT, TPKT_VERSION

PROTOCOL, JOB, ACK, ACK_DATA = 0x32, 1, 2, 3
READ, WRITE = 0x04, 0x05
OK = 0xFF
BIT, BYTE, COUNTER, TIMER = 0x01, 0x02, 0x1C, 0x1D
"""Types of an item."""
SIZE_BIT, SIZE_BYTE, SIZE_OCTET = 0x03, 0x04, 0x09
"""Transport sizes: the length counts bits, bits, bytes."""

_HEADER = struct.Struct(">BBHHHHBB")
_ITEM = struct.Struct(">BBBBHHBBH")
_DATA = struct.Struct(">BBH")
_USUAL = struct.Struct(">xxxxxxHxxHBBBBH")
"""Of the answer to a read: parameter length, error word, function, items, code, size, length."""
_DT_HEADER = bytes((2, DT, EOT))
_LENGTHS_IN_BITS = (SIZE_BYTE, 0x05)
_TYPES = {Area.T: TIMER, Area.C: COUNTER}

Answer = bytes | int
"""The bytes read (none for a write), or the code with which the CPU refused: an item's return code,
or a header's error word above 0xFF."""


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A request; `head` and `tail` are all of its packet but the reference between them."""

    function: int
    head: bytes
    tail: bytes
    size: int
    """Bytes that the answer must have."""
    words: str
    usual: tuple[int, ...]
    """What `_USUAL` gives for a good answer; empty for a write."""


class MalformedError(Exception):
    """An answer that S7 does not allow."""


def read_request(area: Area, db: int, start: int, size: int) -> Request:
    """Read bytes [start, start + size) of an area; both even for timers and counters."""
    parameters = bytes((READ, 1)) + _item(area, db, start, size)
    return _request(READ, parameters, b"", size, f"read {describe(area, db, start, size)}")


def write_request(area: Area, db: int, start: int, data: bytes, bit: int | None = None) -> Request:
    """Write bytes from `start` on, or one bit (`data` is 0 or 1) and not its neighbours."""
    words = f"write {describe(area, db, start, len(data))}"
    if bit is not None:
        item = _packed(BIT, 1, db, area, start << 3 | bit)
        head = _DATA.pack(0, SIZE_BIT, 1)
        words += f", bit {bit}"
    elif area.of_words:
        item = _item(area, db, start, len(data))
        head = _DATA.pack(0, SIZE_OCTET, len(data))
    else:
        item = _item(area, db, start, len(data))
        head = _DATA.pack(0, SIZE_BYTE, 8 * len(data))
    return _request(WRITE, bytes((WRITE, 1)) + item, head + data, 0, words)


def _item(area: Area, db: int, start: int, size: int) -> bytes:
    if area.of_words:
        return _packed(_TYPES[area], size // 2, 0, area, start // 2)
    return _packed(BYTE, size, db, area, start << 3)


def _packed(kind: int, count: int, db: int, area: Area, address: int) -> bytes:
    high, low = address >> 16, address & 0xFFFF
    return _ITEM.pack(0x12, 0x0A, 0x10, kind, count, db, AREA_CODE[area], high, low)


def _request(function: int, parameters: bytes, data: bytes, size: int, words: str) -> Request:
    tail = struct.pack(">HH", len(parameters), len(data)) + parameters + data
    head = _DT_HEADER + bytes((PROTOCOL, JOB, 0, 0))
    length = TPKT.size + len(head) + 2 + len(tail)
    head = TPKT.pack(TPKT_VERSION, 0, length) + head
    usual = (2, 0, READ, 1, OK, SIZE_BYTE, 8 * size) if function == READ else ()
    return Request(function, head, tail, size, words, usual)


def reference_of(data: bytes, start: int, end: int) -> int | None:
    """The reference of the answer in data[start:end]; None for a message that is no answer.

    Raises MalformedError.
    """
    if end - start < 8 or data[start] != PROTOCOL:
        raise MalformedError("something that is no S7 message")
    return data[start + 4] << 8 | data[start + 5] if data[start + 1] in (ACK, ACK_DATA) else None


def answer_of(request: Request, data: bytes, start: int, end: int) -> Answer:
    """The answer in data[start:end] to this request. Raises MalformedError."""
    first, last = start + _USUAL.size, start + _USUAL.size + request.size
    if last <= end and _USUAL.unpack_from(data, start) == request.usual:
        return data[first:last]
    if end - start < _HEADER.size:
        raise MalformedError("an answer without its header")
    *_, parameter_bytes, _, error_class, error_code = _HEADER.unpack_from(data, start)
    if error_class or error_code:
        return int(error_class) << 8 | int(error_code)
    at = start + _HEADER.size + parameter_bytes
    if at >= end or data[start + _HEADER.size] != request.function:
        raise MalformedError("an answer to something else")
    code = int(data[at])
    if code != OK:
        return code
    return b"" if request.function == WRITE else _item_data(request, data, at, end)


def _item_data(request: Request, data: bytes, at: int, end: int) -> bytes:
    if at + _DATA.size > end:
        raise MalformedError("an item without a length")
    _, transport_size, length = _DATA.unpack_from(data, at)
    if transport_size in _LENGTHS_IN_BITS:
        length = (length + 7) >> 3
    first = at + _DATA.size
    if length != request.size or first + length > end:
        raise MalformedError(f"{min(length, end - first)} bytes instead of {request.size}")
    return data[first : first + length]
