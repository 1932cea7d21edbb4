"""Status codes of values: their quality, and what they are called (OPC 10000-4, section 7.39)."""

from __future__ import annotations

from asyncua.ua.status_codes import StatusCodes as Codes
from asyncua.ua.status_codes import get_name_and_doc

from schemas.errors import TagReadError
from schemas.quality import Quality

CODE = 0xFFFF0000
"""The lower 16 bits are flags."""
SEVERITY_SHIFT = 30
GOOD, UNCERTAIN = 0, 1
OVERFLOW_BITS, OVERFLOW = 0xC80, 0x480
"""Info type DataValue (bits 10-11 are 01) and bit 7: the server's queue lost values before."""

_QUALITIES: dict[int, Quality] = {
    Codes.BadNodeIdUnknown: Quality.BAD_CONFIG_ERROR,
    Codes.BadNodeIdInvalid: Quality.BAD_CONFIG_ERROR,
    Codes.BadAttributeIdInvalid: Quality.BAD_CONFIG_ERROR,
    Codes.BadIndexRangeInvalid: Quality.BAD_CONFIG_ERROR,
    Codes.BadIndexRangeNoData: Quality.BAD_CONFIG_ERROR,
    Codes.BadNotReadable: Quality.BAD_CONFIG_ERROR,
    Codes.BadUserAccessDenied: Quality.BAD_CONFIG_ERROR,
    Codes.BadConfigurationError: Quality.BAD_CONFIG_ERROR,
    Codes.BadDataEncodingUnsupported: Quality.BAD_CONFIG_ERROR,
    Codes.BadNotConnected: Quality.BAD_NOT_CONNECTED,
    Codes.BadServerNotConnected: Quality.BAD_NOT_CONNECTED,
    Codes.BadDeviceFailure: Quality.BAD_DEVICE_FAILURE,
    Codes.BadSensorFailure: Quality.BAD_OUT_OF_RANGE,
    Codes.BadOutOfRange: Quality.BAD_OUT_OF_RANGE,
    Codes.BadNoCommunication: Quality.BAD_COMM_FAILURE,
    Codes.BadCommunicationError: Quality.BAD_COMM_FAILURE,
    Codes.BadConnectionClosed: Quality.BAD_COMM_FAILURE,
    Codes.BadOutOfService: Quality.BAD_OUT_OF_SERVICE,
    Codes.BadTimeout: Quality.BAD_TIMEOUT,
    Codes.BadRequestTimeout: Quality.BAD_TIMEOUT,
    Codes.UncertainLastUsableValue: Quality.UNCERTAIN_LAST_USABLE,
    Codes.UncertainNoCommunicationLastUsableValue: Quality.UNCERTAIN_LAST_USABLE,
}
_HINTS = {
    Codes.BadNodeIdUnknown: "The PLC program may have lost this variable; Spindle asks again. "
    "Compare the address with the server's address space: browse it on the device's page.",
    Codes.BadNodeIdInvalid: "Compare the address with the server's address space.",
    Codes.BadNotReadable: "Allow reading this variable in the server's settings.",
    Codes.BadUserAccessDenied: "Give the device's login the right to read this variable.",
    Codes.BadWaitingForInitialData: "The server has no value yet; it often has none until its own "
    "connection to the PLC is up.",
}
_HINT = "Look into the server's log or the PLC; the other tags are read on."


def quality_of(code: int) -> int:
    """The quality for a status code: by the table, else by its severity bits 30-31."""
    known = _QUALITIES.get(code & CODE)
    if known is not None:
        return known
    severity = code >> SEVERITY_SHIFT
    if severity == GOOD:
        return Quality.GOOD
    return Quality.UNCERTAIN if severity == UNCERTAIN else Quality.BAD


def words(code: int) -> str:
    """For example BadWaitingForInitialData (0x80320000)."""
    name, _ = get_name_and_doc(code & CODE)
    return f"{name} (0x{code:08X})"


def status_error(code: int, name: str, address: str) -> TagReadError:
    """What is wrong with a tag whose value has this bad or uncertain status code."""
    _, text = get_name_and_doc(code & CODE)
    return TagReadError(
        f"{name}: the server says {words(code)} for {address}. {text}",
        hint=_HINTS.get(code & CODE, _HINT),
    )
