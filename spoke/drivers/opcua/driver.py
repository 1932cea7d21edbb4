"""The OPC UA driver: subscriptions first, polling where the server has none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.config.drivers import OpcUaConfig, OpcUaMode
from schemas.errors import SpindleError
from schemas.frames import Frame
from schemas.quality import Quality
from spoke.clock import Clock
from spoke.drivers.base import Column, GroupLayout, scan_frame
from spoke.drivers.opcua.codec import GOOD, Value, column, decode, rule_for
from spoke.drivers.opcua.planner import GroupPlan, plan
from spoke.drivers.opcua.reports import Emit, Reporter
from spoke.drivers.opcua.session import Session
from spoke.drivers.opcua.subscription import PUBLISHERS, Subscription

_CHECK_S = 0.5


class OpcUaDriver:
    """One session with one server. Implements Driver and Subscribes (`spoke/drivers/base.py`).

    `watch` does the work that goes on after connect (publishing, keep-alives, renewal of the secure
    channel), so it must run also when every group is polled: without it a session in which nothing
    is read for two minutes is ended by the server.
    """

    def __init__(self, settings: OpcUaConfig, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._session = Session(settings, clock)
        self._plans: dict[GroupLayout, GroupPlan] = {}
        self._problems: dict[int, SpindleError] = {}
        self._reporter: Reporter | None = None
        self._subscription: Subscription | None = None
        self._subscribed: list[GroupPlan] = []

    @property
    def problems(self) -> Mapping[int, SpindleError]:
        """What is wrong with single tags now; lost changes stay listed until the next connect."""
        lost = self._reporter.lost if self._reporter is not None else {}
        return {**lost, **self._problems} if lost else self._problems

    async def connect(self, groups: Sequence[GroupLayout]) -> None:
        """Connect, log in, and look up each tag's node. Raises DeviceError, with all closed."""
        await self._session.open(max((group.period_ms for group in groups), default=0))
        plans, problems = plan(groups, self._session.namespaces)
        self._plans = {found.layout: found for found in plans}
        self._problems.update(problems)

    async def read(self, group: GroupLayout) -> list[Frame]:
        """One scan of a polled group, in as few requests as the server takes."""
        found = self._plans[group]
        await self._session.renew_when_due()
        answers = await self._session.read([item.node for item in found.items])
        time_ns = self._clock.time_ns()
        values: list[list[Value]] = [
            [rule_for(tag).blank for tag in part.tags] for part in group.columns
        ]
        quality = [
            np.full(len(part.tags), Quality.BAD_CONFIG_ERROR, dtype=np.uint8)
            for part in group.columns
        ]
        for item, data in zip(found.items, answers, strict=True):
            value, code, problem = decode(item.rule, data)
            values[item.column][item.position] = value
            quality[item.column][item.position] = code
            if problem is not None:
                self._problems[item.rule.tag.id] = problem
            elif self._problems:
                self._problems.pop(item.rule.tag.id, None)
        return [
            _frame(part, columns, codes, time_ns)
            for part, columns, codes in zip(group.columns, values, quality, strict=True)
        ]

    async def subscribe(self, groups: Sequence[GroupLayout], emit: Emit) -> frozenset[str]:
        """Subscribe; the groups that are not returned are to be polled. `watch` emits."""
        if self._settings.mode is OpcUaMode.POLL:
            return frozenset()
        plans = [self._plans[group] for group in groups]
        self._reporter = Reporter(list(self._plans), self._problems, emit, self._clock)
        subscription = Subscription(self._session, self._settings, self._clock, self._reporter)
        self._subscribed = await subscription.create(plans)
        if self._subscribed:
            self._subscription = subscription
        return frozenset(found.layout.name for found in self._subscribed)

    async def watch(self) -> None:
        """Publish and keep the session alive; never returns. Raises DeviceError."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._check())
                if self._subscription is not None and self._reporter is not None:
                    self._reporter.refuse(self._subscribed)
                    self._subscription.report_refused()
                    for _ in range(PUBLISHERS):
                        tasks.create_task(self._subscription.publish())
        except BaseExceptionGroup as group:
            raise _cause(group) from group

    async def close(self) -> None:
        """Log out if the server answers within a second, and close."""
        await self._session.close()

    async def _check(self) -> None:
        while True:
            await self._clock.sleep(_CHECK_S)
            await self._session.keep_alive()
            if self._subscription is not None:
                await self._subscription.check()


def _frame(part: Column, values: Sequence[Value], codes: NDArray[np.uint8], time_ns: int) -> Frame:
    all_good = bool((codes == GOOD).all())
    return scan_frame(part, column(part.wire, values), time_ns, None if all_good else codes)


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error in a task group: the others are the same loss seen by the other tasks."""
    first = group.exceptions[0]
    return _cause(first) if isinstance(first, BaseExceptionGroup) else first
