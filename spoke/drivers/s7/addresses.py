"""From the address grammar (`schemas/addresses/s7.py`) to what travels in an S7 request.

Source of the area numbers: the S7comm item specification "S7ANY", as published with Wireshark's
`packet-s7comm.c` and in the documentation of Snap7.
"""

from __future__ import annotations

from schemas.addresses.s7 import Area, S7Address, parse

__all__ = ["AREA_CODE", "AREA_OF_CODE", "Area", "S7Address", "describe", "parse"]

AREA_CODE = {Area.I: 0x81, Area.Q: 0x82, Area.M: 0x83, Area.DB: 0x84}
AREA_OF_CODE = {code: area for area, code in AREA_CODE.items()}


def describe(area: Area, db: int, start: int, size: int) -> str:
    """A range of bytes in words: `DB1 bytes 0 to 99`."""
    place = f"DB{db}" if area is Area.DB else f"area {area}"
    last = start + size - 1
    return f"{place} byte {start}" if size == 1 else f"{place} bytes {start} to {last}"
