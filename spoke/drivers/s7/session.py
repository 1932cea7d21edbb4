"""The session with a CPU: a lean exchange of prebuilt requests over `iso.py`.

python-snap7 codes and checks the negotiation. Reading and writing are ours, because its client
builds every request anew, takes one future, one lock and one timeout per request, and has one
request under way at a time: measured 130 to 190 µs of CPU per read of 462 bytes, here 35 to 45, and
16 to 20 with eight outstanding. Several are outstanding where the CPU grants it ("max AmQ
calling"); an answer sends the next one from within `data_received`, so that a scan wakes its task
once. Answers are matched by their reference.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import cast

from snap7.s7protocol import S7Protocol

from schemas.config.drivers import S7Config
from schemas.errors import DeviceError, DeviceTimeoutError, ProtocolError
from spoke.drivers.base import DriverContext
from spoke.drivers.s7.errors import words_of
from spoke.drivers.s7.iso import IsoTransport
from spoke.drivers.s7.messages import (
    Answer,
    MalformedError,
    Request,
    answer_of,
    reference_of,
)

REQUESTED_PDU_BYTES = 960
"""The most that an S7-1500 grants; other CPUs answer with their own, smaller length."""
REQUESTED_DEPTH = 8
"""Requests outstanding; the CPU answers with what it can take."""

# The library reports each attempt at INFO; during an outage that would fill the log. Spindle's
# runner logs the outage once, and every failure reaches it as an error.
logging.getLogger("snap7").setLevel(logging.ERROR)


class Session:
    """One session; after a DeviceError it is of no more use. Errors of the negotiation come as the
    library raises them; `errors.translate` makes them ours."""

    def __init__(self, settings: S7Config, context: DriverContext) -> None:
        self._settings = settings
        self._trace, self._clock = context.trace, context.clock
        self._where = settings.place
        self._iso = IsoTransport(settings.family)
        self._loop = asyncio.get_running_loop()
        self.depth = 1
        """Requests that may be outstanding."""
        self.stale_answers = 0
        """Answers that nobody waited for any more."""
        self.lost: DeviceError | None = None
        """Why it is of no more use."""
        self._requests: Sequence[Request] = ()
        self._answers: list[Answer | None] = []
        self._sent = self._open = 0  # requests sent, and answers still missing
        self._first_reference = self._next_reference = 1
        self._progress_s = 0.0  # loop time of the last answer
        self._done: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._started_s: list[float] | None = None  # by request, while the trace is on

    async def open(self) -> int:
        """Connect and negotiate; returns the PDU length in bytes."""
        settings = self._settings
        await self._loop.create_connection(lambda: self._iso, settings.host, settings.port)
        await self._iso.handshake(*settings.tsaps)
        messages = S7Protocol()
        wanted = messages.build_setup_communication_request(
            REQUESTED_DEPTH, REQUESTED_DEPTH, REQUESTED_PDU_BYTES
        )
        started_s = self._clock.monotonic()
        await self._iso.send_data(wanted)
        answer = await self._iso.receive_data()
        granted = messages.parse_response(answer).get("parameters") or {}
        if "pdu_length" not in granted:
            raise ProtocolError(f"{self._where} answered the negotiation with something else.")
        self.depth = max(1, min(int(granted["max_amq_caller"]), REQUESTED_DEPTH))
        pdu_bytes = min(int(granted["pdu_length"]), REQUESTED_PDU_BYTES)
        if self._trace.on:
            self._trace.add(
                f"negotiate: {REQUESTED_PDU_BYTES} bytes, {REQUESTED_DEPTH} at a time",
                f"{pdu_bytes} bytes, {self.depth} at a time",
                good=True,
                started_s=started_s,
                sent=wanted,
                received=answer,
            )
        self._iso.listen(self._take, self._fail)
        return pdu_bytes

    async def exchange(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers, in the order of the requests; one exchange at a time.

        Raises DeviceTimeoutError when an answer takes longer than `timeout_s`, ProtocolError for
        bytes that are no answer, UnreachableError when the connection is lost. Cancelled or
        failed, the session is closed: nobody then knows what was answered.
        """
        if self.lost is not None:
            raise self.lost
        if not requests:
            return []
        self._requests, self._answers = requests, [None] * len(requests)
        self._sent, self._open = 0, len(requests)
        self._first_reference = self._next_reference
        self._next_reference = (self._first_reference + len(requests)) & 0xFFFF
        self._started_s = [0.0] * len(requests) if self._trace.on else None
        self._done = self._loop.create_future()
        self._progress_s = self._loop.time()
        self._timer = self._loop.call_later(self._settings.timeout_s, self._check_time)
        try:
            self._send(self.depth)
            await self._done
        except BaseException:
            self.abort()
            raise
        finally:
            self._timer.cancel()
            self._done, self._requests, self._sent = None, (), 0
        return cast("list[Answer]", self._answers)

    def abort(self) -> None:
        """Close at once; never raises."""
        self._iso.abort()

    # --- inside -----------------------------------------------------------------------------------

    def _send(self, room: int) -> None:
        """Write the next requests, at most `room`, in one piece. Raises DeviceError."""
        first, last = self._sent, min(self._sent + room, len(self._requests))
        if first == last:
            return
        if self._started_s is not None:
            self._started_s[first:last] = [self._clock.monotonic()] * (last - first)
        self._sent = last
        self._iso.write(b"".join([self._packet(index) for index in range(first, last)]))

    def _take(self, data: bytes, start: int, end: int) -> None:
        """One whole message, from the transport."""
        try:
            reference = reference_of(data, start, end)
            index = -1 if reference is None else (reference - self._first_reference) & 0xFFFF
            if not 0 <= index < self._sent or self._answers[index] is not None:
                self.stale_answers += 1
                return
            answer = answer_of(self._requests[index], data, start, end)
        except MalformedError as error:
            self._fail(
                ProtocolError(f"{self._where} sent {error}: {data[start : start + 16].hex(' ')}.")
            )
            return
        self._answers[index] = answer
        if self._started_s is not None:
            self._note(index, answer, data[start:end])
        self._open -= 1
        self._progress_s = self._loop.time()
        if self._open:
            self._send(1)
        elif self._done is not None and not self._done.done():
            self._done.set_result(None)

    def _note(self, index: int, answer: Answer, received: bytes) -> None:
        """Into the trace."""
        assert self._started_s is not None
        request = self._requests[index]
        good = isinstance(answer, bytes)
        words = f"{len(answer)} bytes" if isinstance(answer, bytes) else words_of(answer)
        self._trace.add(
            request.words,
            words if request.size or not good else "written",
            good=good,
            started_s=self._started_s[index],
            sent=self._packet(index),
            received=received,
        )

    def _check_time(self) -> None:
        """One timer per exchange: it runs on when an answer came in the meantime."""
        missing_s = self._progress_s + self._settings.timeout_s - self._loop.time()
        if missing_s > 0:
            self._timer = self._loop.call_later(missing_s, self._check_time)
            return
        message = f"{self._where} did not answer within {self._settings.timeout_s:g} s."
        if self.stale_answers:
            message += f" {self.stale_answers} answers had another reference."
        self._note_silence()
        self._fail(DeviceTimeoutError(message))

    def _note_silence(self) -> None:
        if self._started_s is None:
            return
        for index in range(self._sent):
            if self._answers[index] is None:
                request, started_s = self._requests[index], self._started_s[index]
                sent = self._packet(index)
                self._trace.add(
                    request.words, "no answer", good=False, started_s=started_s, sent=sent
                )

    def _packet(self, index: int) -> bytes:
        request = self._requests[index]
        reference = (self._first_reference + index) & 0xFFFF
        return request.head + reference.to_bytes(2, "big") + request.tail

    def _fail(self, error: DeviceError) -> None:
        self.lost = self.lost or error
        if self._done is not None and not self._done.done():
            self._done.set_exception(error)
        self._iso.abort()
