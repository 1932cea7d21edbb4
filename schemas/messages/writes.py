"""Writing to a device: select, then operate.

The hub selects: the spoke checks everything, writes nothing, and answers with a ticket. The hub
operates with the ticket within `SELECT_S`; only then is it written. A request that a link held back
finds its ticket expired, so nothing fires late, and no clock of one side is trusted by the other.
Source of the idea: select before operate of IEC 61850-7-2 (section 20) and IEEE 1815 (DNP3).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import FailFast

SELECT_S = 3.0
"""A ticket is good for so long on the spoke's steady clock, and for one use."""
MAX_WRITES = 1000


class WriteState(StrEnum):
    VERIFIED = "verified"
    """Written, and read back equal."""
    WRITTEN = "written"
    """The device confirmed it; it was not read back."""
    DIFFERS = "differs"
    """The device confirmed it, but another value was read back."""
    REFUSED = "refused"
    """Not written: refused by Spindle or by the device."""
    UNKNOWN = "unknown"
    """No answer: it may have been written or not. Spindle never repeats it by itself."""


@dataclass(frozen=True, slots=True)
class WriteValue:
    tag_id: int
    value: float | int | bool | str
    """In the tag's unit."""


@dataclass(frozen=True, slots=True)
class SelectRequest:
    """Hub to spoke, verb `select`."""

    device_id: int
    values: Annotated[tuple[WriteValue, ...], FailFast()]


@dataclass(frozen=True, slots=True)
class SelectReply:
    """`ticket` is empty when anything is wrong; then nothing at all will be written."""

    ticket: str = ""
    error: dict[str, Any] | None = None
    problems: Annotated[tuple[dict[str, Any], ...], FailFast()] = ()
    """SpindleError.as_dict(); the path is `values.<i>`."""


@dataclass(frozen=True, slots=True)
class OperateRequest:
    """Hub to spoke, verb `operate`."""

    device_id: int
    ticket: str


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of one value. `read_back` in the tag's unit, None where nothing was read."""

    tag_id: int
    state: WriteState
    read_back: float | int | bool | str | None = None
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class OperateReply:
    """`error` is set when nothing was tried, for example because the ticket has expired."""

    results: Annotated[tuple[WriteResult, ...], FailFast()] = ()
    error: dict[str, Any] | None = None
    took_ms: float = 0.0
