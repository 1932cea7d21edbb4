"""Writing to one device: select, then operate (`schemas/messages/writes.py`)."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from schemas.config.devices import ManifestDevice
from schemas.errors import (
    DeviceTimeoutError,
    NotFoundError,
    SpindleError,
    UnreachableError,
    WriteRefusedError,
)
from schemas.messages.writes import (
    MAX_WRITES,
    SELECT_S,
    OperateReply,
    OperateRequest,
    SelectReply,
    SelectRequest,
    WriteResult,
    WriteState,
    WriteValue,
)
from schemas.raw import same, to_raw, to_unit
from spoke.clock import Clock
from spoke.drivers.base import RawResult, RawWrite

_log = logging.getLogger(__name__)

_OPERATE_S = 20.0
_MAX_TICKETS = 100

WriteRaw = Callable[[Sequence[RawWrite]], Awaitable[list[RawResult]]]
"""Raises UnreachableError when there is no connection to write on."""


@dataclass(frozen=True, slots=True)
class _Ticket:
    writes: tuple[RawWrite, ...]
    until_s: float  # monotonic


class Writer:
    """The tickets of one device. `turn` is held while the driver is used."""

    def __init__(
        self, device: ManifestDevice, clock: Clock, turn: asyncio.Lock, write: WriteRaw
    ) -> None:
        self._tags = {tag.id: tag for tag in device.tags}
        self._name, self._clock, self._turn, self._write = device.name, clock, turn, write
        self._tickets: dict[str, _Ticket] = {}

    def select(self, request: SelectRequest) -> SelectReply:
        """Check every value; a ticket when all can be written. Never raises."""
        if not 0 < len(request.values) <= MAX_WRITES:
            count = WriteRefusedError(f"Write 1 to {MAX_WRITES} values at a time.", hint="")
            return SelectReply(error=count.as_dict())
        writes: list[RawWrite] = []
        problems: list[SpindleError] = []
        for index, wanted in enumerate(request.values):
            try:
                writes.append(self._raw(wanted))
            except SpindleError as error:
                error.path = f"values.{index}"
                problems.append(error)
        if problems:
            return SelectReply(problems=tuple(problem.as_dict() for problem in problems))
        self._forget_expired()
        if len(self._tickets) >= _MAX_TICKETS:
            crowd = WriteRefusedError("Too many writes wait for this device.", hint="Try again.")
            return SelectReply(error=crowd.as_dict())
        ticket = secrets.token_hex(16)
        self._tickets[ticket] = _Ticket(tuple(writes), self._clock.monotonic() + SELECT_S)
        return SelectReply(ticket)

    async def operate(self, request: OperateRequest) -> OperateReply:
        """Write what was selected, once. Never raises."""
        ticket = self._tickets.pop(request.ticket, None)
        started = self._clock.monotonic()
        if ticket is None:
            return OperateReply(error=_too_late().as_dict())
        if not await self._my_turn(ticket.until_s):
            return OperateReply(error=_too_late().as_dict())
        try:
            results = await self._try(ticket.writes)
        finally:
            self._turn.release()
        found = tuple(map(_result, ticket.writes, results))
        _log.info(
            "Device %s: %d values written, %s",
            self._name,
            len(found),
            ", ".join(sorted({item.state for item in found})),
            extra={"action": "device.write"},
        )
        return OperateReply(found, took_ms=(self._clock.monotonic() - started) * 1000)

    async def _my_turn(self, until_s: float) -> bool:
        """True when the driver is ours in time. Not waiting longer matters, too: a scan may take a
        minute, and the hub would give up and not know that nothing was written."""
        try:
            async with asyncio.timeout(max(0.0, until_s - self._clock.monotonic())):
                await self._turn.acquire()
        except TimeoutError:
            return False
        if self._clock.monotonic() <= until_s:
            return True
        self._turn.release()  # this process stood still in between
        return False

    async def _try(self, writes: Sequence[RawWrite]) -> list[RawResult]:
        """The driver's results; what it left open when it failed is unknown, not refused."""
        try:
            async with asyncio.timeout(_OPERATE_S):
                return await self._write(writes)
        except UnreachableError as error:
            return [RawResult(WriteState.REFUSED, error=error)] * len(writes)
        except TimeoutError:
            late = DeviceTimeoutError(f"{self._name} took longer than {_OPERATE_S:g} s to write.")
            return [RawResult(WriteState.UNKNOWN, error=late)] * len(writes)
        except Exception as error:  # noqa: BLE001 - a driver's defect: nobody knows what was written
            _log.exception("Driver defect in write", extra={"action": "driver.defect"})
            defect = SpindleError(f"The driver failed: {type(error).__name__}: {error}")
            return [RawResult(WriteState.UNKNOWN, error=defect)] * len(writes)

    def _raw(self, wanted: WriteValue) -> RawWrite:
        tag = self._tags.get(wanted.tag_id)
        if tag is None:
            raise NotFoundError("The gateway does not run this tag (yet).")
        return RawWrite(tag, to_raw(tag, wanted.value))

    def _forget_expired(self) -> None:
        now = self._clock.monotonic()
        self._tickets = {key: item for key, item in self._tickets.items() if item.until_s > now}


def _too_late() -> WriteRefusedError:
    return WriteRefusedError(
        "The write came too late or twice; nothing was written.",
        hint="Look at the value as it is now, and write again if it is still wanted.",
    )


def _result(write: RawWrite, result: RawResult) -> WriteResult:
    """Compare what was read back, in the device's own numbers."""
    tag, state = write.tag, result.state
    read_back = None if result.read_back is None else to_unit(tag, result.read_back)
    error = result.error
    if state is WriteState.WRITTEN and result.read_back is not None:
        equal = same(tag, write.value, result.read_back)
        state = WriteState.VERIFIED if equal else WriteState.DIFFERS
        if not equal and error is None:
            error = WriteRefusedError(
                f"{tag.name} was written, but reads {read_back!r} afterwards.",
                hint="The PLC program may write it too, or limit it.",
            )
    return WriteResult(tag.id, state, read_back, error.as_dict() if error else None)
