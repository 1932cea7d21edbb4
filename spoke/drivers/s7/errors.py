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

from schemas.config.s7 import S7Family
from schemas.errors import (
    DeviceError,
    DeviceTimeoutError,
    ProtocolError,
    RefusedError,
    TagReadError,
    UnreachableError,
    WriteRefusedError,
)
from spoke.drivers.s7.advice import (
    PROTECTED,
    PUT_GET,
    RESOURCES,
    STOPPED,
    hint_for_access,
    hint_for_block,
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

_PASSWORD_CODES = frozenset(
    {0x0119, 0xD0A1, 0xD241, 0xD242, 0xD601, 0xD602, 0xD603, 0xD604, 0xD605}
)
_ACCESS_CODES = frozenset({0x8104, 0x8305, 0x8404, 0x8702})
_OBJECT_CODES = frozenset({0x0110, 0x0114, 0x8701, 0x8703, 0x8704})
_STOP_CODES = frozenset({0x8001, 0x8402, 0xD081, 0xD082, 0xD0C2, 0xD0C3})
_RESOURCE_CODES = frozenset({0x011A, 0x011B, 0x0140, 0x0141, 0x8301, 0x8302, 0xD061, 0xD062})

_BEYOND, _MISSING = 0x05, 0x0A
_ITEM_TEXTS = {
    0x01: "The CPU reports a hardware error at {place}.",
    0x03: "The CPU does not allow {doing} {place}.",
    _BEYOND: "{place}: this is beyond the end of what the CPU has there.",
    0x06: "The CPU does not let {place} be accessed as bytes.",
    0x07: "The CPU does not let {place} be accessed as bytes.",
    _MISSING: "{place}: this does not exist in the CPU, or is not open to {doing}.",
}
"""By item return code."""


class ItemRefusedError(TagReadError):
    """The device refused to read this block; smaller blocks may be readable."""

    def __init__(self, code: int) -> None:
        """`code`: the item's return code, or the header's error word (above 0xFF)."""
        self.code = code
        super().__init__()

    def for_place(self, place: str, family: S7Family) -> TagReadError:
        """The problem of a tag at this place, for people."""
        return TagReadError(_sentence(self.code, place, "reading"), hint=_hint(self.code, family))


def write_refusal(code: int, place: str, family: S7Family) -> WriteRefusedError:
    """Why the CPU did not write; `code` as in `messages.Answer`."""
    if code > 0xFF and code not in _OBJECT_CODES:
        error = _header_error(code, family, "writing")
        return WriteRefusedError(f"{place}: {error.message}", hint=error.hint)
    return WriteRefusedError(_sentence(code, place, "writing"), hint=_hint(code, family))


def read_refusal(code: int, family: S7Family) -> DeviceError:
    """What a refused read means: ItemRefusedError for its block, another DeviceError for all."""
    if code <= 0xFF or code in _OBJECT_CODES:
        return ItemRefusedError(code)
    return _header_error(code, family, "reading")


def words_of(code: int) -> str:
    """A code in words, for the trace."""
    known = get_protocol_error_message if code > 0xFF else get_return_code_description
    return f"refused with {code:#04x}: {known(code)}"


def translate(error: Exception, where: str, family: S7Family) -> DeviceError:
    """Our error for one of FOREIGN; `where` is the device's host and port."""
    if isinstance(error, DeviceError):
        return error
    if isinstance(error, S7ProtocolError) and error.error_code:
        return _header_error(error.error_code, family, "the session")
    kind = next(FOREIGN[base] for base in type(error).__mro__ if base in FOREIGN)
    if kind is DeviceTimeoutError:
        return DeviceTimeoutError(f"{where} did not answer in time.")
    if isinstance(error, ConnectionRefusedError):
        return kind(f"No connection to {where}: nothing listens on this port.")
    if isinstance(error, OSError):
        return kind(f"No connection to {where}: {error.strerror or error}.")
    return kind(f"{where}: {error}.")


def _sentence(code: int, place: str, doing: str) -> str:
    if code in _ITEM_TEXTS:
        return _ITEM_TEXTS[code].format(place=place, doing=doing)
    words = (get_protocol_error_message if code > 0xFF else get_return_code_description)(code)
    return f"{place}: {words} ({code:#04x})."


def _hint(code: int, family: S7Family) -> str:
    if code == 0x01:
        return "Look at the CPU's diagnostics buffer."
    if code == 0x03:
        return f"{hint_for_access(family)} {PROTECTED} {hint_for_block(family)}"
    return hint_for_block(family)


def _header_error(code: int, family: S7Family, doing: str) -> DeviceError:
    """The CPU refused the whole request."""
    said = f"The CPU refuses {doing} ({code:#06x})"
    if code in _PASSWORD_CODES:
        return RefusedError(f"{said}: it is protected by a password.", hint=PROTECTED)
    if code in _ACCESS_CODES:
        hint = hint_for_access(family)
        return RefusedError(f"{said}.", hint=f"{hint} {PROTECTED}" if hint == PUT_GET else hint)
    if code in _STOP_CODES:
        return DeviceError(f"{said} in its present mode.", hint=STOPPED)
    if code in _RESOURCE_CODES:
        return UnreachableError(f"{said}: it has no resources left.", hint=RESOURCES)
    text = get_protocol_error_message(code)
    return ProtocolError(f"The CPU refused the request: {text} ({code:#06x}).")
