"""A device that is written while it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from schemas.messages.writes import OperateRequest, SelectRequest, WriteState, WriteValue
from spoke.drivers.base import RawResult, RawWrite
from spoke.drivers.runner import DeviceRunner
from tests.unit.spoke.fakes import (
    FakeClock,
    FakeDriver,
    FakePlant,
    FakeSink,
    device,
    running,
    until,
)


class FakeWriter(FakeDriver):
    reading = 0

    async def read(self, group):  # type: ignore[no-untyped-def]
        self.reading += 1
        try:
            await asyncio.sleep(0)
            return await super().read(group)
        finally:
            self.reading -= 1

    async def write(self, writes: Sequence[RawWrite]) -> list[RawResult]:
        assert self.reading == 0, "a driver does one thing at a time"
        await self.plant.act("write")
        return [RawResult(WriteState.WRITTEN, item.value) for item in writes]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> FakePlant:
    return FakePlant(monkeypatch, clock, FakeWriter)


async def _write(runner: DeviceRunner) -> list[WriteState]:
    ticket = runner.writer.select(SelectRequest(9, (WriteValue(1, 5.0),))).ticket
    reply = await runner.writer.operate(OperateRequest(9, ticket))
    return [item.state for item in reply.results]


async def test_writes_and_scans_take_turns(plant: FakePlant, clock: FakeClock) -> None:
    async with running(clock, FakeSink(), device({"access": "rw"})) as runner:
        await until(lambda: runner.health.scans)
        for _ in range(20):
            await _write(runner)
    assert plant.connects == 1


async def test_a_driver_whose_write_broke_is_never_used_again(
    plant: FakePlant, clock: FakeClock
) -> None:
    plant.script["write"] = [ValueError("a defect")]
    async with running(clock, FakeSink(), device({"access": "rw"})) as runner:
        await until(lambda: runner.health.scans)
        assert await _write(runner) == [WriteState.UNKNOWN]
        await until(lambda: plant.connects == 2)
        assert plant.drivers[0].closed
        await until(lambda: runner.health.state == "running")


async def test_without_a_connection_nothing_is_written(plant: FakePlant, clock: FakeClock) -> None:
    plant.always["connect"] = ConnectionError("away")
    async with running(clock, FakeSink(), device({"access": "rw"})) as runner:
        await until(lambda: plant.connects)
        assert await _write(runner) == [WriteState.REFUSED]
