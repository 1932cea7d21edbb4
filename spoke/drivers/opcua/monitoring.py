"""Monitored items: what is asked for each tag, and what the server makes of it.

Sampling, queues and filters: OPC 10000-4, sections 5.13.1 and 7.22.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes as Codes

from schemas.config.devices import ManifestTag
from schemas.config.opcua import OpcUaConfig, OpcUaFilter
from schemas.kinds import Kind
from spoke.drivers.base import DriverContext
from spoke.drivers.opcua.planner import Item
from spoke.drivers.opcua.session import Session

FILTER_REFUSED = frozenset(
    {
        Codes.BadMonitoredItemFilterUnsupported,
        Codes.BadMonitoredItemFilterInvalid,
        Codes.BadFilterNotAllowed,
        Codes.BadDeadbandFilterInvalid,
    }
)
"""The server takes the item, but not with this filter."""
_TRIGGERS = {
    OpcUaFilter.STATUS: ua.DataChangeTrigger.Status,
    OpcUaFilter.STATUS_VALUE: ua.DataChangeTrigger.StatusValue,
    OpcUaFilter.STATUS_VALUE_TIME: ua.DataChangeTrigger.StatusValueTimestamp,
}
_NO_DEADBAND, _NO_FILTER = 1, 2


@dataclass(slots=True)
class Outcome:
    """Item index: the server's id of those it took, the status code of the others."""

    monitored: dict[int, int] = field(default_factory=dict)
    refused: dict[int, int] = field(default_factory=dict)


class Monitoring:
    """Creates and deletes the monitored items of a session. An item's handle is its index + 1."""

    def __init__(
        self,
        session: Session,
        settings: OpcUaConfig,
        context: DriverContext,
        items: Sequence[Item],
    ) -> None:
        self._session = session
        self._settings = settings
        self._clock, self._trace = context.clock, context.trace
        self._items = items
        self._plain: dict[int, int] = {}  # index: what the server did not take

    async def create(self, subscription: int, indexes: Sequence[int]) -> Outcome:
        """Create the items with these indexes. Raises DeviceError.

        A filter that the server does not take is left away: first the deadband, then all of it.
        """
        outcome = Outcome()
        limit = self._session.limits.items_per_call

        async def ask(part: Sequence[int]) -> list[Any]:
            return await self._create(subscription, part)

        pending = list(indexes)
        while pending:
            results = await self._session.in_chunks(pending, limit, ask)
            again = []
            for index, result in zip(pending, results, strict=True):
                code = int(result.StatusCode.value)
                if result.StatusCode.is_good():
                    outcome.monitored[index] = result.MonitoredItemId
                elif code in FILTER_REFUSED and self._plainer(index):
                    again.append(index)
                else:
                    outcome.refused[index] = code
            pending = again
        return outcome

    async def delete(self, subscription: int, monitored: Sequence[int]) -> None:
        """Raises DeviceError; an item that the server no longer has is none."""
        limit = self._session.limits.items_per_call

        async def ask(part: Sequence[int]) -> list[Any]:
            wanted = ua.DeleteMonitoredItemsParameters(subscription, list(part))
            results: list[Any] = await self._session.services.delete_monitored_items(wanted)
            return results

        await self._session.in_chunks(monitored, limit, ask)

    async def _create(self, subscription: int, indexes: Sequence[int]) -> list[Any]:
        started_s = self._clock.monotonic()
        wanted = ua.CreateMonitoredItemsParameters()
        wanted.SubscriptionId = subscription
        wanted.TimestampsToReturn = ua.TimestampsToReturn.Both
        wanted.ItemsToCreate = [self._request(index) for index in indexes]
        results: list[Any] = await self._session.services.create_monitored_items(wanted)
        if self._trace.on:
            taken = sum(result.StatusCode.is_good() for result in results)
            self._trace.add(
                f"Create {len(indexes)} monitored items in subscription {subscription}",
                f"{taken} taken, {len(results) - taken} refused",
                good=taken == len(indexes),
                started_s=started_s,
            )
        return results

    def _request(self, index: int) -> Any:
        item = self._items[index]
        request = ua.MonitoredItemCreateRequest()
        request.ItemToMonitor = ua.ReadValueId(item.node, ua.AttributeIds.Value)
        request.MonitoringMode = ua.MonitoringMode.Reporting
        asked = request.RequestedParameters
        asked.ClientHandle = index + 1
        asked.SamplingInterval = float(item.period_ms)
        # never fewer than the samples of two publishing intervals, else the server drops some
        samples = 2 * math.ceil(self._settings.publishing_ms / item.period_ms)
        asked.QueueSize = max(self._settings.queue_size, samples)
        asked.DiscardOldest = True
        asked.Filter = filter_of(self._settings.filter, self._deadband(index), self._level(index))
        return request

    def _deadband(self, index: int) -> float:
        return raw_deadband(self._items[index].tag, self._settings.filter)

    def _level(self, index: int) -> int:
        return self._plain.get(index, 0)

    def _plainer(self, index: int) -> bool:
        """Ask for less from now on; False when there was no filter."""
        before = filter_of(self._settings.filter, self._deadband(index), self._level(index))
        if before is None:
            return False
        self._plain[index] = _NO_DEADBAND if before.DeadbandValue else _NO_FILTER
        return True


def raw_deadband(tag: ManifestTag, trigger: OpcUaFilter) -> float:
    """The deadband in the device's own numbers; 0 where every change is wanted."""
    deadband = tag.deadband_in_unit
    if not deadband or trigger is OpcUaFilter.STATUS:
        return 0.0
    if tag.data_type.kind not in (Kind.INT, Kind.FLOAT):
        return 0.0
    scale, _ = tag.factors
    return deadband / abs(scale)


def filter_of(trigger: OpcUaFilter, deadband: float, level: int) -> Any:
    """The DataChangeFilter; None where the server's default, status or value, is meant."""
    if level >= _NO_DEADBAND:
        deadband = 0.0
    if level >= _NO_FILTER or (not deadband and trigger is OpcUaFilter.STATUS_VALUE):
        return None
    kind = ua.DeadbandType.Absolute if deadband else ua.DeadbandType.None_
    return ua.DataChangeFilter(_TRIGGERS[trigger], int(kind), deadband)
