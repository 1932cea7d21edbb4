"""The runner: one owner of connecting, periods, retry, and what the log says of an outage."""

from __future__ import annotations

import asyncio
import logging

import numpy as np
import pytest

from schemas.config.devices import ManifestDevice
from schemas.errors import (
    ConfigError,
    DeviceLoginError,
    DeviceTimeoutError,
    ProtocolError,
    RefusedError,
    SpindleError,
    TagReadError,
    UnreachableError,
)
from schemas.quality import Quality
from spoke.drivers.condition import MAX_LOGIN_RETRY_S, MAX_REFUSED_RETRY_S, MAX_RETRY_S
from spoke.drivers.runner import DeviceRunner
from tests.fixtures.context import driver_context
from tests.unit.spoke.fakes import (
    TAGS,
    FakeClock,
    FakeDriver,
    FakePlant,
    FakeSink,
    device,
    running,
    until,
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> FakePlant:
    return FakePlant(monkeypatch, clock, FakeDriver)


async def test_values_flow_scaled_and_counted(plant: FakePlant, clock: FakeClock) -> None:
    sink = FakeSink()
    async with running(clock, sink) as runner:
        await until(lambda: runner.health.scans >= 5)
        health = runner.health
    assert (health.state, health.connects, health.error) == ("running", 1, None)
    assert health.values == 3 * health.scans
    assert sink.frames[2].wire == "<f8"
    assert sink.bad == []
    assert health.last_good_ns >= health.since_ns
    assert plant.drivers[0].closed >= 1


async def test_an_outage_is_two_log_lines_and_bad_frames_every_30_s(
    plant: FakePlant, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "spoke")
    sink = FakeSink()
    started = clock.now
    plant.always["connect"] = UnreachableError("Nobody there.")
    async with running(clock, sink) as runner:
        await until(lambda: clock.now - started > 300)
        waiting = runner.health
        plant.always.clear()
        await until(lambda: runner.health.state == "running")
        assert runner.health.error is None
        assert runner.health.next_try_ns == 0
    assert waiting.state == "waiting"
    assert waiting.error == UnreachableError("Nobody there.").as_dict()
    assert waiting.next_try_ns >= waiting.since_ns
    actions = [record.action for record in caplog.records]  # type: ignore[attr-defined]
    assert actions == ["device.lost", "device.back"]
    onset = [frame.times[0] / 1e9 for frame in sink.bad if frame.wire == "<f4"]
    assert 9 <= len(onset) <= 11
    assert (np.diff(onset) >= 30).all()
    assert (np.diff(onset) < 30 + 1.2 * MAX_RETRY_S).all()
    for frame in sink.bad:
        assert frame.quality is not None
        assert (frame.quality == Quality.BAD_NOT_CONNECTED).all()
    assert {frame.wire for frame in sink.bad} == {"<f4", "O", "<f8"}


@pytest.mark.parametrize(
    ("error", "cap"),
    [
        (UnreachableError(), MAX_RETRY_S),
        (RefusedError(), MAX_REFUSED_RETRY_S),
        (DeviceLoginError(), MAX_LOGIN_RETRY_S),
    ],
)
async def test_back_off_doubles_up_to_a_cap_with_jitter(
    plant: FakePlant, clock: FakeClock, error: SpindleError, cap: float
) -> None:
    plant.always["connect"] = error
    async with running(clock, FakeSink()):
        await until(lambda: plant.connects > 40)
    first = 30.0 if isinstance(error, DeviceLoginError) else 0.5
    for tries, slept in enumerate(clock.slept):
        wanted = min(cap, first * 2**tries)
        assert 0.8 * wanted <= slept <= 1.2 * wanted
    late = clock.slept[10:]
    assert len({round(slept, 6) for slept in late}) > len(late) // 2, "no jitter"


@pytest.mark.parametrize(
    ("error", "quality", "state"),
    [
        (DeviceTimeoutError(), Quality.BAD_TIMEOUT, "waiting"),
        (RefusedError(), Quality.BAD_NOT_CONNECTED, "waiting"),
        (ProtocolError(), Quality.BAD_COMM_FAILURE, "waiting"),
        (ConfigError("No such driver."), Quality.BAD_CONFIG_ERROR, "refused"),
        (ValueError("a defect"), Quality.BAD_COMM_FAILURE, "waiting"),
        (TimeoutError(), Quality.BAD_TIMEOUT, "waiting"),
    ],
    ids=lambda item: type(item).__name__,
)
@pytest.mark.parametrize("step", ["connect", "read"])
async def test_each_failure_has_its_quality_and_state(
    plant: FakePlant,
    clock: FakeClock,
    step: str,
    error: Exception,
    quality: Quality,
    state: str,
) -> None:
    plant.always[step] = error
    sink = FakeSink()
    async with running(clock, sink) as runner:
        await until(lambda: runner.health.error)
        health = runner.health
        await until(lambda: plant.connects > 3)
    assert health.state == state
    assert health.error is not None
    if isinstance(error, SpindleError):
        assert health.error == error.as_dict()
    assert "ExceptionGroup" not in health.error["message"]
    assert ("a defect" in health.error["message"]) == isinstance(error, ValueError)
    found = sink.bad[0].quality
    assert found is not None
    assert (found == quality).all()
    assert all(driver.closed for driver in plant.drivers[:-1])
    assert len(set(map(id, plant.drivers))) == plant.connects


async def test_a_driver_that_cannot_even_be_closed_is_contained(
    plant: FakePlant, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    plant.script["read"] = [UnreachableError("Cable cut.")]
    plant.script["close"] = [RuntimeError("also broken")]
    async with running(clock, FakeSink()) as runner:
        await until(lambda: runner.health.error)
        assert runner.health.error is not None
        assert runner.health.error["message"] == "Cable cut."
        await until(lambda: runner.health.state == "running")
    assert "also broken" in caplog.text


async def test_a_driver_defect_that_lasts_is_logged_once(
    plant: FakePlant, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    plant.always["connect"] = KeyError("a defect")
    async with running(clock, FakeSink()):
        await until(lambda: plant.connects >= 5)
    assert caplog.text.count("Driver defect") == 1


async def test_a_driver_that_eats_its_cancellation_still_ends(
    plant: FakePlant, clock: FakeClock
) -> None:
    """Otherwise a removed device would be read on, beside its own successor; nor is it an outage
    that anybody should see in the log or as BAD values."""

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise UnreachableError("The connection was closed.") from None

    plant.always["read"] = stubborn
    sink = FakeSink()
    runner = DeviceRunner(device({}), sink, driver_context(clock))
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(runner.run())
        await until(lambda: plant.reads)
        runner.stop()
        task.cancel()
    assert plant.connects == 1
    assert plant.drivers[0].closed
    assert (runner.health.error, sink.bad) == (None, [])


@pytest.mark.parametrize("step", ["connect", "read", "close"])
async def test_cancelled_anywhere_the_driver_is_closed(
    plant: FakePlant, clock: FakeClock, step: str
) -> None:
    reached = asyncio.Event()

    async def hang() -> None:
        reached.set()
        await asyncio.Event().wait()

    if step == "close":
        plant.script["read"] = [UnreachableError()]
    plant.script[step] = [hang]
    async with asyncio.timeout(10), running(clock, FakeSink()):
        await reached.wait()
    assert plant.drivers[0].closed


async def test_a_full_buffer_skips_scans_and_counts_them(
    plant: FakePlant, clock: FakeClock
) -> None:
    sink = FakeSink()
    async with running(clock, sink) as runner:
        await until(lambda: runner.health.scans >= 2)
        sink.ready = False
        scans, frames = runner.health.scans, len(sink.frames)
        await until(lambda: runner.health.skipped >= 20)
        assert runner.health.scans == scans
        assert len(sink.frames) == frames
        sink.ready = True
        await until(lambda: runner.health.scans > scans)
    assert len(plant.reads) >= scans
    assert runner.health.state == "running"


async def test_bad_frames_wait_until_the_buffer_takes_them(
    plant: FakePlant, clock: FakeClock
) -> None:
    plant.always["connect"] = UnreachableError()
    sink = FakeSink()
    sink.ready = False
    async with running(clock, sink):
        await until(lambda: plant.connects > 3)
        assert sink.frames == []
        sink.ready = True
        await until(lambda: plant.connects > 6)
    assert len(sink.bad) == 3, "one scan of three columns, although 30 s are not over"


async def test_late_periods_are_skipped_not_queued(plant: FakePlant, clock: FakeClock) -> None:
    async def slow() -> None:
        clock.now += 3.5

    plant.script["read"] = [None, slow]
    async with running(clock, FakeSink()) as runner:
        await until(lambda: runner.health.scans >= 6)
        assert runner.health.skipped == 2  # due at 2, 3, 4 s while it read until 4.5 s


@pytest.mark.parametrize("off", [device(*TAGS, enabled=False), device()], ids=["off", "no tags"])
async def test_what_has_nothing_to_read_is_not_connected(
    plant: FakePlant, clock: FakeClock, off: ManifestDevice
) -> None:
    runner = DeviceRunner(off, FakeSink(), driver_context(clock))
    async with asyncio.timeout(10):
        await runner.run()
    assert runner.health.state == "off"
    assert plant.connects == 0


async def test_problems_of_single_tags_are_bounded(plant: FakePlant, clock: FakeClock) -> None:
    async with running(clock, FakeSink()) as runner:
        await until(lambda: runner.health.scans)
        plant.drivers[0].problems = {number: TagReadError() for number in range(1000)}
        problems = runner.health.tag_problems
    assert len(problems) == 100
    assert problems["0"] == TagReadError().as_dict()
