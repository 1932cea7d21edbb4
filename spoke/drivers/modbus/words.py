"""Requests and answers in words, for the trace and for plans."""

from __future__ import annotations

from spoke.drivers.modbus.refusals import words_of
from spoke.drivers.modbus.requests import EXCEPTION

_READS = {
    1: "coils",
    2: "discrete inputs",
    3: "holding registers",
    4: "input registers",
}
_WRITES = {
    5: "write coil",
    6: "write holding register",
    15: "write coils",
    16: "write holding registers",
    22: "mask holding register",
}
_MULTIPLE = (15, 16)
_SHOWN = 16


def request(pdu: bytes, unit: int) -> str:
    """`read holding registers 0 to 124 (function 3), unit 1`."""
    function, start = pdu[0], int.from_bytes(pdu[1:3], "big")
    count = int.from_bytes(pdu[3:5], "big")
    if function in _READS:
        what = f"read {_span(_READS[function], start, count)}"
    elif function in _WRITES:
        what = _span(_WRITES[function], start, count if function in _MULTIPLE else 1)
    else:
        what = "request"
    return f"{what} (function {function}), unit {unit}"


def answer(pdu: bytes) -> str:
    """`250 bytes: 00 01 ...`, `exception 2, illegal data address`."""
    if pdu[0] & EXCEPTION:
        return words_of(pdu[1])
    if pdu[0] in _READS:
        shown = pdu[2 : 2 + _SHOWN].hex(" ")
        return f"{len(pdu) - 2} bytes: {shown}{' ...' if len(pdu) > 2 + _SHOWN else ''}"
    return "done" if pdu[0] in _WRITES else f"{len(pdu) - 1} bytes"


def _span(what: str, start: int, count: int) -> str:
    if count == 1:
        return f"{what.removesuffix('s')} {start}"
    return f"{what} {start} to {start + count - 1}"
