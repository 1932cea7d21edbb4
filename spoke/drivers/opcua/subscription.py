"""One subscription on the server: its reports, its numbers, and noticing that it died.

The protocol's rules are in OPC 10000-4, section 5.14. asyncua's own Subscription class is not used:
it makes a task per value, its iterator drops values when its queue is full, and its publish loop
hides errors.
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator
from typing import Any

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes as Codes

from schemas.config.opcua import OpcUaConfig
from schemas.errors import DeviceError, DeviceTimeoutError
from spoke.clock import Clock
from spoke.drivers.opcua.answers import Report, report_of
from spoke.drivers.opcua.errors import NO_SUBSCRIPTIONS, code_of
from spoke.drivers.opcua.session import Session

log = logging.getLogger(__name__)

KEEP_ALIVE_MS = 1000
"""The server says within this time (or one publishing interval) that nothing has changed."""
ORPHAN_MS = 30_000
"""The server keeps a subscription whose client is gone for at least this time."""
_MISSED = 3
_MOST_MISSED = 1000
_LAST_NUMBER = 2**32 - 1  # then 1 again: OPC 10000-4, section 5.14.1.1


class Subscription:
    """Made by `open_subscription`."""

    def __init__(
        self, session: Session, clock: Clock, number: int, made: Any, timeout_s: float
    ) -> None:
        self.id = int(made.SubscriptionId)
        self.number = number
        """For people, from 1 on."""
        self.indexes: list[int] = []
        """The items that belong here."""
        self.publishing_ms = float(made.RevisedPublishingInterval)
        self._session = session
        self._clock = clock
        self._next_number = 0  # of the next report, 0 before the first
        self._gap_logged = False
        silence_s = self.publishing_ms / 1000 * max(made.RevisedMaxKeepAliveCount, 1)
        self._silence_limit_s = max(timeout_s, _MISSED * silence_s)
        self._heard_at_s = clock.monotonic()

    def start(self) -> None:
        """Silence counts from now on."""
        self._heard_at_s = self._clock.monotonic()

    def check(self) -> None:
        """Raises DeviceTimeoutError when the server has gone silent."""
        silent_s = self._clock.monotonic() - self._heard_at_s
        if silent_s > self._silence_limit_s:
            raise DeviceTimeoutError(
                f"{self._session.endpoint}: the subscription has been silent for "
                f"{silent_s:.0f} s, even without keep-alives."
            )

    def heard(self, report: Report) -> range:
        """Note a report; return the numbers of those that are missing before it."""
        self.start()
        expected, number = self._next_number, report.number
        if report.keep_alive:  # it carries the number of the next report
            self._next_number = number
        else:
            self._next_number = 1 if number == _LAST_NUMBER else number + 1
        if not expected or expected >= number:
            return range(0)
        return range(expected, min(number, expected + _MOST_MISSED))

    async def fetch(self, numbers: range) -> AsyncIterator[Report]:
        """Ask again for reports that are missing; say so when they are gone. Raises DeviceError."""
        for number in numbers:
            try:
                message = await self._session.request(
                    self._session.services.republish(self.id, number)
                )
            except DeviceError as error:
                if code_of(error) != Codes.BadMessageNotAvailable:
                    raise
                self._log_gap(number)
                continue
            yield report_of(self.id, message)

    def _log_gap(self, number: int) -> None:
        if not self._gap_logged:
            log.warning(
                "%s: report %d of the subscription is missing; changes were lost",
                self._session.endpoint,
                number,
                extra={"action": "opcua_report_lost"},
            )
        self._gap_logged = True


async def open_subscription(
    session: Session, settings: OpcUaConfig, clock: Clock, number: int
) -> Subscription | None:
    """A new subscription; None when the server has none for us. Raises DeviceError."""
    services = session.services
    services.ensure_publish_loop = _nothing  # the library would start a task of its own
    try:
        made = await session.request(services.create_subscription(_wanted(settings), _nothing))
    except DeviceError as error:
        if code_of(error) in NO_SUBSCRIPTIONS:
            return None
        raise
    return Subscription(session, clock, number, made, settings.timeout_s)


def _wanted(settings: OpcUaConfig) -> Any:
    interval_ms = settings.publishing_ms
    keep_alive = max(1, math.ceil(KEEP_ALIVE_MS / interval_ms))
    wanted = ua.CreateSubscriptionParameters()
    wanted.RequestedPublishingInterval = float(interval_ms)
    wanted.RequestedMaxKeepAliveCount = keep_alive
    # at least three times the keep-alive count: OPC 10000-4, section 5.14.2.2
    wanted.RequestedLifetimeCount = max(10 * keep_alive, math.ceil(ORPHAN_MS / interval_ms))
    return wanted


def _nothing(*_: Any) -> None:
    """In place of the library's publish loop and its callback."""
