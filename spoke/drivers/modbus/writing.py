"""Writing values: each request goes out once, and then everything is read back.

A request that the device refuses without doing anything (exceptions 1 to 3) is split, so that one
register that cannot be written does not keep its neighbours from it. A request of which nobody
knows what became of it ends the call: nothing more is sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from schemas.addresses.modbus import ModbusAddress
from schemas.config.modbus import ModbusConfig
from schemas.errors import DeviceError, ProtocolError, SpindleError, WriteRefusedError
from schemas.messages.writes import WriteState
from spoke.drivers.base import RawResult, RawWrite
from spoke.drivers.modbus.refusals import (
    ILLEGAL_FUNCTION,
    NARROWS,
    NOBODY_BEHIND,
    SERVER_FAILURE,
)
from spoke.drivers.modbus.requests import NotSentError
from spoke.drivers.modbus.writing_exchange import Exchange, Refusal, ask, ask_values
from spoke.drivers.modbus.writing_plan import (
    READS,
    WRITE_COIL,
    WRITE_MASK,
    WRITE_REGISTER,
    Piece,
    WriteRequest,
    piece_of,
    requests_of,
    waves,
)
from spoke.drivers.modbus.writing_readback import read_back

_MAYBE_DONE = (5, 11)
"""Exceptions that do not say "no": the device is still at it, or it is silent behind a gateway."""
_HINTS = {
    1: "The device cannot be written this way. Try the other setting of 'Write functions'.",
    2: "The device does not have this address, or does not let it be written; look in its manual.",
    3: "The device does not take this value here; look in its manual for the allowed range.",
    4: "The device may be in a state in which it takes no values; look at its diagnostics.",
    6: "The device is busy. Look at the value, and write again if it is still wanted.",
    10: "Check the unit id, and the wiring behind the gateway.",
}
_LOOK = "Look at the value as it is now before you write again; Spindle does not repeat it."
_MASK_HINT = "The device lacks function 22: switch off 'Write bits with function 22'."


async def write(
    writes: Sequence[RawWrite],
    places: Mapping[int, ModbusAddress],
    settings: ModbusConfig,
    exchange: Exchange,
) -> list[RawResult]:
    """What became of each value, in the order of `writes`. `places` by tag id.

    Values are WRITTEN when the device confirmed them, REFUSED when they were surely not written,
    UNKNOWN when that is open; after a request without an answer the rest is REFUSED. Where two
    values lie across each other the later one is what stays. Never raises but for defects and when
    it is cancelled.
    """
    call = _Call(settings, exchange)
    pieces: list[Piece] = []
    for number, wanted in enumerate(writes):
        try:
            pieces.append(piece_of(number, wanted, places))
        except WriteRefusedError as error:
            call.results[number] = RawResult(WriteState.REFUSED, error=error)
    for wave in waves(pieces):
        await call.send(requests_of(wave, settings))
    if not call.stopped:
        await call.read_back(pieces)
    return [call.results[number] for number in range(len(writes))]


class _Call:
    """One call of `write`: what is known so far."""

    def __init__(self, settings: ModbusConfig, exchange: Exchange) -> None:
        self._settings, self._exchange = settings, exchange
        self._lacking: set[int] = set()  # functions that the device does not have
        self.results: dict[int, RawResult] = {}
        self.stopped = ""
        """Why nothing more is sent; empty while all is well."""

    async def send(self, requests: Iterable[WriteRequest]) -> None:
        """Write these, one after the other."""
        pending = deque(requests)
        while pending:
            request = pending.popleft()
            if self.stopped:
                self._note(request, WriteState.REFUSED, _not_tried(self.stopped))
            else:
                pending.extendleft(reversed(await self._send(request)))

    async def read_back(self, pieces: Iterable[Piece]) -> None:
        """Add to the results what the places of values hold that were (perhaps) written."""
        refused = WriteState.REFUSED
        sent = [piece for piece in pieces if self.results[piece.number].state is not refused]
        for number, value in (await read_back(sent, self._settings, self._exchange)).items():
            state, error = self.results[number].state, self.results[number].error
            if isinstance(value, SpindleError):
                self.results[number] = RawResult(state, None, error or value)
            else:
                self.results[number] = RawResult(state, value, error)

    async def _send(self, request: WriteRequest) -> list[WriteRequest]:
        """Write one request and note what became of it; what is to be sent in its place."""
        try:
            before = await self._before(request)
        except Refusal as refusal:
            return self._unread(request, refusal)
        except DeviceError as error:
            self._stop_unsent(request, f"its registers could not be read first: {error.message}")
            return []
        try:
            await self._write(request, before)
        except Refusal as refusal:
            return self._refused(request, refusal)
        except NotSentError as error:
            self._stop_unsent(request, error.message)
        except DeviceError as error:
            self.stopped = f"what became of a value before it is not known: {error.message}"
            words = f"It may have been written or not: {error.message}"
            self._note(request, WriteState.UNKNOWN, type(error)(words, hint=_LOOK))
        else:
            self._note(request, WriteState.WRITTEN, None)
        return []

    async def _before(self, request: WriteRequest) -> bytes | None:
        """The request's registers as they are, if bits of them are to stay."""
        if not request.reads_first:
            return None
        return await ask_values(self._exchange, READS[request.table], request.start, request.count)

    async def _write(self, request: WriteRequest, before: bytes | None) -> None:
        """Raises Refusal, NotSentError, or another DeviceError when there was no (good) answer."""
        function = request.function(self._settings)
        if function in self._lacking:
            raise Refusal(ILLEGAL_FUNCTION)
        pdu = request.pdu(self._settings, before)
        try:
            answer = await ask(self._exchange, pdu)
        except Refusal as refusal:
            if refusal.code == ILLEGAL_FUNCTION:
                self._lacking.add(function)
            raise
        # Function and address are echoed, and of several values how many. Of one value some devices
        # answer what they made of it, which the reading back shows.
        echoed = 3 if function in (WRITE_COIL, WRITE_REGISTER, WRITE_MASK) else 5
        if answer[:echoed] != pdu[:echoed]:
            raise ProtocolError(f"The answer {answer[:16].hex(' ')} is not to this write request.")

    def _refused(self, request: WriteRequest, refusal: Refusal) -> list[WriteRequest]:
        several, code = len(request.pieces) > 1, refusal.code
        if several and code == ILLEGAL_FUNCTION:
            return request.alone()
        if several and code in NARROWS:
            return request.halves()
        if code in _MAYBE_DONE:
            self.stopped = f"what became of a value before it is not known: {refusal.words}."
        elif code in NOBODY_BEHIND:
            self.stopped = f"the device cannot be reached: {refusal.words}."
        # after a failure in the middle of several values, some of them may be there
        unknown = code in _MAYBE_DONE or (several and code == SERVER_FAILURE)
        hint = _LOOK if unknown else _HINTS.get(code, WriteRefusedError.hint)
        if request.masked and code == ILLEGAL_FUNCTION:
            hint = _MASK_HINT
        words = f"The device answered the write to {request.words} with {refusal.words}."
        state = WriteState.UNKNOWN if unknown else WriteState.REFUSED
        self._note(request, state, WriteRefusedError(words, hint=hint))
        return []

    def _unread(self, request: WriteRequest, refusal: Refusal) -> list[WriteRequest]:
        """The registers are refused before anything was written."""
        if len(request.pieces) > 1 and refusal.code in NARROWS:
            return request.halves()
        words = f"The rest of {request.words} is to be kept, and reading it first was answered "
        error = WriteRefusedError(
            f"{words}with {refusal.words}.",
            hint="Switch on 'Write bits with function 22' if the device has this function.",
        )
        self._note(request, WriteState.REFUSED, error)
        if refusal.code in NOBODY_BEHIND:
            self.stopped = f"the device cannot be reached: {refusal.words}."
        return []

    def _stop_unsent(self, request: WriteRequest, reason: str) -> None:
        self.stopped = f"a value before it could not be sent: {reason}"
        error = WriteRefusedError(f"Nothing was sent: {reason}", hint=NotSentError.hint)
        self._note(request, WriteState.REFUSED, error)

    def _note(self, request: WriteRequest, state: WriteState, error: SpindleError | None) -> None:
        for piece in request.pieces:
            self.results[piece.number] = RawResult(state, error=error)


def _not_tried(reason: str) -> WriteRefusedError:
    hint = "Look at the values as they are now, and write again what is still wanted."
    return WriteRefusedError(f"Not tried, because {reason}", hint=hint)
