"""The runner owns a device: connecting, scan periods, retry, back-off, and what the log says.

One runner per device, one task each: a dead or slow device never delays another. A driver that
failed is closed and thrown away; the next try builds a new one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from schemas.config.devices import ManifestDevice
from schemas.errors import (
    ConfigError,
    DeviceError,
    DeviceTimeoutError,
    ProtocolError,
    RefusedError,
    SpindleError,
    UnreachableError,
)
from schemas.frames import Frame
from schemas.messages.diagnosis import DiagnoseReply, DiagnoseRequest
from schemas.messages.health import DeviceHealth
from schemas.quality import Quality
from spoke.drivers.base import (
    Driver,
    DriverContext,
    GroupLayout,
    RawResult,
    RawWrite,
    Subscribes,
    Writes,
    bad_frames,
    close_driver,
    layouts,
)
from spoke.drivers.condition import Condition
from spoke.drivers.registry import driver as find_driver
from spoke.drivers.schedule import Schedule
from spoke.drivers.timing import ScanTimes, diagnose_group
from spoke.drivers.writer import Writer
from spoke.functions.steps import Steps
from spoke.pipeline import Pipeline

_log = logging.getLogger(__name__)

_READ_GUARD_S = 60.0
_BAD_AGAIN_S = 30.0
_READY_AGAIN_S = 0.5
_MAX_TAG_PROBLEMS = 100
_MAX_TRACE_S = 3600.0

_QUALITY = {
    DeviceTimeoutError: Quality.BAD_TIMEOUT,
    UnreachableError: Quality.BAD_NOT_CONNECTED,
    RefusedError: Quality.BAD_NOT_CONNECTED,
    ProtocolError: Quality.BAD_COMM_FAILURE,
    ConfigError: Quality.BAD_CONFIG_ERROR,
}


class Sink(Protocol):
    """Where frames go."""

    @property
    def ready(self) -> bool:
        """False while the buffer is full; scans are then skipped and counted."""

    def put(self, device_id: int, frame: Frame, stored: Frame | None) -> None:
        """`frame` is for people who watch, `stored` the part of it that is kept."""


class DeviceRunner:
    def __init__(self, device: ManifestDevice, sink: Sink, context: DriverContext) -> None:
        """`context` is this device's own: its trace is nobody else's."""
        self.device = device
        self._sink = sink
        self._context = context
        self._clock = clock = context.clock
        self._groups = layouts(device)
        self._times = {group.name: ScanTimes() for group in self._groups}
        self._subscribed: frozenset[str] = frozenset()
        self._turn = asyncio.Lock()
        """Held by a scan and by a write: a driver does one thing at a time."""
        self.writer = Writer(device, clock, self._turn, self._write)
        self._steps = Steps(device, self._groups, context.folder / "steps")
        self._pipeline = Pipeline(self._groups, self._steps)
        self._driver: Driver | None = None
        self._condition = Condition(device.name, device.id, clock)
        self._stopped = False
        self._last_good_ns = 0
        self._bad_sent: float | None = None
        self._dropped = asyncio.Event()
        self._spoiled = asyncio.Event()
        self._scans = self._values = self._connects = 0

    @property
    def health(self) -> DeviceHealth:
        return self._health(_MAX_TAG_PROBLEMS)

    def _health(self, max_problems: int | None) -> DeviceHealth:
        problems = self._driver.problems if self._driver else {}
        first = list(problems.items())[:max_problems]
        now = self._condition
        return DeviceHealth(
            id=self.device.id,
            state=now.state,
            error=now.error.as_dict() if now.error else None,
            since_ns=now.since_ns,
            last_good_ns=self._last_good_ns,
            next_try_ns=now.next_try_ns,
            scans=self._scans,
            skipped=sum(times.skipped for times in self._times.values()),
            values=self._values,
            connects=self._connects,
            tag_problems={str(tag_id): problem.as_dict() for tag_id, problem in first},
        )

    def diagnose(self, request: DiagnoseRequest) -> DiagnoseReply:
        """Everything that may explain why a tag is bad; also switches the trace."""
        trace = self._context.trace
        if request.trace_s is not None:
            trace.switch(min(request.trace_s, _MAX_TRACE_S))
        if request.retry:
            self._condition.hurry()
        return DiagnoseReply(
            time_ns=self._clock.time_ns(),
            health=self._health(None),
            groups=tuple(
                diagnose_group(
                    self._driver,
                    group,
                    self._times[group.name],
                    subscribed=group.name in self._subscribed,
                )
                for group in self._groups
            ),
            link=self.device.connection.link or "",
            tracing=trace.on,
            trace=trace.exchanges,
        )

    async def run(self) -> None:
        """Run until stopped and cancelled; over at once when the device is off or has no tags."""
        if not self.device.enabled or not self._groups:
            self._condition.enter("off")
            self._put_bad(Quality.BAD_OUT_OF_SERVICE)  # the last good value must not stand for now
            return
        while not self._stopped:
            try:
                await self._session()
            except Exception as error:  # noqa: BLE001 - there is no such driver, or it is broken
                self._lost(error)
            if not self._stopped:
                await self._condition.pause()

    def save(self) -> None:
        """Keep the state of the steps, so that a restart goes on with it."""
        self._steps.save()

    def stop(self) -> None:
        """To call before the task is cancelled: a driver that answers its cancellation with an
        error of its own must not keep its device alive."""
        self._stopped = True

    async def _session(self) -> None:
        """One life of a driver object: connect, read until it fails, close."""
        spec = find_driver(self.device.connection.driver)
        driver = spec.create(self.device.connection, self._context)
        try:
            async with asyncio.timeout(_READ_GUARD_S):
                await driver.connect(self._groups)
            self._driver = driver
            self._spoiled.clear()
            self._connects += 1
            await self._scan(driver)
        except Exception as error:  # noqa: BLE001 - a driver's defect takes out one device only
            self._lost(error)  # before it is closed: that may take a second with a dead server
        finally:
            self._driver, self._subscribed = None, frozenset()
            await close_driver(driver)

    def _lost(self, error: Exception) -> None:
        if self._stopped:  # it is an answer to the cancellation
            return
        if isinstance(error, TimeoutError):
            error = DeviceTimeoutError("The device took over a minute for one step.")
        if not isinstance(error, SpindleError):
            if self._condition.error is None:
                _log.error("Driver defect", exc_info=error, extra={"action": "driver.defect"})
            error = DeviceError(f"The driver failed: {type(error).__name__}: {error}")
        self._condition.lost(error)
        self._put_bad(_quality_of(error))

    async def _scan(self, driver: Driver) -> None:
        subscribed: frozenset[str] = frozenset()
        if isinstance(driver, Subscribes):
            async with asyncio.timeout(_READ_GUARD_S):
                subscribed = await driver.subscribe(self._groups, self._on_events)
        self._subscribed = subscribed
        polled = [group for group in self._groups if group.name not in subscribed]
        if subscribed:
            self._recovered()
        try:
            async with asyncio.TaskGroup() as tasks:
                if isinstance(driver, Subscribes):  # its session lives in watch, also when polled
                    tasks.create_task(_watch(driver))
                    tasks.create_task(self._resubscribe())
                tasks.create_task(self._poll(driver, polled))
                tasks.create_task(self._until_spoiled())
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _poll(self, driver: Driver, groups: list[GroupLayout]) -> None:
        schedule = Schedule(groups, self._clock)
        while groups:
            group, late = await schedule.next()
            times = self._times[group.name]
            times.skipped += late
            if not self._sink.ready:
                times.skipped += 1
                continue
            async with self._turn, asyncio.timeout(_READ_GUARD_S):
                started = self._clock.monotonic()
                frames = await driver.read(group)
            times.add(self._clock.monotonic() - started)
            self._recovered()
            self._scans += 1
            self._last_good_ns = self._clock.time_ns()
            for frame in frames:
                self._put(frame)

    async def _until_spoiled(self) -> None:
        await self._spoiled.wait()
        raise DeviceError("A write ended without an answer; connecting anew.")

    async def _resubscribe(self) -> None:
        """Changes that found the buffer full are gone; a new subscription brings the newest."""
        await self._dropped.wait()
        while not self._sink.ready:
            await self._clock.sleep(_READY_AGAIN_S)
        self._dropped.clear()
        raise DeviceError("The buffer was full and changes were dropped; subscribing again.")

    async def _write(self, writes: Sequence[RawWrite]) -> list[RawResult]:
        driver = self._driver
        if driver is None:
            raise UnreachableError(f"{self.device.name} is not connected.")
        if not isinstance(driver, Writes):
            raise UnreachableError(f"The driver of {self.device.name} cannot write.", hint="")
        try:
            return await driver.write(writes)
        except BaseException:  # cancelled or broken: such a driver is never used again
            self._spoiled.set()
            raise

    def _on_events(self, group: GroupLayout, frames: list[Frame]) -> None:
        if not self._sink.ready:
            self._times[group.name].skipped += 1
            self._dropped.set()
            return
        self._scans += 1
        self._last_good_ns = self._clock.time_ns()
        for frame in frames:
            self._put(frame)

    def _put(self, frame: Frame) -> None:
        self._values += frame.size
        self._sink.put(self.device.id, *self._pipeline.apply(frame))

    def _recovered(self) -> None:
        if self._condition.recovered():
            self._bad_sent = None

    def _put_bad(self, quality: Quality) -> None:
        """At the onset of an outage and every 30 s, once the buffer takes it."""
        now = self._clock.monotonic()
        again = self._bad_sent is None or now - self._bad_sent >= _BAD_AGAIN_S
        if not (again and self._sink.ready):
            return
        self._bad_sent = now
        for group in self._groups:
            for frame in bad_frames(group, self._clock.time_ns(), quality):
                self._sink.put(self.device.id, *self._pipeline.apply(frame))


async def _watch(driver: Subscribes) -> None:
    await driver.watch()
    raise ProtocolError("The driver stopped watching its subscription.")


def _quality_of(error: SpindleError) -> Quality:
    for kind, quality in _QUALITY.items():
        if isinstance(error, kind):
            return quality
    return Quality.BAD_COMM_FAILURE
