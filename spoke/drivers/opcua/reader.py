"""Polling: the values of a group's nodes in as few requests as the server takes."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.errors import DeviceError, ProtocolError
from schemas.messages.diagnosis import PlannedRequest
from spoke.drivers.base import DriverContext
from spoke.drivers.opcua import requests
from spoke.drivers.opcua.answers import Answers
from spoke.drivers.opcua.errors import TOO_LARGE, code_of
from spoke.drivers.opcua.planner import GroupPlan, Item
from spoke.drivers.opcua.session import Session
from spoke.drivers.opcua.values import Values, joined

_OVERHEAD_BYTES = 2  # of a good value without times: mask and type
_TEXT_BYTES = 20  # a guess


@dataclass(frozen=True, slots=True)
class _Request:
    """Encoded once, sent each scan."""

    items: tuple[Item, ...]
    parameters: bytes


class Reader:
    def __init__(self, session: Session, answers: Answers, context: DriverContext) -> None:
        self._session = session
        self._answers = answers
        self._clock, self._trace = context.clock, context.trace
        self._limit = 0  # nodes per request; 0 until the server's is known
        self._requests: dict[GroupPlan, list[_Request]] = {}

    async def read(self, plan: GroupPlan) -> Values:
        """The values of the plan's items. Raises DeviceError.

        A server that refuses the size of a request, whatever limit it named, gets half of it.
        """
        parts: list[Values] = []
        done = 0
        while done < len(parts_of := self._of(plan)):
            try:
                parts.append(await self._ask(parts_of[done]))
            except DeviceError as error:
                count = len(parts_of[done].items)
                if count == 1 or code_of(error) not in TOO_LARGE:
                    raise
                self._halve(plan, done, count // 2)
                continue
            done += 1
        return joined(parts)

    def planned(self, plan: GroupPlan) -> list[PlannedRequest]:
        """What a scan asks for."""
        return [
            PlannedRequest(
                f"read {len(request.items)} nodes", len(request.items), answer_bytes(request.items)
            )
            for request in self._of(plan)
        ]

    def _of(self, plan: GroupPlan) -> list[_Request]:
        found = self._requests.get(plan)
        if found is None:
            self._limit = self._limit or self._session.limits.nodes_per_read
            found = self._requests[plan] = _cut(plan.items, self._limit)
        return found

    def _halve(self, plan: GroupPlan, done: int, limit: int) -> None:
        """Cut what is not yet read into smaller requests; what was read stays as it is for now."""
        self._limit = min(self._limit, limit)
        found = self._requests[plan]
        rest = tuple(item for request in found[done:] for item in request.items)
        found[done:] = _cut(rest, limit)

    async def _ask(self, request: _Request) -> Values:
        started_s = self._clock.monotonic()
        count = len(request.items)
        try:
            body = await self._session.request(
                requests.read(self._session.services, request.parameters)
            )
            with self._session.errors():
                values = self._answers.values(body)
        except DeviceError as error:
            if self._trace.on:
                words = f"Read {count} nodes"
                self._trace.add(words, error.message, good=False, started_s=started_s)
            raise
        if len(values) != count:
            raise ProtocolError(
                f"{self._session.endpoint} answered {len(values)} of {count} nodes of a request."
            )
        if self._trace.on:
            bad = int((values.status >> 30 > 1).sum())
            self._trace.add(
                f"Read {count} nodes: {_some(request.items)}",
                f"{count} values, {bad} of them bad",
                good=not bad,
                started_s=started_s,
                sent=request.parameters,
                received=body,
            )
        return values


def answer_bytes(items: tuple[Item, ...], overhead: int = _OVERHEAD_BYTES) -> int:
    """About how many bytes their values take in an answer, each with so much around it."""
    return sum(overhead + _WIDTHS.get(item.tag.data_type.wire[1:], _TEXT_BYTES) for item in items)


_WIDTHS = {"b1": 1, "i1": 1, "u1": 1, "i2": 2, "u2": 2, "i4": 4, "u4": 4, "i8": 8, "f4": 4, "f8": 8}


def _cut(items: tuple[Item, ...], limit: int) -> list[_Request]:
    parts = [items[start : start + limit] for start in range(0, len(items), limit)]
    return [_Request(part, requests.encode_nodes([item.node for item in part])) for part in parts]


def _some(items: tuple[Item, ...]) -> str:
    shown = ", ".join(item.tag.address for item in items[:5])
    return f"{shown}, ..." if len(items) > 5 else shown
