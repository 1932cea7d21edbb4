"""One unit behind a link: what a driver has of the connection.

It asks when it is its turn. A unit that did not answer says so at once from then on, until a new
object for it was opened: whether it is asked again is the breaker's decision.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from schemas.config.modbus import ModbusConfig
from schemas.errors import DeviceError, DeviceTimeoutError, UnreachableError
from spoke.drivers.base import DriverContext
from spoke.drivers.modbus import words
from spoke.drivers.modbus.client import ModbusClient
from spoke.drivers.modbus.link import Link
from spoke.drivers.modbus.refusals import NOBODY_BEHIND
from spoke.drivers.modbus.requests import (
    Answer,
    ExceptionAnswer,
    NotSentError,
    Request,
    again,
    answer_pdu,
    raw_request,
    read_request,
)
from spoke.drivers.modbus.transports import Connection

NEAR_S = 5.0
"""A probe that is due so soon is waited for: the runner would come too late for it."""


class Unit:
    """`scan` for reading, `exchange` for all else. Not used again after a DeviceError."""

    def __init__(self, settings: ModbusConfig, context: DriverContext) -> None:
        self._settings, self._unit_id = settings, settings.unit_id
        self._trace, self._clock = context.trace, context.clock
        self._links = context.links
        self._link: Link | None = None
        self._connection: Connection | None = None
        self._dead: DeviceError | None = None  # why it is not asked any more
        self._took_s = 0.0  # of the last turn

    @property
    def stale_answers(self) -> int:
        """Answers on this connection that came too late to be used."""
        return 0 if self._connection is None else self._connection.stale_answers

    async def open(self, planned: Sequence[Request]) -> None:
        """Connect. A unit that was silent is asked for a register of the first request before, and
        so is each unit of a line whose answers have no transaction id, once.

        Raises UnreachableError; DeviceTimeoutError of a unit that is silent or that is not asked
        again yet; ConfigError.
        """
        link = self._take_link()
        link.join(self, self._settings)
        silent = link.breaker.silent(self._unit_id)
        if link.shared and silent:
            wait_s = link.breaker.due_in_s(self._unit_id)
            if wait_s > NEAR_S:
                raise link.breaker.refusal(self._unit_id)
            if wait_s > 0:
                await self._clock.sleep(wait_s)
        self._connection = await link.connect(self._settings)
        if planned and (silent or link.new_here(self._unit_id)):
            await self._probe(link, planned, hurry=silent and link.shared)

    def close(self) -> None:
        """Leave the link; the last one closes the connection. May be called twice."""
        link, self._link, self._connection = self._link, None, None
        if link is None:
            return
        link.leave(self)
        key = self._settings.link
        if key is None or self._links.leave(key):
            link.close()

    async def scan(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers, in the order of the requests.

        Raises DeviceTimeoutError, ProtocolError, UnreachableError.
        """
        link, connection = self._ready()
        if self._alone(link, connection):
            async with link.turn:
                connection.take_turn(self._settings.timeout_s, self._settings.depth)
                try:
                    return await connection.scan(requests)
                except DeviceError as error:
                    self._failed(link, connection, requests, error, self._clock.monotonic())
                    raise
        depth = 1 if self._settings.pause_ms else self._settings.depth
        answers: list[Answer] = []
        for first in range(0, len(requests), depth):  # the others' turns are in between
            answers += await self._ask(link, connection, requests[first : first + depth])
        return answers

    async def exchange(self, pdu: bytes) -> bytes:
        """Send one request, once, and return the PDU of its answer: a normal one or an exception.

        Raises NotSentError when it was not sent. When it was: DeviceTimeoutError without an answer,
        ProtocolError, and UnreachableError when the connection was lost meanwhile.
        """
        try:
            link, connection = self._ready()
        except DeviceError as error:
            raise NotSentError(error.message, hint=error.hint) from error
        request = raw_request(pdu, self._unit_id)
        (answer,) = await self._ask(link, connection, [request], once=True)
        return answer_pdu(request, answer)

    def gone(self, error: DeviceError) -> None:
        """The last answer was a gateway's: this unit is not there."""
        if self._dead is None and self._link is not None and self._connection is not None:
            self._dead = error
            if self._connection.lost is None:
                self._link.breaker.missed(self._unit_id, self._took_s, error)

    def absent(self, answer: ExceptionAnswer) -> DeviceTimeoutError:
        """What a gateway's answer means that finds nobody behind it; see `gone`."""
        error = DeviceTimeoutError(
            f"The gateway at {self._settings.place} answers, but unit {self._unit_id} behind it "
            f"does not (exception {answer.code}).",
            hint="Check the unit id, and the wiring behind the gateway.",
        )
        self.gone(error)
        return error

    # --- inside -----------------------------------------------------------------------------------

    def _take_link(self) -> Link:
        assert self._link is None, "opened twice"
        key = self._settings.link
        if key is None:
            self._link = Link(self._settings, self._clock)
        else:
            self._link = self._links.take(key, lambda: Link(self._settings, self._clock))
        return self._link

    def _ready(self) -> tuple[Link, Connection]:
        if self._link is None or self._connection is None:
            raise UnreachableError(f"{self._settings.place} is not connected.")
        if self._dead is not None:
            raise again(self._dead) from self._dead
        return self._link, self._connection

    def _alone(self, link: Link, connection: Connection) -> bool:
        """Nobody else waits, and nobody looks on: a whole scan goes out at once."""
        free = not (link.shared or link.paused or self._settings.pause_ms or self._trace.on)
        return free and isinstance(connection, ModbusClient)

    async def _ask(
        self,
        link: Link,
        connection: Connection,
        requests: Sequence[Request],
        *,
        timeout_s: float | None = None,
        once: bool = False,
    ) -> list[Answer]:
        """One turn on the connection. `once`: NotSentError when it is lost already."""
        timeout_s = timeout_s or self._settings.timeout_s
        async with link.turn:
            if link.paused:
                await link.wait_until_free()
            if once:
                await connection.settle()
                if connection.lost is not None:
                    raise NotSentError(connection.lost.message, hint=connection.lost.hint)
            connection.take_turn(timeout_s, self._settings.depth)
            started_s = self._clock.monotonic()
            try:
                answers = await connection.scan(requests)
            except DeviceError as error:
                self._failed(link, connection, requests, error, started_s)
                raise
            finally:
                link.used(self._settings.pause_ms)
            self._took_s = self._clock.monotonic() - started_s
            if link.silent:
                link.silent.clear()
            if not isinstance(connection, ModbusClient):
                link.breaker.took(self._took_s / len(requests), connection.stale_answers)
            if self._trace.on:
                self._record(connection, requests, answers, started_s)
            return answers

    def _failed(
        self,
        link: Link,
        connection: Connection,
        requests: Sequence[Request],
        error: DeviceError,
        started_s: float,
    ) -> None:
        if self._trace.on and requests:
            sent, received = connection.wire(0, requests[0], None)
            asked = words.request(requests[0].pdu, self._unit_id)
            self._trace.add(
                asked, error.message, good=False, started_s=started_s, sent=sent, received=received
            )
        self._dead = error
        if isinstance(error, DeviceTimeoutError):
            self._took_s = self._clock.monotonic() - started_s
            link.breaker.missed(self._unit_id, self._took_s, error)
            link.missed(self._unit_id, requests)

    def _record(
        self,
        connection: Connection,
        requests: Sequence[Request],
        answers: Sequence[Answer],
        started_s: float,
    ) -> None:
        for number, (request, answer) in enumerate(zip(requests, answers, strict=True)):
            sent, received = connection.wire(number, request, answer)
            self._trace.add(
                words.request(request.pdu, self._unit_id),
                words.answer(answer_pdu(request, answer)),
                good=not isinstance(answer, ExceptionAnswer),
                started_s=started_s,
                sent=sent,
                received=received,
            )

    async def _probe(self, link: Link, planned: Sequence[Request], *, hurry: bool) -> None:
        """Ask whether the unit is there; in a hurry for as long as the others can spare.

        Where no transaction id tells answers apart, this also outwaits what is left of requests
        that were not answered, before a reconnect as well: a unit answers in order, and the answer
        to a probe has another length than theirs and than what follows. An exception could be an
        older request's, so two are asked for.
        """
        assert self._connection is not None
        wait_s = self._settings.timeout_s
        if hurry:
            wait_s = link.breaker.patience_s(self._unit_id, wait_s)
        taken = {request.payload_bytes for request in planned} | link.unanswered(self._unit_id)
        for _ in range(2):
            request = _short(planned[0], self._unit_id, taken)
            (answer,) = await self._ask(link, self._connection, [request], timeout_s=wait_s)
            if isinstance(answer, ExceptionAnswer) and answer.code in NOBODY_BEHIND:
                raise self.absent(answer)
            if isinstance(answer, bytes):
                break
            taken.add(request.payload_bytes)
        link.answered(self._unit_id)


def _short(sample: Request, unit_id: int, not_bytes: Collection[int]) -> Request:
    """A short read at the place of `sample`, with an answer that is not so long."""
    per_count = 8 if sample.function in (1, 2) else 1
    request = sample
    for number in range(len(not_bytes) + 1):
        request = read_request(sample.function, sample.start, 1 + number * per_count, unit_id)
        if request.payload_bytes not in not_bytes:
            break
    return request
