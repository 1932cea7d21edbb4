"""Writing: one request for each value, once, and everything read back at the end.

A bool is written as a bit, so that its neighbours in the byte are left alone. Of a text only the
actual length and the characters are written: the maximum is the CPU's and is read first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from schemas.config.s7 import S7Config
from schemas.errors import DeviceError, SpindleError, WriteRefusedError
from schemas.frames import Frame
from schemas.kinds import DataType, Value
from schemas.messages.writes import WriteState
from schemas.quality import is_bad
from spoke.drivers.base import Column, GroupLayout, RawResult, RawWrite
from spoke.drivers.s7.addresses import Form, S7Address, describe, parse
from spoke.drivers.s7.errors import write_refusal
from spoke.drivers.s7.messages import Request, read_request, write_request
from spoke.drivers.s7.session import Session
from spoke.drivers.s7.values import encode

WRITE_HEADER_BYTES = 28
"""Of a write request with one item: 10 header, 14 parameters, 4 in front of the item's data."""
_LENGTH_BYTES = {Form.STRING: 1, Form.WSTRING: 2}
"""Of a text's maximum, which its actual length and characters follow."""

ReadBack = Callable[[GroupLayout], Awaitable[list[Frame]]]


async def write_all(
    session: Session,
    writes: Sequence[RawWrite],
    settings: S7Config,
    pdu_bytes: int,
    read_back: ReadBack,
) -> list[RawResult]:
    """The results in the order of `writes`; see `Writes.write` in `spoke/drivers/base.py`."""
    results = [await _write(session, write, settings, pdu_bytes) for write in writes]
    written = {
        write.tag.id: write
        for write, result in zip(writes, results, strict=True)
        if result.state is WriteState.WRITTEN
    }
    if not written or session.lost is not None:
        return results
    found = await _read(list(written.values()), read_back)
    return [
        RawResult(result.state, _in_the_same_words(write, found.get(write.tag.id)))
        if result.state is WriteState.WRITTEN
        else result
        for write, result in zip(writes, results, strict=True)
    ]


async def _write(
    session: Session, write: RawWrite, settings: S7Config, pdu_bytes: int
) -> RawResult:
    """One value. Sent and not answered is UNKNOWN; it is never sent again."""
    try:
        request, place = await _request(session, write, settings, pdu_bytes)
    except SpindleError as error:
        return RawResult(WriteState.REFUSED, error=error)
    if session.lost is not None:
        return RawResult(WriteState.REFUSED, error=_not_sent(write, session.lost))
    try:
        (answer,) = await session.exchange([request])
    except DeviceError as error:
        return RawResult(WriteState.UNKNOWN, error=error)
    if isinstance(answer, int):
        words = _words(place)
        return RawResult(WriteState.REFUSED, error=write_refusal(answer, words, settings.family))
    return RawResult(WriteState.WRITTEN)


async def _request(
    session: Session, write: RawWrite, settings: S7Config, pdu_bytes: int
) -> tuple[Request, S7Address]:
    """Raises SpindleError for a value that cannot be written here."""
    tag = write.tag
    place = parse(tag.address, tag.data_type)
    data = _encoded(write, place)
    skipped = _LENGTH_BYTES.get(place.form, 0)
    if skipped:
        await _check_room(session, write, place, settings)
        data = data[skipped:]
    if len(data) > pdu_bytes - WRITE_HEADER_BYTES:
        raise WriteRefusedError(
            f"{tag.name}: {len(data)} bytes do not fit in one request of this CPU, which takes "
            f"{pdu_bytes - WRITE_HEADER_BYTES}.",
            hint="Write a shorter text.",
        )
    return write_request(place.area, place.db, place.start_byte + skipped, data, place.bit), place


def _encoded(write: RawWrite, place: S7Address) -> bytes:
    if place.bit is not None:
        return b"\x01" if write.value else b"\x00"
    try:
        return encode(write.value, write.tag.data_type, place)
    except ValueError as error:
        raise WriteRefusedError(
            f"{write.tag.name}: {write.value!r} was not written; it must be {error}.",
            hint="Correct the value, or the tag's address and data type.",
        ) from error


async def _check_room(
    session: Session, write: RawWrite, place: S7Address, settings: S7Config
) -> None:
    """Ask the CPU for the text's maximum. Raises SpindleError when it is too short."""
    size = _LENGTH_BYTES[place.form]
    if session.lost is not None:
        raise _not_sent(write, session.lost)
    try:
        (answer,) = await session.exchange(
            [read_request(place.area, place.db, place.start_byte, size)]
        )
    except DeviceError as error:
        raise _not_sent(write, error) from error
    if isinstance(answer, int):
        raise write_refusal(answer, _words(place), settings.family)
    room = int.from_bytes(answer, "big")
    characters = len(encode(write.value, DataType.STRING, place)) - 2 * size
    characters //= size
    if characters > room:
        raise WriteRefusedError(
            f"{write.tag.name}: the text has {characters} characters, but the CPU has room for "
            f"{room}.",
            hint=f"Write at most {room} characters, or declare a longer {place.form} in the PLC. "
            "A maximum of 0 means that there is no such text at this address.",
        )


def _not_sent(write: RawWrite, error: DeviceError) -> SpindleError:
    return type(error)(f"{write.tag.name} was not sent: {error.message}", hint=error.hint)


def _words(place: S7Address) -> str:
    return describe(place.area, place.db, place.start_byte, place.size_bytes)


async def _read(writes: Sequence[RawWrite], read_back: ReadBack) -> dict[int, Value]:
    """The good values by tag id; none when the connection is lost in between."""
    by_wire: dict[str, list[RawWrite]] = {}
    for write in writes:
        by_wire.setdefault(write.tag.data_type.wire, []).append(write)
    columns = tuple(_column(wire, members) for wire, members in by_wire.items())
    try:
        frames = await read_back(GroupLayout("read back", 0, columns))
    except DeviceError:
        return {}
    found: dict[int, Value] = {}
    for column, frame in zip(columns, frames, strict=True):
        values = frame.values[0].tolist()
        for row, tag in enumerate(column.tags):
            if frame.quality is None or not is_bad(int(frame.quality[0, row])):
                found[tag.id] = values[row]
    return found


def _in_the_same_words(write: RawWrite, found: Value | None) -> Value | None:
    """A date that reads `...T07:08:09.000` is what was written as `...T07:08:09`."""
    if not isinstance(found, str) or found == write.value:
        return found
    place = parse(write.tag.address, write.tag.data_type)
    try:
        equal = _encoded(write, place) == _encoded(RawWrite(write.tag, found), place)
    except WriteRefusedError:
        return found
    return write.value if equal else found


def _column(wire: str, writes: Sequence[RawWrite]) -> Column:
    tags = tuple(write.tag for write in writes)
    return Column(wire, tags, np.array([tag.id for tag in tags], dtype=np.int32))
