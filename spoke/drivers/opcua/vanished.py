"""Items that the server does not (or no longer) have: reported as BAD, and asked for again.

A PLC program that is loaded anew takes its variables away for a moment. Some servers report that
(BadNodeIdUnknown), some just fall silent: so items of which nothing is heard are read now and then.
What was read of a tag with a deadband is also reported when it has been silent for ten minutes:
that is promised of deadbands (`schemas/config/devices.py`), and the server keeps small changes to
itself.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence

import numpy as np
from asyncua.ua.status_codes import StatusCodes as Codes
from numpy.typing import NDArray

from schemas.errors import ProtocolError
from spoke.clock import Clock
from spoke.drivers.opcua import requests
from spoke.drivers.opcua.answers import Answers, Changes, refused
from spoke.drivers.opcua.monitoring import Monitoring, Outcome
from spoke.drivers.opcua.reports import Reporter
from spoke.drivers.opcua.session import Session
from spoke.drivers.opcua.statuses import CODE, GOOD, SEVERITY_SHIFT
from spoke.drivers.opcua.subscription import Subscription
from spoke.drivers.opcua.values import picked

FIRST_RECHECK_S, RECHECK_S = 5.0, 60.0
"""How soon, and in the end how often, missing items are asked for again."""
AUDIT_S = 10.0
"""How often some of the items of which nothing was heard are read."""
REFRESH_S = 600.0
"""Tags with a deadband are reported at least so often."""
_AUDIT_NODES = 200
_GONE = np.array([Codes.BadNodeIdUnknown, Codes.BadNodeIdInvalid], np.uint32)


class Vanished:
    def __init__(
        self,
        session: Session,
        clock: Clock,
        monitoring: Monitoring,
        reporter: Reporter,
        answers: Answers,
    ) -> None:
        self._session = session
        self._clock = clock
        self._monitoring = monitoring
        self._reporter = reporter
        self._answers = answers
        self._of: dict[int, Subscription] = {}
        self._monitored: dict[int, int] = {}  # index: the server's id
        self._missing: dict[int, int] = {}  # index: status code
        count = len(reporter.items)
        self._heard_s = np.full(count, clock.monotonic())
        self._audited_s = np.zeros(count)
        self._promised = np.array(
            [item.tag.deadband is not None for item in reporter.items.all], np.bool_
        )
        self._recheck_s = FIRST_RECHECK_S
        self._recheck_at_s = self._audit_at_s = math.inf

    def created(self, outcome: Outcome) -> None:
        self._monitored |= outcome.monitored
        self._missing |= outcome.refused

    def start(self, subscriptions: Sequence[Subscription]) -> None:
        """When all items are created."""
        self._of = {index: found for found in subscriptions for index in found.indexes}
        now_s = self._clock.monotonic()
        self._recheck_at_s, self._audit_at_s = now_s + self._recheck_s, now_s + AUDIT_S

    def report(self) -> None:
        """Emit a BAD value for each missing item."""
        self._reporter.report(
            refused([index + 1 for index in self._missing], list(self._missing.values()))
        )

    def note(self, changes: Changes) -> None:
        """Look for items in a report that the server no longer has."""
        self._heard_s[changes.handles.astype(np.intp) - 1] = self._clock.monotonic()
        if not changes.values.status.any():
            return
        codes = changes.values.status & CODE
        for row in np.flatnonzero(np.isin(codes, _GONE)).tolist():
            self._miss(int(changes.handles[row]) - 1, int(codes[row]))

    async def check(self) -> None:
        """Ask again when it is time to. Raises DeviceError."""
        now_s = self._clock.monotonic()
        if now_s >= self._recheck_at_s:
            await self._ask_again()
            self._recheck_s = min(2 * self._recheck_s, RECHECK_S)
            self._recheck_at_s = now_s + self._recheck_s
        if now_s >= self._audit_at_s:
            self._audit_at_s = now_s + AUDIT_S
            await self._audit()

    def _miss(self, index: int, code: int) -> None:
        if index not in self._of:
            return  # given back, and polled
        if index not in self._missing:
            self._recheck_s = FIRST_RECHECK_S
            again_at_s = self._clock.monotonic() + FIRST_RECHECK_S
            self._recheck_at_s = min(self._recheck_at_s, again_at_s)
        self._missing[index] = code

    async def _ask_again(self) -> None:
        """Create the missing items anew, each in its subscription."""
        by_subscription: dict[Subscription, list[int]] = {}
        for index in self._missing:
            by_subscription.setdefault(self._of[index], []).append(index)
        for subscription, indexes in by_subscription.items():
            old = [self._monitored.pop(index) for index in indexes if index in self._monitored]
            with contextlib.suppress(ProtocolError):  # the server may have dropped it already
                await self._monitoring.delete(subscription.id, old)
            self._reporter.clocks.renew(np.array(indexes, np.intp), self._clock.time_ns())
            before = {index: self._missing.pop(index) for index in indexes}
            try:  # the first report may come before the answer
                outcome = await self._monitoring.create(subscription.id, indexes)
            except ProtocolError:  # for example in the middle of loading a program
                self._missing |= before
                continue
            self._monitored |= outcome.monitored
            self._missing |= outcome.refused

    async def _audit(self) -> None:
        """Read items of which nothing was heard since the last time; some at a time."""
        started_s = self._clock.monotonic()
        quiet = self._quiet(started_s - AUDIT_S)
        if not quiet.size:
            return
        self._audited_s[quiet] = started_s
        nodes = [self._reporter.items.all[index].node for index in quiet.tolist()]
        try:
            body = await self._session.request(
                requests.read(self._session.services, requests.encode_nodes(nodes))
            )
            with self._session.errors():
                values = self._answers.values(body)
        except ProtocolError:
            return  # what the server says to this must not end its subscriptions
        if len(values) != quiet.size:
            return
        codes = values.status & CODE
        gone = np.flatnonzero(np.isin(codes, _GONE))
        if gone.size:
            lost = refused((quiet[gone] + 1).tolist(), codes[gone].tolist())
            self._reporter.report(lost)
            self.note(lost)
        # what was reported in the meantime is newer than what was read
        due = self._promised[quiet] & (self._heard_s[quiet] <= started_s - REFRESH_S)
        rows = np.flatnonzero(due & (values.status >> SEVERITY_SHIFT == GOOD))
        if rows.size:
            again = Changes((quiet[rows] + 1).astype(np.uint32), picked(values, rows))
            self._reporter.report(again)
            self.note(again)

    def _quiet(self, since_s: float) -> NDArray[np.intp]:
        """Items that were not heard or read since then, the longest silent first."""
        there = np.array(sorted(self._monitored.keys() - self._missing.keys()), np.intp)
        seen_s = np.maximum(self._heard_s[there], self._audited_s[there])
        oldest = np.argsort(seen_s, kind="stable")
        most = min(_AUDIT_NODES, self._session.limits.nodes_per_read)
        quiet: NDArray[np.intp] = there[oldest[seen_s[oldest] <= since_s][:most]]
        return quiet
