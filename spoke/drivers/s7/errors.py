"""What a CPU or python-snap7 reports, in Spindle's errors and with what to do about it.

Sources of the codes: the item return codes and header error words of S7comm as published with
Wireshark's `packet-s7comm.c`, which python-snap7 lists in `S7_RETURN_CODES` and
`S7_PROTOCOL_ERROR_CODES`.
"""

from __future__ import annotations

import struct

from snap7.error import (
    S7AuthenticationError,
    S7ConnectionError,
    S7Error,
    S7PacketLostError,
    S7ProtocolError,
    S7RateLimitError,
    S7StalePacketError,
    S7TimeoutError,
    get_protocol_error_message,
)
from snap7.s7protocol import get_return_code_description

from schemas.errors import (
    DeviceError,
    DeviceTimeoutError,
    ProtocolError,
    RefusedError,
    TagReadError,
    UnreachableError,
)

FOREIGN: dict[type[Exception], type[DeviceError]] = {
    S7AuthenticationError: RefusedError,
    S7ConnectionError: UnreachableError,
    S7TimeoutError: DeviceTimeoutError,
    S7StalePacketError: ProtocolError,
    S7PacketLostError: ProtocolError,
    S7ProtocolError: ProtocolError,
    S7RateLimitError: DeviceError,
    S7Error: DeviceError,
    TimeoutError: DeviceTimeoutError,
    OSError: UnreachableError,
    RuntimeError: ProtocolError,  # the library's check_error
    ValueError: ProtocolError,  # the library, over bytes that make no sense
    LookupError: ProtocolError,
    struct.error: ProtocolError,
}
"""The table from the library's errors to ours; the nearest base class counts."""

_ACCESS_HINT = (
    "In TIA Portal: CPU properties > Protection & Security: permit access with PUT/GET, and choose "
    "an access level that lets read without a password. Then compile and load the hardware."
)
_BLOCK_HINT = (
    "Check the number and the offset. S7-1200/1500: in TIA Portal open the block's properties > "
    "Attributes and switch off 'Optimized block access', then compile and load."
)
_ACCESS_CODES = frozenset(
    {0x0119, 0x8104, 0x8305, 0x8404, 0x8702, 0xD0A1, 0xD241, 0xD242}
    | {0xD601, 0xD602, 0xD603, 0xD604, 0xD605}
)
_OBJECT_CODES = frozenset({0x0110, 0x0114, 0x8701, 0x8703, 0x8704})

ITEM_OK = 0xFF
_ITEM_TEXTS = {
    0x01: ("The CPU reports a hardware error at {place}.", "Look at the CPU's diagnostics buffer."),
    0x03: ("The CPU does not allow reading {place}.", f"{_ACCESS_HINT} {_BLOCK_HINT}"),
    0x05: ("{place}: this is beyond the end of what the CPU has there.", _BLOCK_HINT),
    0x06: ("The CPU cannot read {place} as bytes.", _BLOCK_HINT),
    0x07: ("The CPU cannot read {place} as bytes.", _BLOCK_HINT),
    0x0A: ("{place}: this does not exist in the CPU, or is not open to reading.", _BLOCK_HINT),
}


class ItemRefusedError(TagReadError):
    """The device refused to read this block; smaller blocks may be readable."""

    def __init__(self, code: int) -> None:
        """`code`: the item's return code, or the header's error word (above 0xFF)."""
        self.code = code
        super().__init__()

    def for_place(self, place: str) -> TagReadError:
        """The problem of a tag at this place, for people."""
        if self.code in _ITEM_TEXTS:
            text, hint = _ITEM_TEXTS[self.code]
            return TagReadError(text.format(place=place), hint=hint)
        known = self.code > 0xFF
        words = (get_protocol_error_message if known else get_return_code_description)(self.code)
        return TagReadError(f"{place}: {words} ({self.code:#04x}).", hint=_BLOCK_HINT)


def translate(error: Exception, where: str) -> DeviceError:
    """Our error for one of FOREIGN; `where` is the device's host and port."""
    if isinstance(error, DeviceError):
        return error
    if isinstance(error, S7ProtocolError) and error.error_code:
        return _header_error(error.error_code, str(error))
    kind = next(FOREIGN[base] for base in type(error).__mro__ if base in FOREIGN)
    if kind is DeviceTimeoutError:
        return DeviceTimeoutError(f"{where} did not answer in time.")
    return kind(f"{where}: {error}.")


def _header_error(code: int, text: str) -> DeviceError:
    """The CPU refused the whole request."""
    if code in _OBJECT_CODES:
        return ItemRefusedError(code)
    if code in _ACCESS_CODES:
        return RefusedError(f"The CPU refuses reading ({code:#06x}).", hint=_ACCESS_HINT)
    return ProtocolError(f"The CPU refused the request: {text}.")
