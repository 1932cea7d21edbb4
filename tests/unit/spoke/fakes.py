"""A clock, a sink and a driver in memory, for tests of the spoke's parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from schemas.config.devices import ManifestDevice
from schemas.config.drivers import SimConfig
from schemas.errors import SpindleError
from schemas.frames import Frame
from schemas.kinds import blank
from spoke.drivers.base import DriverSpec, GroupLayout, scan_frame
from spoke.drivers.runner import DeviceRunner
from tests.fixtures.context import driver_context

TAGS = ({}, {"data_type": "string"}, {"data_type": "int16", "scale": 0.1})


class FakeClock:
    """Sleeping moves the time at once; `wall_s` jumps when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wall_s = 1_700_000_000.0
        self.slept: list[float] = []

    def time_ns(self) -> int:
        return int((self.wall_s + self.now) * 1e9)

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class FakeSink:
    def __init__(self) -> None:
        self.ready = True
        self.frames: list[Frame] = []
        self.stored: list[Frame | None] = []

    def put(self, device_id: int, frame: Frame, stored: Frame | None) -> None:
        assert device_id
        self.frames.append(frame)
        self.stored.append(stored)

    @property
    def bad(self) -> list[Frame]:
        return [frame for frame in self.frames if frame.quality is not None]


class FakeDriver:
    """Does what the script says: an error to raise, or a coroutine to run, per call."""

    def __init__(self, plant: FakePlant) -> None:
        self.plant = plant
        self.closed = 0
        self.problems: Mapping[int, SpindleError] = {}

    async def connect(self, groups: Sequence[GroupLayout]) -> None:
        self.plant.connects += 1
        await self.plant.act("connect")

    async def read(self, group: GroupLayout) -> list[Frame]:
        self.plant.reads.append(group.name)
        await self.plant.act("read")
        time_ns = self.plant.clock.time_ns()
        return [
            scan_frame(column, blank_good(column.wire, len(column.tags)), time_ns)
            for column in group.columns
        ]

    async def close(self) -> None:
        self.closed += 1
        await self.plant.act("close")


class FakeSubscriber(FakeDriver):
    """A driver that also subscribes to the groups that the plant names."""

    async def subscribe(
        self, groups: Sequence[GroupLayout], emit: Callable[[GroupLayout, list[Frame]], None]
    ) -> frozenset[str]:
        await self.plant.act("subscribe")
        self.plant.emit = emit
        self.plant.groups = {group.name: group for group in groups}
        return frozenset(self.plant.subscribed)

    async def watch(self) -> None:
        await self.plant.act("watch")
        await self.plant.lost.wait()
        raise self.plant.lost_with


class FakePlant:
    """The registry's answer for every driver name, and the script of its drivers."""

    def __init__(self, patch: pytest.MonkeyPatch, clock: FakeClock, kind: type[FakeDriver]) -> None:
        self.clock = clock
        self.connects = 0
        self.reads: list[str] = []
        self.drivers: list[FakeDriver] = []
        self.script: dict[str, list[Any]] = {}
        self.always: dict[str, Any] = {}
        self.subscribed: set[str] = set()
        self.emit: Callable[[GroupLayout, list[Frame]], None] | None = None
        self.groups: dict[str, GroupLayout] = {}
        self.lost = asyncio.Event()
        self.lost_with: Exception = RuntimeError("no reason")
        self._kind = kind
        spec = DriverSpec("sim", "Fake", SimConfig, self._create)
        for module in ("runner", "trial"):
            patch.setattr(f"spoke.drivers.{module}.find_driver", lambda _name: spec)

    def _create(self, _settings: Any, _context: Any) -> FakeDriver:
        self.drivers.append(self._kind(self))
        return self.drivers[-1]

    async def act(self, step: str) -> None:
        queued = self.script.get(step)
        what = queued.pop(0) if queued else self.always.get(step)
        if isinstance(what, BaseException):
            raise what
        if what is not None:
            result: Awaitable[None] = what()
            await result


def blank_good(wire: str, count: int) -> Any:
    values = blank(wire, (count,))
    return np.zeros(count, dtype=wire) if wire != "O" and wire[1] == "f" else values


def device(*tags: dict[str, Any], **fields: Any) -> ManifestDevice:
    found = [
        {"id": index + 1, "name": f"t{index}", "address": "wave", **tag}
        for index, tag in enumerate(tags)
    ]
    base = {"id": 9, "name": "Tank", "connection": {"driver": "sim"}, "tags": found}
    return ManifestDevice.model_validate(base | fields)


@asynccontextmanager
async def running(
    clock: FakeClock, sink: FakeSink, what: ManifestDevice | None = None
) -> AsyncIterator[DeviceRunner]:
    runner = DeviceRunner(what or device(*TAGS), sink, driver_context(clock))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(runner.run())
        yield runner
        runner.stop()
        task.cancel()
    assert task.cancelled() or task.done()


async def until(condition: Callable[[], object], what: str = "the condition") -> None:
    """Poll a condition; the fake clock makes ordinary waits take no time."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the conditions are states, not events
            await asyncio.sleep(0)
    assert condition(), what
