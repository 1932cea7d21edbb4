"""The runner owns a device: connecting, scan periods, retry, back-off, and what the log says.

One runner per device, one task each: a dead or slow device never delays another. A driver that
failed is closed and thrown away; the next try builds a new one.
"""

from __future__ import annotations

import asyncio
import logging
import random
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
from schemas.messages.health import DeviceHealth
from schemas.quality import Quality
from spoke.clock import Clock
from spoke.drivers.base import (
    Driver,
    GroupLayout,
    Subscribes,
    bad_frames,
    close_driver,
    layouts,
)
from spoke.drivers.registry import driver as find_driver
from spoke.drivers.schedule import Schedule
from spoke.pipeline import Pipeline

_log = logging.getLogger(__name__)

FIRST_RETRY_S, MAX_RETRY_S, MAX_REFUSED_RETRY_S = 0.5, 4.0, 30.0
_READ_GUARD_S = 60.0
_BAD_AGAIN_S = 30.0
_READY_AGAIN_S = 0.5
_MAX_TAG_PROBLEMS = 100

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

    def put(self, device_id: int, frame: Frame) -> None: ...


class DeviceRunner:
    def __init__(self, device: ManifestDevice, sink: Sink, clock: Clock) -> None:
        self.device = device
        self._sink = sink
        self._clock = clock
        self._groups = layouts(device)
        self._pipeline = Pipeline(self._groups)
        self._driver: Driver | None = None
        self._state = "connecting"
        self._since_ns = clock.time_ns()
        self._error: SpindleError | None = None
        self._stopped = False
        self._failures = 0
        self._next_try_ns = 0
        self._last_good_ns = 0
        self._bad_sent: float | None = None
        self._dropped = asyncio.Event()
        self._scans = self._skipped = self._values = self._connects = 0

    @property
    def health(self) -> DeviceHealth:
        problems = self._driver.problems if self._driver else {}
        first = list(problems.items())[:_MAX_TAG_PROBLEMS]
        return DeviceHealth(
            id=self.device.id,
            state=self._state,
            error=self._error.as_dict() if self._error else None,
            since_ns=self._since_ns,
            last_good_ns=self._last_good_ns,
            next_try_ns=self._next_try_ns,
            scans=self._scans,
            skipped=self._skipped,
            values=self._values,
            connects=self._connects,
            tag_problems={str(tag_id): problem.as_dict() for tag_id, problem in first},
        )

    async def run(self) -> None:
        """Run until stopped and cancelled; over at once when the device is off or has no tags."""
        if not self.device.enabled or not self._groups:
            self._enter("off")
            self._put_bad(Quality.BAD_OUT_OF_SERVICE)  # the last good value must not stand for now
            return
        while not self._stopped:
            try:
                await self._session()
            except SpindleError as error:
                problem = error
            except Exception as error:  # noqa: BLE001 - a driver's defect takes out one device only
                if self._error is None:
                    _log.exception("Driver defect", extra={"action": "driver.defect"})
                problem = DeviceError(f"The driver failed: {type(error).__name__}: {error}")
            if not self._stopped:  # else it is an answer to the cancellation
                self._lost(problem)
                await self._pause()

    def stop(self) -> None:
        """To call before the task is cancelled: a driver that answers its cancellation with an
        error of its own must not keep its device alive."""
        self._stopped = True

    async def _session(self) -> None:
        """One life of a driver object: connect, read until it fails, close."""
        spec = find_driver(self.device.connection.driver)
        driver = spec.create(self.device.connection, self._clock)
        try:
            async with asyncio.timeout(_READ_GUARD_S):
                await driver.connect(self._groups)
            self._driver = driver
            self._connects += 1
            await self._scan(driver)
        except TimeoutError as error:
            raise DeviceTimeoutError("The device took over a minute for one step.") from error
        finally:
            self._driver = None
            await close_driver(driver)

    async def _scan(self, driver: Driver) -> None:
        subscribed: frozenset[str] = frozenset()
        if isinstance(driver, Subscribes):
            async with asyncio.timeout(_READ_GUARD_S):
                subscribed = await driver.subscribe(self._groups, self._on_events)
        polled = [group for group in self._groups if group.name not in subscribed]
        if subscribed:
            self._recovered()
        try:
            async with asyncio.TaskGroup() as tasks:
                if isinstance(driver, Subscribes):  # its session lives in watch, also when polled
                    tasks.create_task(_watch(driver))
                    tasks.create_task(self._resubscribe())
                tasks.create_task(self._poll(driver, polled))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _poll(self, driver: Driver, groups: list[GroupLayout]) -> None:
        schedule = Schedule(groups, self._clock)
        while groups:
            group, late = await schedule.next()
            self._skipped += late
            if not self._sink.ready:
                self._skipped += 1
                continue
            async with asyncio.timeout(_READ_GUARD_S):
                frames = await driver.read(group)
            self._recovered()
            self._scans += 1
            self._last_good_ns = self._clock.time_ns()
            for frame in frames:
                self._put(frame)

    async def _resubscribe(self) -> None:
        """Changes that found the buffer full are gone; a new subscription brings the newest."""
        await self._dropped.wait()
        while not self._sink.ready:
            await self._clock.sleep(_READY_AGAIN_S)
        self._dropped.clear()
        raise DeviceError("The buffer was full and changes were dropped; subscribing again.")

    def _on_events(self, _group: GroupLayout, frames: list[Frame]) -> None:
        if not self._sink.ready:
            self._skipped += 1
            self._dropped.set()
            return
        self._scans += 1
        self._last_good_ns = self._clock.time_ns()
        for frame in frames:
            self._put(frame)

    def _put(self, frame: Frame) -> None:
        self._values += frame.size
        self._sink.put(self.device.id, self._pipeline.apply(frame))

    def _recovered(self) -> None:
        if self._state != "running":
            if self._error is not None:
                _log.info(
                    "Device %s answers again", self.device.name, extra=self._extra("device.back")
                )
            self._error, self._failures, self._next_try_ns, self._bad_sent = None, 0, 0, None
            self._enter("running")

    def _lost(self, error: SpindleError) -> None:
        if self._error is None:
            _log.warning(
                "Device %s: %s", self.device.name, error.message, extra=self._extra("device.lost")
            )
        self._error = error
        self._enter("refused" if isinstance(error, ConfigError) else "waiting")
        self._failures += 1
        self._put_bad(_quality_of(error))

    def _put_bad(self, quality: Quality) -> None:
        """At the onset of an outage and every 30 s, once the buffer takes it."""
        now = self._clock.monotonic()
        again = self._bad_sent is None or now - self._bad_sent >= _BAD_AGAIN_S
        if not (again and self._sink.ready):
            return
        self._bad_sent = now
        for group in self._groups:
            for frame in bad_frames(group, self._clock.time_ns(), quality):
                self._sink.put(self.device.id, self._pipeline.apply(frame))

    async def _pause(self) -> None:
        refused = isinstance(self._error, RefusedError | ConfigError)
        cap = MAX_REFUSED_RETRY_S if refused else MAX_RETRY_S
        delay = min(cap, FIRST_RETRY_S * 2 ** min(self._failures - 1, 10))
        delay *= random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret
        self._next_try_ns = self._clock.time_ns() + int(delay * 1e9)
        await self._clock.sleep(delay)

    def _enter(self, state: str) -> None:
        if state != self._state:
            self._state = state
            self._since_ns = self._clock.time_ns()

    def _extra(self, action: str) -> dict[str, object]:
        return {"action": action, "device_id": self.device.id}


async def _watch(driver: Subscribes) -> None:
    await driver.watch()
    raise ProtocolError("The driver stopped watching its subscription.")


def _quality_of(error: SpindleError) -> Quality:
    for kind, quality in _QUALITY.items():
        if isinstance(error, kind):
            return quality
    return Quality.BAD_COMM_FAILURE
