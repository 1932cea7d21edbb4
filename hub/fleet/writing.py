"""Writing to a device from the hub: check, audit, select, operate, audit.

Nothing is queued and nothing is repeated: each value is tried once, at once or not at all. The
first audit line stands before anything is sent, so without the database nothing is written.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from hub.fleet.ports import DeviceCommands
from hub.fleet.write_checks import check_writes
from hub.records import User
from hub.storage.config import ConfigStore
from hub.storage.records import DeviceRow
from schemas.config.devices import TagConfig
from schemas.errors import (
    ConfigErrors,
    NotFoundError,
    SpindleError,
    SpokeOfflineError,
    WriteRefusedError,
    error_of,
)
from schemas.messages.writes import (
    OperateReply,
    OperateRequest,
    SelectRequest,
    WriteResult,
    WriteState,
    WriteValue,
)
from schemas.raw import Value

log = logging.getLogger(__name__)

MAX_ID = 2**31 - 1
TURN_S = 3.0
"""How long a write waits for another one to the same device; later it would surprise somebody."""


class Writing:
    """One write at a time per device."""

    def __init__(self, store: ConfigStore, commands: DeviceCommands) -> None:
        self._store = store
        self._commands = commands
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def check(self, device: DeviceRow, values: Mapping[int, Value]) -> None:
        """Raises ConfigErrors (`values.<tag id>`), WriteRefusedError for a device that is off."""
        ids = [tag_id for tag_id in values if 0 < tag_id <= MAX_ID]
        rows = await self._store.tags(device_id=device.device_id, tag_ids=ids)
        tags = {row.tag_id: TagConfig.model_validate(row.config) for row in rows}
        check_writes(tags, values)
        if not device.config.get("enabled", True):
            raise WriteRefusedError(
                f"Device {device.name} is switched off.", hint="Switch it on first."
            )

    async def write(
        self, who: User, device: DeviceRow, values: Mapping[int, Value]
    ) -> list[WriteResult]:
        """In the order of `values`. Raises SpokeOfflineError, ConfigErrors and WriteRefusedError
        when nothing was written."""
        turn = self._turns[device.device_id]
        try:
            async with asyncio.timeout(TURN_S):
                await turn.acquire()
        except TimeoutError as error:
            raise WriteRefusedError(
                f"Another write to {device.name} is still under way; nothing was written.",
                hint="Wait for its result, and look at the values before you write again.",
            ) from error
        try:
            return await self._audited(who, device, values)
        finally:
            turn.release()

    async def _audited(
        self, who: User, device: DeviceRow, values: Mapping[int, Value]
    ) -> list[WriteResult]:
        number = secrets.token_hex(4)
        target = f"{device.spoke}/{device.name}"
        wanted = [{"tag": tag_id, "value": value} for tag_id, value in values.items()]
        detail = {"write": number, "device": device.device_id, "values": wanted}
        await self._store.insert_audit(who.name, "device.write", target, detail)
        try:
            ticket = await self._select(device, values)
        except SpindleError as error:
            outcome = {"write": number, "error": error.message, "results": []}
            await self._note(who, target, outcome)
            raise
        # From here on it may be written. Whoever goes away leaves the outcome in the audit log.
        return await asyncio.shield(self._operate(who, device, values, ticket, number))

    async def _select(self, device: DeviceRow, values: Mapping[int, Value]) -> str:
        """A ticket, when the spoke can write every value."""
        items = tuple(WriteValue(tag_id, _packable(value)) for tag_id, value in values.items())
        reply = await self._commands.select(device.spoke, SelectRequest(device.device_id, items))
        if reply.problems:
            ids = list(values)
            raise ConfigErrors([_at_tag(error_of(item), ids) for item in reply.problems])
        if reply.error is not None:
            raise error_of(reply.error)
        if not reply.ticket:
            raise WriteRefusedError("The gateway gave no leave to write; nothing was written.")
        return reply.ticket

    async def _operate(
        self,
        who: User,
        device: DeviceRow,
        values: Mapping[int, Value],
        ticket: str,
        number: str,
    ) -> list[WriteResult]:
        request = OperateRequest(device.device_id, ticket)
        took_ms = 0.0
        try:
            reply = await self._commands.operate(device.spoke, request)
            results, took_ms = _results(reply, list(values)), reply.took_ms
        except SpokeOfflineError as error:
            silence = SpokeOfflineError(
                f"{error.message} It may have been written or not.",
                hint="Look at the value as it is now before you write again.",
            ).as_dict()
            results = [WriteResult(tag, WriteState.UNKNOWN, None, silence) for tag in values]
        found = [
            {
                "tag": item.tag_id,
                "state": item.state,
                "read_back": item.read_back,
                "error": item.error and item.error["message"],
            }
            for item in results
        ]
        outcome = {"write": number, "results": found, "took_ms": _finite(took_ms)}
        await self._note(who, f"{device.spoke}/{device.name}", outcome)
        return results

    async def _note(self, who: User, target: str, outcome: dict[str, Any]) -> None:
        """The audit line afterwards. What was written is written: a database that has gone away in
        between must not hide it, so then the log keeps it."""
        try:
            await self._store.insert_audit(who.name, "device.written", target, outcome)
        except SpindleError as error:
            log.error(
                "The outcome of a write by %s to %s is not in the audit log (%s): %s",
                who.name,
                target,
                error.message,
                outcome,
                extra={"action": "audit.lost"},
            )


def _packable(value: Value) -> Value:
    """msgpack has integers of 64 bits; a larger one that passed the checks is for a float."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return float(value)
    return value


def _results(reply: OperateReply, tag_ids: Sequence[int]) -> list[WriteResult]:
    """One per tag, in this order, whatever a gateway sends."""
    if reply.error is not None:
        error = error_of(reply.error)
        untried = isinstance(error, WriteRefusedError | NotFoundError)
        state = WriteState.REFUSED if untried else WriteState.UNKNOWN  # a defect in the middle
        return [WriteResult(tag_id, state, None, error.as_dict()) for tag_id in tag_ids]
    found = {result.tag_id: result for result in reply.results}
    silence = SpindleError("The gateway does not say what became of it.").as_dict()
    return [
        _plain(found.get(tag_id) or WriteResult(tag_id, WriteState.UNKNOWN, None, silence))
        for tag_id in tag_ids
    ]


def _plain(result: WriteResult) -> WriteResult:
    """Without what neither JSON nor PostgreSQL knows: NaN, infinity, NUL."""
    back = result.read_back
    if isinstance(back, str):
        back = back.replace("\0", "")
    elif back is not None:
        back = _finite(back)
    error = result.error and error_of(result.error).as_dict()
    return WriteResult(result.tag_id, result.state, back, error)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _at_tag(error: SpindleError, tag_ids: Sequence[int]) -> SpindleError:
    """`values.<i>` of the request is `values.<tag id>` to people."""
    place = error.path.removeprefix("values.")
    if place.isdecimal() and int(place) < len(tag_ids):
        error.path = f"values.{tag_ids[int(place)]}"
    return error
