"""From the address grammar (`schemas/addresses/s7.py`) to what travels in an S7 request.

Source of the area numbers: the S7comm item specification "S7ANY", as published with Wireshark's
`packet-s7comm.c` and in the documentation of Snap7.
"""

from __future__ import annotations

from schemas.addresses.s7 import Area, Form, S7Address, parse

__all__ = ["AREA_CODE", "AREA_OF_CODE", "Area", "Form", "S7Address", "describe", "parse"]

AREA_CODE = {
    Area.I: 0x81,
    Area.Q: 0x82,
    Area.M: 0x83,
    Area.DB: 0x84,
    Area.C: 0x1C,
    Area.T: 0x1D,
}
AREA_OF_CODE = {code: area for area, code in AREA_CODE.items()}
_NUMBERED = {Area.T: "timer", Area.C: "counter"}


def describe(area: Area, db: int, start: int, size: int) -> str:
    """A range of bytes in words: `DB1 bytes 0 to 99`, `timers 5 to 7`."""
    last = start + size - 1
    if area.of_words:
        place, unit, start, last = "", _NUMBERED[area], start // 2, last // 2
    else:
        place, unit = (f"DB{db} " if area is Area.DB else f"area {area} "), "byte"
    return f"{place}{unit} {start}" if start == last else f"{place}{unit}s {start} to {last}"
