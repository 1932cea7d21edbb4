"""The runner with a driver that reports changes by itself."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.config.devices import ManifestDevice
from schemas.errors import UnreachableError
from schemas.frames import Frame
from tests.unit.spoke.fakes import (
    FakeClock,
    FakePlant,
    FakeSink,
    FakeSubscriber,
    device,
    running,
    until,
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class TestSubscriptions:
    GROUPS = ({"name": "fast", "period_ms": 100}, {"name": "slow", "period_ms": 1000})

    @pytest.fixture
    def plant(self, monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> FakePlant:
        plant = FakePlant(monkeypatch, clock, FakeSubscriber)
        plant.subscribed = {"fast"}
        return plant

    def device(self) -> ManifestDevice:
        return device({"group": "fast"}, {"group": "slow"}, groups=self.GROUPS)

    async def test_what_is_not_subscribed_is_polled(
        self, plant: FakePlant, clock: FakeClock
    ) -> None:
        sink = FakeSink()
        async with running(clock, sink, self.device()) as runner:
            await until(lambda: len(plant.reads) > 2)
            event = _event(plant)
            assert plant.emit is not None
            plant.emit(plant.groups["fast"], [event])
            assert sink.frames[-1].source_times is event.source_times
            sink.ready = False
            before = len(sink.frames), runner.health.skipped
            plant.emit(plant.groups["fast"], [event])
            assert (len(sink.frames), runner.health.skipped) == (before[0], before[1] + 1)
        assert set(plant.reads) == {"slow"}

    async def test_all_subscribed_nothing_is_polled(
        self, plant: FakePlant, clock: FakeClock
    ) -> None:
        plant.subscribed = {"fast", "slow"}
        async with running(clock, FakeSink(), self.device()) as runner:
            await until(lambda: runner.health.state == "running")
            plant.lost_with = UnreachableError("Session closed.")
            plant.lost.set()
            await until(lambda: runner.health.error)
            assert runner.health.error == plant.lost_with.as_dict()
            plant.lost.clear()
            await until(lambda: runner.health.state == "running")
        assert plant.reads == []
        assert runner.health.connects == 2

    async def test_a_watch_that_ends_is_a_lost_subscription(
        self, plant: FakePlant, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def over(self: FakeSubscriber) -> None:
            return None

        monkeypatch.setattr(FakeSubscriber, "watch", over)
        async with running(clock, FakeSink(), self.device()) as runner:
            await until(lambda: runner.health.error)
            assert runner.health.error is not None
            assert runner.health.error["kind"] == "ProtocolError"


def _event(plant: FakePlant) -> Frame:
    column = plant.groups["fast"].columns[0]
    now = np.array([[plant.clock.time_ns()]])
    return Frame(column.tag_ids, now[0], np.array([[1.5]], dtype="<f4"), None, now)
