"""Writing values: one request for many, each in the data type that its node has.

The Write service: OPC 10000-4, section 5.11.4. Only the value is sent, without status and times,
which many servers refuse to take (BadWriteNotSupported).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes as Codes

from schemas.errors import DeviceError, SpindleError, UnreachableError, WriteRefusedError
from schemas.messages.writes import WriteState
from schemas.quality import is_bad
from spoke.drivers.base import DriverContext, RawResult, RawWrite
from spoke.drivers.opcua import requests
from spoke.drivers.opcua.codec import convert, limits_of
from spoke.drivers.opcua.errors import code_of
from spoke.drivers.opcua.planner import DEFAULT_LIMIT
from spoke.drivers.opcua.session import Session
from spoke.drivers.opcua.statuses import CODE, words
from spoke.drivers.opcua.values import from_data_values
from spoke.drivers.opcua.writing_types import NodeType, NodeTypes

_MAX_WRITE = ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerWrite

_NOTHING_WAS_DONE = frozenset(
    {
        Codes.BadTooManyOperations,
        Codes.BadNothingToDo,
        Codes.BadServiceUnsupported,
        Codes.BadNotImplemented,
        Codes.BadNotSupported,
        Codes.BadUserAccessDenied,
        Codes.BadSecurityModeInsufficient,
        Codes.BadSessionIdInvalid,
        Codes.BadSessionNotActivated,
        Codes.BadRequestTooLarge,
    }
)
"""Answers that refuse a whole request; after every other failure nobody knows."""
_NOBODY_KNOWS = frozenset(
    {
        Codes.BadTimeout,
        Codes.BadRequestTimeout,
        Codes.BadNoCommunication,
        Codes.BadCommunicationError,
        Codes.BadConnectionClosed,
        Codes.BadUnexpectedError,
        Codes.BadInternalError,
        Codes.BadShutdown,
    }
)
"""Answers for one value which do not say whether the PLC has got it."""
_HINTS = {
    Codes.BadNotWritable: "Allow writing of this variable in the PLC program or the server, or "
    "set the tag's access to r.",
    Codes.BadUserAccessDenied: "Give the device's login the right to write this variable.",
    Codes.BadTypeMismatch: "The server wants another data type; browse the node to see which.",
    Codes.BadOutOfRange: "The PLC or the server limits this variable; write a value within.",
    Codes.BadNodeIdUnknown: "The PLC program may have lost this variable; check the address.",
    Codes.BadWriteNotSupported: "This server does not let clients write this variable.",
}


@dataclass(frozen=True, slots=True)
class _Ready:
    """A write that can be sent; `place` is its place in the results."""

    place: int
    write: RawWrite
    node: ua.NodeId
    kind: NodeType
    value: Any


class NodeWriter:
    """Writes over one session; node types are looked up once."""

    def __init__(self, session: Session, context: DriverContext) -> None:
        self._session = session
        self._clock, self._trace = context.clock, context.trace
        self._types = NodeTypes(session)
        self._limit = 0  # nodes per request; 0 until the server's is known

    async def write(
        self, writes: Sequence[RawWrite], nodes: Sequence[ua.NodeId | SpindleError]
    ) -> list[RawResult]:
        """Write each value once and read it back; `nodes` says where each belongs, or why
        nowhere. Never raises for a value."""
        results: list[RawResult | None] = [None] * len(writes)
        try:
            ready = await self._prepare(writes, nodes, results)
        except DeviceError as error:  # nothing was sent
            return [RawResult(WriteState.REFUSED, error=_not_sent(error))] * len(writes)
        done = 0
        while done < len(ready):
            if not requests.is_open(self._session.services):
                _refuse(ready[done:], results, UnreachableError())
                break
            part = ready[done : done + self._limit]
            failed = await self._send(part, results)
            code = code_of(failed) if failed is not None else None
            if code == Codes.BadTooManyOperations and len(part) > 1:
                self._limit = len(part) // 2
                continue
            done += len(part)
            if failed is not None and code not in _NOTHING_WAS_DONE:
                _refuse(ready[done:], results, failed)
                break
        written = [item for item in ready if _is_written(results[item.place])]
        await self._read_back(written, results)
        return [found or RawResult(WriteState.UNKNOWN) for found in results]

    async def _prepare(
        self,
        writes: Sequence[RawWrite],
        nodes: Sequence[ua.NodeId | SpindleError],
        results: list[RawResult | None],
    ) -> list[_Ready]:
        """What can be sent; the others get their result. Raises DeviceError."""
        await self._find_limit()
        homes = [node for node in nodes if isinstance(node, ua.NodeId)]
        types = await self._types.of(homes)
        ready = []
        for place, (write, node) in enumerate(zip(writes, nodes, strict=True)):
            try:
                if isinstance(node, SpindleError):
                    raise node
                kind = types[node].of(write.tag)
                ready.append(_Ready(place, write, node, kind, kind.value(write)))
            except SpindleError as error:
                results[place] = RawResult(WriteState.REFUSED, error=error)
        return ready

    async def _find_limit(self) -> None:
        if not self._limit:
            (data,) = await self._session.read([ua.NodeId(_MAX_WRITE)])
            good = data.StatusCode is None or data.StatusCode.is_good()
            found = data.Value.Value if good and data.Value is not None else None
            self._limit = found or DEFAULT_LIMIT

    async def _send(
        self, part: Sequence[_Ready], results: list[RawResult | None]
    ) -> DeviceError | None:
        """Write these once, and set their results. The error, when there was no answer to each."""
        started_s = self._clock.monotonic()
        wanted = ua.WriteParameters()
        wanted.NodesToWrite = [
            ua.WriteValue(
                item.node,
                ua.AttributeIds.Value,
                None,
                ua.DataValue(ua.Variant(item.value, item.kind.variant), None),
            )
            for item in part
        ]
        try:
            answer = await self._session.request(self._session.services.write(wanted))
        except DeviceError as error:
            self._record(part, error.message, started_s, good=False)
            sure = code_of(error) in _NOTHING_WAS_DONE
            state = WriteState.REFUSED if sure else WriteState.UNKNOWN
            for item in part:
                results[item.place] = RawResult(state, error=error)
            return error
        codes = [int(status.value) for status in answer or ()]
        if len(codes) != len(part):  # which of them is which?
            codes = [Codes.BadUnexpectedError] * len(part)
        for item, code in zip(part, codes, strict=True):
            results[item.place] = _result(item, code)
        said = sorted({words(code) for code in codes})
        self._record(part, ", ".join(said), started_s, good=not any(code >> 30 for code in codes))
        return None

    async def _read_back(self, written: Sequence[_Ready], results: list[RawResult | None]) -> None:
        """As the device has it now (MaxAge 0); what cannot be read stays written."""
        if not written:
            return
        try:
            answers = await self._session.read([item.node for item in written])
        except DeviceError as error:
            for item in written:
                results[item.place] = RawResult(WriteState.WRITTEN, error=error)
            return
        values = from_data_values(answers)
        for row, item in enumerate(written):
            tag = item.write.tag
            found = convert(values, np.array([row]), tag.data_type.wire, limits_of([tag]))
            if not is_bad(int(found.quality[0])):
                read = found.values.tolist()[0]
                results[item.place] = RawResult(WriteState.WRITTEN, read)

    def _record(self, part: Sequence[_Ready], answer: str, started_s: float, *, good: bool) -> None:
        if self._trace.on:
            shown = ", ".join(
                f"{item.write.tag.address} = {item.value!r} ({item.kind.variant.name})"
                for item in part[:5]
            )
            more = ", ..." if len(part) > 5 else ""
            self._trace.add(
                f"Write {len(part)} nodes: {shown}{more}", answer, good=good, started_s=started_s
            )


def _result(item: _Ready, code: int) -> RawResult:
    """What a status code of the server says about one value."""
    if code >> 30 < 2:
        return RawResult(WriteState.WRITTEN)
    tag = item.write.tag
    if code & CODE in _NOBODY_KNOWS:
        return RawResult(
            WriteState.UNKNOWN,
            error=WriteRefusedError(
                f"{tag.name}: the server says {words(code)}, so it may have been written or not.",
                hint="Look at the value as it is now before you write again.",
            ),
        )
    return RawResult(
        WriteState.REFUSED,
        error=WriteRefusedError(
            f"{tag.name}: the server refused the value: {words(code)}.",
            hint=_HINTS.get(code & CODE, WriteRefusedError.hint),
        ),
    )


def _refuse(rest: Sequence[_Ready], results: list[RawResult | None], error: DeviceError) -> None:
    for item in rest:
        results[item.place] = RawResult(WriteState.REFUSED, error=_not_sent(error))


def _is_written(result: RawResult | None) -> bool:
    return result is not None and result.state is WriteState.WRITTEN


def _not_sent(error: DeviceError) -> UnreachableError:
    return UnreachableError(f"Not sent: {error.message}", hint=error.hint)
