"""The subscription of one session: monitored items, publishing, and noticing that it died.

The protocol's rules are in OPC 10000-4, sections 5.13 and 5.14. asyncua's own Subscription class is
not used: it makes a task per value, its iterator drops values when its queue is full, and its
publish loop hides errors. Here publish requests are awaited one by one, a report is turned into
frames at once, and every error ends the driver.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes as Codes

from schemas.config.drivers import OpcUaConfig
from schemas.errors import DeviceError, DeviceTimeoutError, UnreachableError
from spoke.clock import Clock
from spoke.drivers.opcua.errors import NO_ROOM, NO_SUBSCRIPTIONS, code_of
from spoke.drivers.opcua.planner import GroupPlan, Item
from spoke.drivers.opcua.reports import Change, Reporter
from spoke.drivers.opcua.session import Session

log = logging.getLogger(__name__)

PUBLISHERS = 3
"""Publish requests that wait at the server at the same time, so that it can always report."""
KEEP_ALIVE_MS = 1000
"""The server says within this time (or one publishing interval) that nothing has changed."""
ORPHAN_MS = 30_000
"""The server keeps a subscription whose client is gone for at least this time."""
RECHECK_S = 60.0
"""How often items that the server refused are asked for again: a PLC program may bring them."""
_MISSED = 3
_MOST_MISSED = 1000
_LAST_NUMBER = 2**32 - 1  # then 1 again: OPC 10000-4, section 5.14.1.1


class Subscription:
    """One subscription on the server, with the items of all groups that it takes."""

    def __init__(
        self, session: Session, settings: OpcUaConfig, clock: Clock, reporter: Reporter
    ) -> None:
        self._session = session
        self._settings = settings
        self._clock = clock
        self._reporter = reporter
        self._id = 0
        self._items: list[Item] = []  # an item's client handle is its index + 1
        self._refused: dict[int, int] = {}  # index: status code
        self._acks: list[ua.SubscriptionAcknowledgement] = []
        self._next_number = 0  # of the next report, 0 before the first
        self._gap_logged = False
        self._publishers = 0
        self._silence_limit_s = math.inf
        self._heard_at_s = 0.0
        self._recheck_at_s = math.inf

    async def create(self, plans: Sequence[GroupPlan]) -> list[GroupPlan]:
        """Create the subscription; return the groups whose items the server monitors now.

        Nothing is reported before `publish`. Empty when the server has no subscription for us.
        Raises DeviceError.
        """
        services = self._session.services
        services.ensure_publish_loop = _nothing  # the library would start a task of its own
        try:
            made = await self._session.request(
                services.create_subscription(self._wanted(), _nothing)
            )
        except DeviceError as error:
            if code_of(error) in NO_SUBSCRIPTIONS:
                return []
            raise
        self._id = made.SubscriptionId
        silence_s = made.RevisedPublishingInterval / 1000 * max(made.RevisedMaxKeepAliveCount, 1)
        self._silence_limit_s = max(self._settings.timeout_s, _MISSED * silence_s)
        taken = [plan for plan in plans if await self._take_group(plan)]
        if not taken:
            await self._session.request(services.delete_subscriptions([self._id]))
        self._heard_at_s = self._clock.monotonic()
        self._recheck_at_s = self._heard_at_s + RECHECK_S
        return taken

    async def publish(self) -> None:
        """Ask for reports and emit them, for ever; PUBLISHERS of these run at the same time.

        Ends when the server takes fewer publish requests. Raises DeviceError.
        """
        self._publishers += 1
        while True:
            acks, self._acks = self._acks, []
            try:
                response = await self._session.request(self._session.services.publish(acks))
            except DeviceError as error:
                if code_of(error) == Codes.BadTimeout:
                    continue  # the server answers a request that it held for too long
                if code_of(error) != Codes.BadTooManyPublishRequests or self._publishers == 1:
                    raise
                self._publishers -= 1
                self._acks = acks + self._acks
                return
            await self._handle(response.Parameters)

    async def check(self) -> None:
        """To be called every second. Raises DeviceError when the server has gone silent."""
        now = self._clock.monotonic()
        if now - self._heard_at_s > self._silence_limit_s:
            raise DeviceTimeoutError(
                f"{self._session.endpoint}: the subscription has been silent for "
                f"{now - self._heard_at_s:.0f} s, even without keep-alives."
            )
        if now >= self._recheck_at_s:
            self._recheck_at_s = now + RECHECK_S
            await self._monitor(list(self._refused))

    def report_refused(self) -> None:
        """Emit a BAD value for each item that the server refused."""
        self._reporter.report(
            (self._items[index], ua.DataValue(StatusCode=ua.StatusCode(code)))
            for index, code in self._refused.items()
        )

    async def _take_group(self, plan: GroupPlan) -> bool:
        """Monitor a group's items; False, and none monitored, when the server has no room."""
        start = len(self._items)
        self._items.extend(plan.items)
        indexes = range(start, len(self._items))
        try:
            monitored = await self._monitor(indexes)
        except DeviceError as error:
            if code_of(error) not in NO_ROOM:
                raise
            monitored = []
        else:
            if not any(self._refused.get(index) in NO_ROOM for index in indexes):
                return True
        for index in indexes:
            self._refused.pop(index, None)
        if monitored:
            wanted = ua.DeleteMonitoredItemsParameters(self._id, monitored)
            await self._session.request(self._session.services.delete_monitored_items(wanted))
        return False

    async def _monitor(self, indexes: Sequence[int]) -> list[int]:
        """Create the items with these indexes; return the server's ids of those it took."""
        limit = self._session.limits.items_per_call
        results = await self._session.in_chunks(indexes, limit, self._create_items)
        monitored = []
        for index, result in zip(indexes, results, strict=True):
            if result.StatusCode.is_good():
                monitored.append(result.MonitoredItemId)
                self._refused.pop(index, None)
            else:
                self._refused[index] = result.StatusCode.value
        return monitored

    async def _create_items(self, indexes: Sequence[int]) -> list[Any]:
        wanted = ua.CreateMonitoredItemsParameters()
        wanted.SubscriptionId = self._id
        wanted.TimestampsToReturn = ua.TimestampsToReturn.Both
        wanted.ItemsToCreate = [self._item_request(index) for index in indexes]
        results: list[Any] = await self._session.services.create_monitored_items(wanted)
        return results

    def _item_request(self, index: int) -> Any:
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
        return request

    def _wanted(self) -> Any:
        interval_ms = self._settings.publishing_ms
        keep_alive = max(1, math.ceil(KEEP_ALIVE_MS / interval_ms))
        wanted = ua.CreateSubscriptionParameters()
        wanted.RequestedPublishingInterval = float(interval_ms)
        wanted.RequestedMaxKeepAliveCount = keep_alive
        # at least three times the keep-alive count: OPC 10000-4, section 5.14.2.2
        wanted.RequestedLifetimeCount = max(10 * keep_alive, math.ceil(ORPHAN_MS / interval_ms))
        return wanted

    async def _handle(self, result: Any) -> None:
        message = result.NotificationMessage
        self._heard_at_s = self._clock.monotonic()
        expected, number = self._next_number, message.SequenceNumber
        if not message.NotificationData:  # a keep-alive carries the number of the next report
            self._next_number = number
        else:
            self._next_number = 1 if number == _LAST_NUMBER else number + 1
            self._acks.append(ua.SubscriptionAcknowledgement(self._id, number))
        if expected and expected < number:
            await self._fetch_missed(expected, number)
        self._emit(message)

    async def _fetch_missed(self, first: int, end: int) -> None:
        """Ask again for the reports from `first` until before `end`; say so when they are gone."""
        for number in range(first, min(end, first + _MOST_MISSED)):
            try:
                message = await self._session.request(
                    self._session.services.republish(self._id, number)
                )
            except DeviceError as error:
                if code_of(error) != Codes.BadMessageNotAvailable:
                    raise
                if not self._gap_logged:
                    log.warning(
                        "%s: report %d of the subscription is missing; changes were lost",
                        self._session.endpoint,
                        number,
                        extra={"action": "opcua_report_lost"},
                    )
                self._gap_logged = True
                continue
            self._acks.append(ua.SubscriptionAcknowledgement(self._id, number))
            self._emit(message)

    def _emit(self, message: Any) -> None:
        changes: list[Change] = []
        for part in message.NotificationData or ():
            if isinstance(part, ua.DataChangeNotification):
                changes.extend(
                    (self._items[item.ClientHandle - 1], item.Value)
                    for item in part.MonitoredItems or ()
                )
            elif isinstance(part, ua.StatusChangeNotification):
                raise UnreachableError(
                    f"{self._session.endpoint}: the server ended the subscription "
                    f"({part.Status.name})."
                )
        if changes:
            self._reporter.report(changes)


def _nothing(*_: Any) -> None:
    """In place of the library's publish loop and its callback."""
