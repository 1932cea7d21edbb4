"""From values to write requests; pure.

Neighbours are merged into few requests, and nothing between them is ever written. Of a register of
which only some bits are written (a bit, an int8, the last character of an odd text) the others are
kept: by function 22, or by reading the register first.
Source: *MODBUS Application Protocol Specification V1.1b3*, sections 6.5, 6.6, 6.11, 6.12, 6.16.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from schemas.addresses.modbus import ModbusAddress, Table
from schemas.config.modbus import ModbusConfig, WriteFunction
from schemas.errors import WriteRefusedError
from schemas.kinds import DataType
from spoke.drivers.base import RawWrite
from spoke.drivers.modbus.codec import mask_of, to_registers

MAX_REGISTERS = 123
MAX_COILS = 1968
WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS, WRITE_MASK = 5, 6, 15, 16, 22
READS = {Table.COIL: 1, Table.HOLDING_REGISTER: 3}
_MANY = struct.Struct(">BHHB")  # function, start, count, bytes
_ONE = struct.Struct(">BHH")  # function, start, value or count
_MASK = struct.Struct(">BHHH")  # function, register, and-mask, or-mask
_COIL_ON = 0xFF00


@dataclass(frozen=True, slots=True)
class Piece:
    """One value in its registers, or in its coil (one byte, 0 or 1).

    Only the bits of `mask` are its own; `number` is its position in the call.
    """

    number: int
    name: str
    data_type: DataType
    place: ModbusAddress
    octets: bytes
    mask: bytes

    @property
    def whole(self) -> bool:
        return self.mask.count(0xFF) == len(self.mask)


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """Pieces that one request writes: they touch each other and are in the order of registers."""

    pieces: tuple[Piece, ...]
    masked: bool = False
    """By function 22: all pieces are bits of one register."""

    @property
    def table(self) -> Table:
        return self.pieces[0].place.table

    @property
    def start(self) -> int:
        return self.pieces[0].place.start

    @property
    def count(self) -> int:
        return max(piece.place.end for piece in self.pieces) - self.start

    @property
    def words(self) -> str:
        """For messages: `Speed, Level (holding registers 10 to 13)`."""
        names = ", ".join(dict.fromkeys(piece.name for piece in self.pieces[:4]))
        more = f" and {len(self.pieces) - 4} more" if len(self.pieces) > 4 else ""
        return f"{names}{more} ({ModbusAddress(self.table, self.start, self.count).words})"

    @property
    def reads_first(self) -> bool:
        """Some bits of its registers are to be kept, so that they must be known."""
        if self.masked or self.table.of_bits:
            return False
        return self._image()[1].count(0xFF) != 2 * self.count

    def function(self, settings: ModbusConfig) -> int:
        if self.masked:
            return WRITE_MASK
        single = self.count == 1 and settings.write_function is WriteFunction.AUTO
        if self.table.of_bits:
            return WRITE_COIL if single else WRITE_COILS
        return WRITE_REGISTER if single else WRITE_REGISTERS

    def pdu(self, settings: ModbusConfig, before: bytes | None = None) -> bytes:
        """Function code and data; `before` are its registers as they were read, or None."""
        function = self.function(settings)
        octets, mask = self._image()
        if self.masked:
            own, value = int.from_bytes(mask, "big"), int.from_bytes(octets, "big")
            return _MASK.pack(function, self.start, ~own & 0xFFFF, value)
        if self.table.of_bits:
            if function == WRITE_COIL:
                return _ONE.pack(function, self.start, _COIL_ON if octets[0] else 0)
            octets = np.packbits(np.frombuffer(octets, np.uint8), bitorder="little").tobytes()
        elif before is not None:
            keep = np.frombuffer(before, np.uint8) & ~np.frombuffer(mask, np.uint8)
            octets = (np.frombuffer(octets, np.uint8) | keep).tobytes()
        if function == WRITE_REGISTER:
            return _ONE.pack(function, self.start, int.from_bytes(octets, "big"))
        return _MANY.pack(function, self.start, self.count, len(octets)) + octets

    def alone(self) -> list[WriteRequest]:
        """A request for each piece."""
        return [WriteRequest((piece,), self.masked) for piece in self.pieces]

    def halves(self) -> list[WriteRequest]:
        """Two requests; it has two or more pieces."""
        half = len(self.pieces) // 2
        return [
            WriteRequest(part, self.masked) for part in (self.pieces[:half], self.pieces[half:])
        ]

    def _image(self) -> tuple[bytes, bytes]:
        """(octets, mask) of all its registers or coils."""
        unit = 1 if self.table.of_bits else 2
        octets = np.zeros(unit * self.count, dtype=np.uint8)
        mask = np.zeros_like(octets)
        for piece in self.pieces:
            first = unit * (piece.place.start - self.start)
            own = slice(first, first + len(piece.octets))
            octets[own] |= np.frombuffer(piece.octets, np.uint8)
            mask[own] |= np.frombuffer(piece.mask, np.uint8)
        return octets.tobytes(), mask.tobytes()


def piece_of(number: int, write: RawWrite, places: Mapping[int, ModbusAddress]) -> Piece:
    """What a value puts where. Raises WriteRefusedError."""
    tag = write.tag
    place = places.get(tag.id)
    if place is None:
        raise WriteRefusedError(
            f"{tag.name} was not written: its address {tag.address} is wrong.",
            hint="Correct the address of the tag.",
        )
    if place.table not in READS:
        raise WriteRefusedError(
            f"{tag.name} was not written: Modbus can only read {place.table.words}s.",
            hint="Look in the device's manual for a holding register (HR) or a coil (CO) that sets "
            "this value.",
        )
    if place.count > MAX_REGISTERS:
        raise WriteRefusedError(
            f"{tag.name} was not written: one request writes at most {2 * MAX_REGISTERS} "
            "characters.",
            hint=f"Shorten the text to {2 * MAX_REGISTERS} characters in the tag's address.",
        )
    if place.table.of_bits:
        octets = b"\1" if write.value else b"\0"
        return Piece(number, tag.name, tag.data_type, place, octets, b"\xff")
    try:
        octets = to_registers(write.value, tag.data_type, place)
    except ValueError as error:
        raise WriteRefusedError(
            f"{tag.name} was not written: {error}.",
            hint="Correct the value, or the tag's data type.",
        ) from error
    return Piece(number, tag.name, tag.data_type, place, octets, mask_of(tag.data_type, place))


def waves(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """Pieces that may go out in any order: a new wave begins where one lies across an earlier one,
    so that the later value is what stays."""
    found: list[list[Piece]] = []
    taken: dict[tuple[Table, int], int] = {}
    for piece in pieces:
        own = _bits(piece)
        if not found or any(taken.get(key, 0) & bits for key, bits in own.items()):
            found.append([])
            taken = {}
        found[-1].append(piece)
        for key, bits in own.items():
            taken[key] = taken.get(key, 0) | bits
    return found


def _bits(piece: Piece) -> dict[tuple[Table, int], int]:
    """(table, register) -> the bits of it that are this piece's."""
    place, mask = piece.place, piece.mask
    unit = 1 if place.table.of_bits else 2
    return {
        (place.table, place.start + i): int.from_bytes(mask[unit * i : unit * i + unit], "big")
        for i in range(place.count)
    }


