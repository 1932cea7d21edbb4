"""What to do about a CPU that refuses, by family and with the menu path.

Sources: Siemens, *S7-1200* and *S7-1500 System Manual*, "Access level of the CPU" and "Using
PUT/GET"; *LOGO!Soft Comfort online help*, "Ethernet connections"; the disconnect reasons of
X.224 (RFC 905, section 13.5).
"""

from __future__ import annotations

from schemas.config.s7 import S7Family
from schemas.errors import DeviceError, RefusedError, UnreachableError

_LOGO = (
    "LOGO!Soft Comfort: Tools > Ethernet Connections: add an S7 server connection whose TSAPs are "
    "these two (local and remote change sides), permit all connection requests, and transfer."
)
_SMART = "STEP 7-Micro/WIN SMART: system block > Communication: permit S7 communication (PUT/GET)."
PUT_GET = (
    "In TIA Portal: Device configuration > CPU > Properties > Protection & Security > Connection "
    "mechanisms: tick 'Permit access with PUT/GET communication from remote partner', compile and "
    "download the hardware configuration."
)
PROTECTED = (
    "The CPU asks for a password, which PUT/GET cannot give. In TIA Portal: CPU > Properties > "
    "Protection & Security > Access level: choose one that lets read (for writing: full access) "
    "without a password, then download. Also check that PUT/GET is permitted there."
)
_OPTIMISED = (
    "Check the number and the offset. S7-1200/1500: in TIA Portal open the block's Properties > "
    "Attributes, switch off 'Optimized block access', compile and download the block."
)
_CLASSIC_BLOCK = (
    "Check the number and the offset; the block must be downloaded to the CPU (SIMATIC Manager: "
    "Blocks > online view)."
)
_V_MEMORY = (
    "V memory is DB1 and ends early. LOGO!: Tools > Parameter VM Mapping shows what is mapped."
)
STOPPED = (
    "The CPU is in STOP or HOLD, or changes its mode. Look at its LEDs and its diagnostics buffer "
    "(TIA Portal: Online & diagnostics > Diagnostics > Diagnostics buffer) and put it in RUN."
)
RESOURCES = (
    "The CPU has no connection left. Close other programs, HMIs or gateways, choose another "
    "connection type (OP or basic) here, or reserve more in TIA Portal: CPU > Properties > "
    "Connection resources; Online & diagnostics > Connection information shows who has them."
)
_NO_RACKS = {S7Family.LOGO: _LOGO, S7Family.S7_200_SMART: _SMART}
_SLOTS = {
    S7Family.S7_300: "S7-300: rack 0, slot 2",
    S7Family.S7_400: "S7-400: rack 0 and the slot in the hardware configuration, often 3",
    S7Family.S7_1200: "S7-1200: rack 0, slot 1 (older ones 0)",
    S7Family.S7_1500: "S7-1500: rack 0, slot 1",
}
_CONGESTION = frozenset({1, 128 + 1, 128 + 6, 128 + 8})
"""Disconnect reasons: congestion at the TSAP or when connecting; all references taken."""


def hint_for_block(family: S7Family) -> str:
    """About a place that is not there, or not in this form."""
    if family in _NO_RACKS:
        return _V_MEMORY
    return _CLASSIC_BLOCK if family in (S7Family.S7_300, S7Family.S7_400) else _OPTIMISED


def hint_for_access(family: S7Family) -> str:
    """About a whole CPU that does not let read or write."""
    if family in _NO_RACKS:
        return _NO_RACKS[family]
    return PROTECTED if family in (S7Family.S7_300, S7Family.S7_400) else PUT_GET


def hint_to_connect(family: S7Family) -> str:
    """About a connection that is refused or closed at once."""
    if family in _NO_RACKS:
        return _NO_RACKS[family]
    return f"Check rack and slot ({_SLOTS[family]}). If they are right: {RESOURCES}"


def words_of_tsap(tsap: int, family: S7Family) -> str:
    if family in _NO_RACKS:
        return f"TSAP {tsap >> 8:02X}.{tsap & 0xFF:02X}"
    return f"rack {tsap >> 5 & 7}, slot {tsap & 31}"


def refused_connection(reason: int, called: str, family: S7Family) -> DeviceError:
    """For a disconnect request that answers a connection request.

    No free connection is not the configuration's fault and may pass: UnreachableError.
    """
    if reason in _CONGESTION:
        return UnreachableError(
            f"The device has no connection left ({called}, reason {reason}).", hint=RESOURCES
        )
    return RefusedError(
        f"The device refused the connection ({called}, reason {reason}).",
        hint=hint_to_connect(family),
    )
