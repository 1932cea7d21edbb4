"""What the places of written values hold now: one request for each run of neighbours."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from schemas.addresses.modbus import Table
from schemas.config.modbus import ModbusConfig
from schemas.errors import DeviceError, SpindleError, TagReadError
from schemas.kinds import Value
from spoke.drivers.modbus.codec import from_registers
from spoke.drivers.modbus.planner import Block, plan_blocks, split
from spoke.drivers.modbus.refusals import NARROWS
from spoke.drivers.modbus.writing_exchange import Exchange, Refusal, ask_values
from spoke.drivers.modbus.writing_plan import READS, Piece

_Key = tuple[Table, int, int]  # table, start, end of a value


async def read_back(
    pieces: Sequence[Piece], settings: ModbusConfig, exchange: Exchange
) -> dict[int, Value | SpindleError]:
    """By the pieces' number: the value as the device has it, or why there is none."""
    near = settings.model_copy(update={"max_gap": 0})
    found: dict[_Key, bytes | SpindleError] = {}
    pending = deque(plan_blocks((piece.place for piece in pieces), near))
    while pending:
        block = pending.popleft()
        try:
            payload = await ask_values(exchange, READS[block.table], block.start, block.count)
        except Refusal as refusal:
            if len(block.values) > 1 and refusal.code in NARROWS:
                pending.extendleft(reversed(split(block)))
                continue
            found |= _all([block], _not_read(refusal.words))
        except DeviceError as error:
            found |= _all([block, *pending], _not_read(error.message))
            break
        else:
            found |= _cut(block, payload)
    return {piece.number: _value(piece, found) for piece in pieces}


def _value(piece: Piece, found: Mapping[_Key, bytes | SpindleError]) -> Value | SpindleError:
    place = piece.place
    octets = found[place.table, place.start, place.end]
    if isinstance(octets, SpindleError):
        return octets
    if place.table.of_bits:
        return bool(octets[0])
    value = from_registers(octets, piece.data_type, place)
    return _not_read("its registers are no decimal digits") if value is None else value


def _cut(block: Block, payload: bytes) -> dict[_Key, bytes | SpindleError]:
    """The registers of each value of a block, or its bit as one byte."""
    found: dict[_Key, bytes | SpindleError] = {}
    for start, end in block.values:
        at = start - block.start
        if block.table.of_bits:
            octets = bytes((payload[at // 8] >> at % 8 & 1,))
        else:
            octets = payload[2 * at : 2 * (end - block.start)]
        found[block.table, start, end] = octets
    return found


def _all(blocks: Iterable[Block], error: SpindleError) -> dict[_Key, bytes | SpindleError]:
    return {(block.table, start, end): error for block in blocks for start, end in block.values}


def _not_read(reason: str) -> TagReadError:
    return TagReadError(
        f"The value could not be read back: {reason.rstrip('.')}.",
        hint="Look at the machine; not every register that can be written can be read.",
    )
