"""Quality of a value: one byte, the status codes of OPC Data Access.

Source: OPC Foundation, *Data Access Custom Interface Standard 3.00*, section 6.8: bits 7-6 are the
quality (0 bad, 1 uncertain, 3 good), bits 5-2 the substatus, bits 1-0 the limit, unused here.
`BAD_TIMEOUT` and `BAD_STALE` use substatus numbers that the standard leaves free.
"""

from __future__ import annotations

from enum import IntEnum


class Quality(IntEnum):
    BAD = 0
    BAD_CONFIG_ERROR = 4
    BAD_NOT_CONNECTED = 8
    BAD_DEVICE_FAILURE = 12
    BAD_OUT_OF_RANGE = 16  # "sensor failure" in the standard: the value cannot be real
    BAD_COMM_FAILURE = 24
    BAD_OUT_OF_SERVICE = 28
    BAD_TIMEOUT = 36
    BAD_STALE = 40
    UNCERTAIN = 64
    UNCERTAIN_LAST_USABLE = 68
    UNCERTAIN_CLOCK = 72  # the device's clock is implausible; the gateway's time was taken
    UNCERTAIN_FUNCTION = 76  # a function step was taken out; the value passed unchanged
    UNCERTAIN_CLAMPED = 84  # "engineering units exceeded": held at an end of its range
    GOOD = 192


_WORDS = {
    Quality.BAD: "bad",
    Quality.BAD_CONFIG_ERROR: "configuration error",
    Quality.BAD_NOT_CONNECTED: "not connected",
    Quality.BAD_DEVICE_FAILURE: "device failure",
    Quality.BAD_OUT_OF_RANGE: "out of range",
    Quality.BAD_COMM_FAILURE: "communication failure",
    Quality.BAD_OUT_OF_SERVICE: "out of service",
    Quality.BAD_TIMEOUT: "timeout",
    Quality.BAD_STALE: "stale",
    Quality.UNCERTAIN: "uncertain",
    Quality.UNCERTAIN_LAST_USABLE: "last usable value",
    Quality.UNCERTAIN_CLOCK: "device clock implausible",
    Quality.UNCERTAIN_FUNCTION: "function step taken out",
    Quality.UNCERTAIN_CLAMPED: "outside its range, clamped",
    Quality.GOOD: "good",
}


def is_bad(code: int) -> bool:
    """True for every code whose quality bits are 00."""
    return code < Quality.UNCERTAIN


def is_good(code: int) -> bool:
    return code >= Quality.GOOD


def words(code: int) -> str:
    """The reason in words, for any byte; unknown substatus codes fall back to the quality bits."""
    known = _WORDS.get(code)  # type: ignore[call-overload]
    if known is not None:
        return str(known)
    return "good" if is_good(code) else "bad" if is_bad(code) else "uncertain"
