"""The OPC UA driver: subscriptions first, polling where the server has none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from asyncua import ua

from schemas.config.opcua import OpcUaConfig, OpcUaMode
from schemas.errors import SpindleError
from schemas.frames import Frame
from schemas.messages.browsing import BrowseReply, DiscoverReply
from schemas.messages.diagnosis import PlannedRequest
from spoke.drivers.base import DriverContext, GroupLayout, RawResult, RawWrite
from spoke.drivers.opcua.answers import Answers
from spoke.drivers.opcua.browsing import browse
from spoke.drivers.opcua.discovery import discover
from spoke.drivers.opcua.planner import GroupPlan, plan
from spoke.drivers.opcua.publishing import Subscriptions
from spoke.drivers.opcua.reader import Reader
from spoke.drivers.opcua.reports import Emit, Reporter
from spoke.drivers.opcua.session import Session
from spoke.drivers.opcua.writing import NodeWriter

_CHECK_S = 0.5


class OpcUaDriver:
    """One session with one server. Implements Driver, Subscribes, Explains, Writes and Browses
    (`spoke/drivers/base.py`).

    `watch` does the work that goes on after connect (publishing, keep-alives, renewal of the secure
    channel), so it must run also when every group is polled: without it a session in which nothing
    is read for two minutes is ended by the server.
    """

    def __init__(self, settings: OpcUaConfig, context: DriverContext) -> None:
        self._settings = settings
        self._context = context
        self._clock = context.clock
        self._session = Session(settings, context)
        self._answers = Answers()
        self._reader = Reader(self._session, self._answers, context)
        self._writer = NodeWriter(self._session, context)
        self._plans: dict[GroupLayout, GroupPlan] = {}
        self._nodes: dict[int, ua.NodeId] = {}
        self._problems: dict[int, SpindleError] = {}
        self._reporter: Reporter | None = None
        self._subscriptions: Subscriptions | None = None
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
        self._nodes = {item.tag.id: item.node for found in plans for item in found.items}
        self._problems.update(problems)
        self._reporter = Reporter(groups, plans, self._problems, self._clock)

    async def read(self, group: GroupLayout) -> list[Frame]:
        """One scan of a polled group, in as few requests as the server takes."""
        assert self._reporter is not None
        found = self._plans[group]
        await self._session.renew_when_due()
        return self._reporter.scan(found, await self._reader.read(found))

    async def subscribe(self, groups: Sequence[GroupLayout], emit: Emit) -> frozenset[str]:
        """Subscribe; the groups that are not returned are to be polled. `watch` emits."""
        assert self._reporter is not None
        if self._settings.mode is OpcUaMode.POLL:
            return frozenset()
        self._reporter.emit_to(emit)
        made = Subscriptions(
            self._session, self._settings, self._context, self._reporter, self._answers
        )
        self._subscribed = await made.create([self._plans[group] for group in groups])
        if self._subscribed:
            self._subscriptions = made
        return frozenset(found.layout.name for found in self._subscribed)

    async def watch(self) -> None:
        """Publish and keep the session alive; never returns. Raises DeviceError."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._every_half_second(self._session.keep_alive))
                if self._subscriptions is not None and self._reporter is not None:
                    self._reporter.refuse(self._subscribed)
                    self._subscriptions.report_refused()
                    # apart, because a request to a dead server takes a timeout of its own
                    tasks.create_task(self._every_half_second(self._subscriptions.check))
                    tasks.create_task(self._every_half_second(self._subscriptions.ask_again))
                    for _ in range(self._subscriptions.publishers):
                        tasks.create_task(self._subscriptions.publish())
        except BaseExceptionGroup as group:
            raise _cause(group) from group

    async def write(self, writes: Sequence[RawWrite]) -> list[RawResult]:
        """Write each value once, in as few requests as the server takes, and read it back."""
        return await self._writer.write(writes, [self._home(item.tag.id) for item in writes])

    def planned(self, group: GroupLayout) -> list[PlannedRequest]:
        """The requests of a scan, or the subscriptions that report the group instead."""
        found = self._plans.get(group)
        if found is None:
            return []
        if self._subscriptions is not None and found in self._subscribed:
            return self._subscriptions.planned(found)
        return self._reader.planned(found)

    async def discover(self) -> DiscoverReply:
        """The server's endpoints and certificate. Raises DeviceError."""
        return await discover(self._settings, self._context)

    async def browse(self, node: str, *, deep: bool) -> BrowseReply:
        """What lies below a node. Raises DeviceError, AddressError."""
        return await browse(self._settings, self._context, node, deep)

    async def close(self) -> None:
        """Log out if the server answers within a second, and close."""
        await self._session.close()

    async def _every_half_second(self, check: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._clock.sleep(_CHECK_S)
            await check()

    def _home(self, tag_id: int) -> ua.NodeId | SpindleError:
        """The node of a tag, or why it has none."""
        node = self._nodes.get(tag_id)
        if node is not None:
            return node
        return self._problems.get(tag_id, SpindleError("The driver does not know this tag."))


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error in a task group: the others are the same loss seen by the other tasks."""
    first = group.exceptions[0]
    return _cause(first) if isinstance(first, BaseExceptionGroup) else first
