"""What the simulated CPU answers to S7 messages.

Protocol, as publicly documented (Wireshark's `packet-s7comm.c`); see `messages.py` for the layout.
Function F0 negotiates the PDU length and the number of outstanding requests, 04 reads and 05 writes
items. Data of several items are padded to an even length in between.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from spoke.drivers.s7.addresses import AREA_OF_CODE, Area
from spoke.drivers.s7.memory import Memory, OutOfRangeError

_REQUEST = struct.Struct(">BBHHHH")
_ANSWER = struct.Struct(">BBHHHHBB")
_ITEM = struct.Struct(">BBBBHHBBH")
_DATA = struct.Struct(">BBH")
_SETUP = struct.Struct(">BBHHH")
_PROTOCOL, _JOB, _ACK, _ACK_DATA = 0x32, 1, 2, 3
_READ, _WRITE, _SETUP_FUNCTION = 0x04, 0x05, 0xF0
_BIT, _TIMER, _COUNTER = 0x01, 0x1D, 0x1C
_TYPE_BYTES = {_BIT: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 4, 8: 4, _TIMER: 2, _COUNTER: 2}
_IN_BITS = (0x04, 0x05)
_OK, _NOT_ALLOWED, _OUT_OF_RANGE, _MISSING = 0xFF, 0x03, 0x05, 0x0A
_NOT_IMPLEMENTED, _WRONG_FRAME = 0x8104, 0x8500


@dataclass(slots=True)
class Faults:
    """What is wrong with the simulated CPU; change it at any time."""

    freeze: bool = False
    """Take requests and never answer."""
    drop: bool = False
    """Close the connection instead of answering."""
    garbage: bool = False
    """Answer with bytes that are no S7 packet."""
    refuse_session: bool = False
    """Refuse the ISO connection, as with a wrong slot."""
    full: bool = False
    """Refuse the ISO connection, because no connection resource is left."""
    delay_s: float = 0.0
    """Answer S7 messages so much later."""
    twice: bool = False
    """Send each answer to an S7 message twice."""
    refused_dbs: set[int] = field(default_factory=set)
    """Data blocks that exist but may not be read or written, as without PUT/GET."""
    missing_dbs: set[int] = field(default_factory=set)
    """Data blocks that are not there to PUT/GET: deleted, or with optimised access."""
    protected: bool = False
    """Items may be read and not written, as with the access level *read access*."""
    refusal_bytes: int = 0
    """The length that refused items claim to have; their data is missing all the same."""
    header_error: int = 0
    """Answer every read with this error word; 0x8104 is what a CPU without PUT/GET says."""
    setup_error: int = 0
    """Answer the negotiation with this error word."""
    write_error: int = 0
    """Answer every write with this error word."""
    silent_writes: bool = False
    """Write, and never answer."""


@dataclass(frozen=True, slots=True)
class _Place:
    area: Area
    db: int
    start: int
    size: int
    bit: int | None


class Cpu:
    """Answers messages out of its memory."""

    def __init__(self, memory: Memory, faults: Faults) -> None:
        self._memory, self._faults = memory, faults
        self.reads = self.writes = 0

    def answer(
        self, request: bytes, pdu_bytes: int, limits: tuple[int, int]
    ) -> tuple[bytes | None, int]:
        """(the answer or None for silence, the PDU length from now on).

        `limits` are the largest PDU and the number of outstanding requests that are granted.
        """
        _, kind, _, reference, parameter_bytes, data_bytes = _REQUEST.unpack_from(request)
        at = _REQUEST.size + parameter_bytes
        body, data = request[_REQUEST.size : at], request[at : at + data_bytes]
        if kind == _JOB and body[0] == _SETUP_FUNCTION and self._faults.setup_error:
            return _error(reference, self._faults.setup_error), pdu_bytes
        if kind == _JOB and body[0] == _SETUP_FUNCTION:
            _, _, depth, _, wanted = _SETUP.unpack(body)
            granted, depth = min(wanted, limits[0]), min(depth, limits[1])
            parameters = _SETUP.pack(_SETUP_FUNCTION, 0, depth, depth, granted)
            return _packed(reference, parameters), granted
        if kind == _JOB and body[0] == _READ:
            return self._read(reference, body, pdu_bytes), pdu_bytes
        if kind == _JOB and body[0] == _WRITE:
            return self._write(reference, body, data), pdu_bytes
        return _error(reference, _NOT_IMPLEMENTED), pdu_bytes

    def _read(self, reference: int, body: bytes, pdu_bytes: int) -> bytes:
        self.reads += 1
        if self._faults.header_error:
            return _error(reference, self._faults.header_error)
        data = b""
        for first in range(2, len(body), _ITEM.size):
            data += b"\x00" * (len(data) & 1)
            data += self._read_item(body[first : first + _ITEM.size])
        answer = _packed(reference, bytes((_READ, body[1])), data)
        return answer if len(answer) <= pdu_bytes else _error(reference, _WRONG_FRAME)

    def _read_item(self, spec: bytes) -> bytes:
        """The answer to one item, without padding."""
        place = self._place(spec)
        if isinstance(place, int):
            return _DATA.pack(place, 0, self._faults.refusal_bytes)
        try:
            data = self._memory.read(place.area, place.db, place.start, place.size)
        except KeyError:
            return _DATA.pack(_MISSING, 0, self._faults.refusal_bytes)
        except OutOfRangeError:
            return _DATA.pack(_OUT_OF_RANGE, 0, self._faults.refusal_bytes)
        if place.bit is not None:
            return _DATA.pack(_OK, 3, 1) + bytes((data[0] >> place.bit & 1,))
        if place.area.of_words:
            return _DATA.pack(_OK, 9, place.size) + data
        return _DATA.pack(_OK, 4, place.size * 8) + data

    def _write(self, reference: int, body: bytes, data: bytes) -> bytes | None:
        self.writes += 1
        if self._faults.write_error:
            return _error(reference, self._faults.write_error)
        codes = b""
        at = 0
        for first in range(2, len(body), _ITEM.size):
            at += at & 1
            _, transport_size, length = _DATA.unpack_from(data, at)
            size = (length + 7) // 8 if transport_size in _IN_BITS else length
            at += _DATA.size
            code = self._write_item(body[first : first + _ITEM.size], data[at : at + size])
            codes += bytes((code,))
            at += size
        if self._faults.silent_writes:
            return None
        return _packed(reference, bytes((_WRITE, body[1])), codes)

    def _write_item(self, spec: bytes, data: bytes) -> int:
        """The return code."""
        place = self._place(spec)
        if isinstance(place, int):
            return place
        if self._faults.protected:
            return _NOT_ALLOWED
        if len(data) != place.size:
            return _OUT_OF_RANGE
        memory = self._memory
        try:
            if place.bit is not None:
                memory.write_bit(place.area, place.db, place.start, place.bit, bool(data[0]))
            else:
                memory.write(place.area, place.db, place.start, data)
        except KeyError:
            return _MISSING
        except OutOfRangeError:
            return _OUT_OF_RANGE
        return _OK

    def _place(self, spec: bytes) -> _Place | int:
        """Where an item lies, or the return code of its refusal."""
        *_, kind, count, db, area_code, high, low = _ITEM.unpack(spec)
        address = high << 16 | low
        area = AREA_OF_CODE.get(area_code)
        size = count * _TYPE_BYTES.get(kind, 0)
        if area is None or size == 0 or area.of_words != (kind in (_TIMER, _COUNTER)):
            return _MISSING
        if area is Area.DB and db in self._faults.refused_dbs:
            return _NOT_ALLOWED
        if area is Area.DB and db in self._faults.missing_dbs:
            return _MISSING
        if area.of_words:
            return _Place(area, 0, 2 * address, size, None)
        return _Place(area, db, address >> 3, size, address & 7 if kind == _BIT else None)


def _packed(reference: int, parameters: bytes, data: bytes = b"") -> bytes:
    head = (_PROTOCOL, _ACK_DATA, 0, reference, len(parameters), len(data), 0, 0)
    return _ANSWER.pack(*head) + parameters + data


def _error(reference: int, word: int) -> bytes:
    return _ANSWER.pack(_PROTOCOL, _ACK, 0, reference, 0, 0, word >> 8, word & 0xFF)