def requests_of(wave: Sequence[Piece], settings: ModbusConfig) -> list[WriteRequest]:
    """The requests of a wave, in the order in which their first values were given."""
    ordered = sorted(wave, key=lambda piece: (piece.place.table, piece.place.start))
    masked = [piece for piece in ordered if _is_masked(piece, settings)]
    found = [
        WriteRequest(tuple(same), masked=True)
        for _, same in groupby(masked, key=lambda piece: piece.place.start)
    ]
    members: list[Piece] = []
    for piece in ordered:
        if _is_masked(piece, settings):
            continue
        if members and not _joins(members, piece, settings):
            found.append(WriteRequest(tuple(members)))
            members = []
        members.append(piece)
    if members:
        found.append(WriteRequest(tuple(members)))
    return sorted(found, key=lambda request: min(piece.number for piece in request.pieces))


def _is_masked(piece: Piece, settings: ModbusConfig) -> bool:
    """To be written with function 22."""
    place = piece.place
    return settings.mask_write and not place.table.of_bits and place.count == 1 and not piece.whole


def _joins(members: Sequence[Piece], piece: Piece, settings: ModbusConfig) -> bool:
    """Whether the piece touches the others and fits in. Of one wave, `members[-1]` ends last."""
    first, last, place = members[0].place, members[-1].place, piece.place
    if place.table is not last.table or place.start > last.end:
        return False
    if place.table.of_bits:
        limit = min(MAX_COILS, 16 * settings.max_block)
    else:
        limit = min(MAX_REGISTERS, settings.max_block)
    return max(place.end, last.end) - first.start <= limit
