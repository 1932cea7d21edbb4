"""All subscriptions of a session: which items are in which, and the publish requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes as Codes

from schemas.config.opcua import OpcUaConfig
from schemas.errors import DeviceError, UnreachableError
from schemas.messages.diagnosis import PlannedRequest
from spoke.drivers.base import DriverContext
from spoke.drivers.opcua import requests
from spoke.drivers.opcua.answers import Answers, Report
from spoke.drivers.opcua.errors import NO_ROOM, code_of
from spoke.drivers.opcua.monitoring import Monitoring, Outcome
from spoke.drivers.opcua.planner import GroupPlan
from spoke.drivers.opcua.reader import answer_bytes
from spoke.drivers.opcua.reports import Reporter
from spoke.drivers.opcua.session import Session
from spoke.drivers.opcua.subscription import Subscription, open_subscription
from spoke.drivers.opcua.vanished import Vanished

SPARE_PUBLISHERS = 2
"""Publish requests that wait at the server, beyond one for each subscription, so that it can
always report."""
MAX_PUBLISHERS = 20
_CHANGE_BYTES = 4 + 2 + 16  # handle, mask and type, two times


class Subscriptions:
    def __init__(
        self,
        session: Session,
        settings: OpcUaConfig,
        context: DriverContext,
        reporter: Reporter,
        answers: Answers,
    ) -> None:
        self._session = session
        self._settings = settings
        self._clock, self._trace = context.clock, context.trace
        self._reporter = reporter
        self._answers = answers
        self._monitoring = Monitoring(session, settings, context, reporter.items.all)
        self._all: list[Subscription] = []
        self._no_more = False
        self._acks: list[Any] = []
        self._publishers = 0
        self._vanished = Vanished(session, self._clock, self._monitoring, reporter, answers)

    @property
    def publishers(self) -> int:
        """How many `publish` are to run."""
        return min(len(self._all) + SPARE_PUBLISHERS, MAX_PUBLISHERS)

    async def create(self, plans: Sequence[GroupPlan]) -> list[GroupPlan]:
        """Subscribe; return the groups whose items the server monitors now.

        Nothing is reported before `publish`. Empty when the server has no subscription for us.
        Raises DeviceError.
        """
        if await self._another() is None:
            return []
        taken = [plan for plan in plans if await self._take_group(plan)]
        kept = [found for found in self._all if found.indexes] or self._all[:1]
        unused = [found.id for found in self._all if not taken or found not in kept]
        if unused:
            await self._session.request(self._session.services.delete_subscriptions(unused))
        self._all = kept if taken else []
        for found in self._all:
            found.start()
        self._vanished.start(self._all)
        return taken

    def planned(self, plan: GroupPlan) -> list[PlannedRequest]:
        """In which subscriptions the items of a group are."""
        found = []
        for subscription in self._all:
            ours = [index for index in subscription.indexes if index in plan.indexes]
            if ours:
                words = (
                    f"subscription {subscription.number}: {len(ours)} items, "
                    f"publishing {subscription.publishing_ms:g} ms"
                )
                items = tuple(self._reporter.items.all[index] for index in ours)
                found.append(PlannedRequest(words, len(ours), answer_bytes(items, _CHANGE_BYTES)))
        return found

    def report_refused(self) -> None:
        """Emit a BAD value for each item that the server refused."""
        self._vanished.report()

    async def publish(self) -> None:
        """Ask for reports and emit them, for ever; `publishers` of these run at the same time.

        Ends when the server takes fewer publish requests. Raises DeviceError.
        """
        self._publishers += 1
        while True:
            acks, self._acks = self._acks, []
            started_s = self._clock.monotonic()
            try:
                body = await self._session.request(requests.publish(self._session.services, acks))
                with self._session.errors():
                    report = self._answers.report(body)
            except DeviceError as error:
                if code_of(error) == Codes.BadTimeout:
                    continue  # the server answers a request that it held for too long
                if code_of(error) != Codes.BadTooManyPublishRequests or self._publishers == 1:
                    raise
                self._publishers -= 1
                self._acks = acks + self._acks
                return
            if self._trace.on:
                self._record(report, len(acks), started_s, body)
            await self._handle(report)

    async def check(self) -> None:
        """To be called every second. Raises DeviceError when the server has gone silent."""
        for found in self._all:
            found.check()

    async def ask_again(self) -> None:
        """To be called every second: missing and silent items. Raises DeviceError."""
        await self._vanished.check()

    async def _another(self) -> Subscription | None:
        made = await open_subscription(
            self._session, self._settings, self._clock, len(self._all) + 1
        )
        if made is None:
            self._no_more = True
        else:
            self._all.append(made)
        return made

    async def _with_room(self) -> tuple[Subscription, int]:
        """The subscription for the next items, and how many of them."""
        room = self._settings.items_per_subscription - len(self._all[-1].indexes)
        if room <= 0 and not self._no_more:
            await self._another()
            room = self._settings.items_per_subscription - len(self._all[-1].indexes)
        if room <= 0:  # the server has no more subscriptions, so the last one takes them all
            room = len(self._reporter.items)
        return self._all[-1], room

    async def _take_group(self, plan: GroupPlan) -> bool:
        """Monitor a group's items; False, and none monitored, when the server has no room."""
        rest = list(plan.indexes)
        taken: list[tuple[Subscription, Outcome]] = []
        while rest:
            subscription, room = await self._with_room()
            part, rest = rest[:room], rest[room:]
            now_ns = self._clock.time_ns()
            self._reporter.clocks.renew(np.array(part, np.intp), now_ns)
            try:
                outcome = await self._monitoring.create(subscription.id, part)
            except DeviceError as error:
                if code_of(error) not in NO_ROOM:
                    raise
                outcome = Outcome(refused=dict.fromkeys(part, code_of(error)))
            subscription.indexes += part
            taken.append((subscription, outcome))
            if any(code in NO_ROOM for code in outcome.refused.values()):
                self._reporter.mute(plan.indexes)
                await self._give_back(taken)
                return False
        for _, outcome in taken:
            self._vanished.created(outcome)
        return True

    async def _give_back(self, taken: Sequence[tuple[Subscription, Outcome]]) -> None:
        for subscription, outcome in taken:
            gone = {*outcome.monitored, *outcome.refused}
            subscription.indexes = [index for index in subscription.indexes if index not in gone]
            if outcome.monitored:
                await self._monitoring.delete(subscription.id, list(outcome.monitored.values()))

    async def _handle(self, report: Report) -> None:
        found = next((item for item in self._all if item.id == report.subscription), None)
        if found is None:
            return  # one that was deleted
        missing = found.heard(report)
        if not report.keep_alive:
            self._acknowledge(found, report)
        if missing:
            async for missed in found.fetch(missing):
                self._acknowledge(found, missed)
                self._emit(missed)
        self._emit(report)

    def _acknowledge(self, subscription: Subscription, report: Report) -> None:
        self._acks.append(ua.SubscriptionAcknowledgement(subscription.id, report.number))

    def _emit(self, report: Report) -> None:
        if report.ended:
            raise UnreachableError(
                f"{self._session.endpoint}: the server ended the subscription ({report.ended})."
            )
        for changes in report.changes:
            self._reporter.report(changes)
            self._vanished.note(changes)

    def _record(self, report: Report, acks: int, started_s: float, body: bytes) -> None:
        number = next((item.number for item in self._all if item.id == report.subscription), 0)
        count = sum(map(len, report.changes))
        words = "keep-alive" if report.keep_alive else f"report {report.number}, {count} changes"
        if report.ended:
            words = f"ended with {report.ended}"
        self._trace.add(
            f"Publish, {acks} reports acknowledged",
            f"subscription {number}: {words}",
            good=not report.ended,
            started_s=started_s,
            received=body,
        )
