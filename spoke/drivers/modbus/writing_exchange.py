"""Single requests on behalf of a write: what the device says no to, and what it says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from schemas.errors import ProtocolError
from spoke.drivers.modbus.refusals import words_of
from spoke.drivers.modbus.requests import EXCEPTION, read_request

Exchange = Callable[[bytes], Awaitable[bytes]]
"""Send one PDU once and return the answer's PDU. Raises NotSentError when nothing was sent, another
DeviceError when it was sent and no answer came."""


class Refusal(Exception):  # noqa: N818 - an answer, not a failure
    """The device answered with an exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    @property
    def words(self) -> str:
        """`exception 2, illegal data address`."""
        return words_of(self.code)


async def ask(exchange: Exchange, pdu: bytes) -> bytes:
    """The answer's PDU. Raises Refusal, DeviceError."""
    answer = await exchange(pdu)
    if len(answer) == 2 and answer[0] == pdu[0] | EXCEPTION:
        raise Refusal(answer[1])
    return answer


async def ask_values(exchange: Exchange, function: int, start: int, count: int) -> bytes:
    """The payload of a read request (function code 1 or 3). Raises Refusal, DeviceError."""
    request = read_request(function, start, count, unit_id=0)  # the exchange knows its unit
    answer, size = await ask(exchange, request.pdu), request.payload_bytes
    if len(answer) != size + 2 or answer[0] != function or answer[1] != size:
        raise ProtocolError(f"The answer {answer[:16].hex(' ')} is not to this read request.")
    return answer[2:]
