"""Connection settings of a Siemens S7 CPU."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from schemas.config.base import Config, Host


class S7Family(StrEnum):
    S7_300 = "S7-300"
    S7_400 = "S7-400"
    S7_1200 = "S7-1200"
    S7_1500 = "S7-1500"
    LOGO = "LOGO"
    S7_200_SMART = "S7-200 SMART"


class S7Connection(StrEnum):
    """Kind of connection resource that the CPU gives us."""

    PG = "PG"
    OP = "OP"
    BASIC = "basic"


class Tsaps(NamedTuple):
    """The two ends of the ISO connection, two bytes each."""

    local: int
    remote: int


_TSAP = r"^([0-9A-Fa-f]{2}\.?[0-9A-Fa-f]{2})?$"
_KIND = {S7Connection.PG: 1, S7Connection.OP: 2, S7Connection.BASIC: 3}
_LOCAL = 0x0100
_SLOTS = {S7Family.S7_300: 2, S7Family.S7_400: 3, S7Family.S7_1200: 1, S7Family.S7_1500: 1}
_FIXED = {S7Family.LOGO: Tsaps(0x1000, 0x2000), S7Family.S7_200_SMART: Tsaps(0x1000, 0x0300)}
"""Families without racks, unless one is given: LOGO! takes the TSAPs of the connection that its
program declares; these are the numbers of python-snap7's examples."""


class S7Config(Config):
    """Siemens S7: S7-300, 400, 1200, 1500, LOGO! and S7-200 SMART."""

    driver: Literal["s7"] = "s7"
    host: Annotated[Host, Field(title="Host")]
    """Name or address of the CPU or CP."""
    port: Annotated[int, Field(title="Port", ge=1, le=65535)] = 102
    """TCP port; 102 everywhere but in simulators."""
    family: Annotated[S7Family, Field(title="Family")] = S7Family.S7_1500
    """Gives the usual slot or TSAP, and the hints when something is refused."""
    rack: Annotated[int | None, Field(title="Rack", ge=0, le=7)] = None
    """Empty for the family's usual one, 0."""
    slot: Annotated[int | None, Field(title="Slot", ge=0, le=31)] = None
    """Empty for the family's usual one: 1 for S7-1200 and S7-1500, 2 for S7-300, 3 for S7-400, and
    TSAPs without a slot for LOGO! and S7-200 SMART."""
    connection_type: Annotated[S7Connection, Field(title="Connection type")] = S7Connection.PG
    """Try OP or basic when the CPU has no PG connection free."""
    local_tsap: Annotated[str, Field(title="Local TSAP", pattern=_TSAP)] = ""
    """Empty for the usual one; four hexadecimal digits such as 10.00 for LOGO!."""
    remote_tsap: Annotated[str, Field(title="Remote TSAP", pattern=_TSAP)] = ""
    """Empty to make it from connection type, rack and slot."""
    timeout_s: Annotated[float, Field(title="Timeout (s)", gt=0, le=60)] = 2.0
    """How long to wait for one answer."""
    max_gap: Annotated[int, Field(title="Largest gap (bytes)", ge=0, le=200)] = 32
    """Unused bytes that one request may read over to save another request."""

    @property
    def link(self) -> None:
        """Each device has its own connection."""
        return None

    @property
    def place(self) -> str:
        """Where the device is, for messages: `plc-7:102`."""
        return f"{self.host}:{self.port}"

    @property
    def tsaps(self) -> Tsaps:
        """What is asked for: the explicit TSAPs, else those of the family.

        A CPU's TSAP is the kind of connection (1 PG, 2 OP, 3 basic), then rack x 32 + slot.
        """
        usual = _FIXED.get(self.family)
        if usual is None or self.rack is not None or self.slot is not None:
            slot = _SLOTS.get(self.family, 1) if self.slot is None else self.slot
            place = (self.rack or 0) << 5 | slot
            usual = Tsaps(_LOCAL, _KIND[self.connection_type] << 8 | place)
        return Tsaps(_tsap(self.local_tsap, usual.local), _tsap(self.remote_tsap, usual.remote))


def _tsap(text: str, usual: int) -> int:
    return int(text.replace(".", ""), 16) if text else usual
