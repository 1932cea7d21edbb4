"""*Test connection*: connect to a device once, read every tag once, store nothing."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from schemas.config.devices import ManifestDevice, ManifestTag
from schemas.errors import DeviceError, DeviceTimeoutError, SpindleError
from schemas.frames import Frame
from schemas.messages.commands import TestReply
from schemas.messages.diagnosis import GroupDiagnosis
from schemas.quality import is_bad, words
from spoke.clock import Clock
from spoke.drivers.base import Column, Driver, DriverContext, Probes, close_driver, layouts
from spoke.drivers.registry import driver as find_driver
from spoke.drivers.timing import ScanTimes, diagnose_group
from spoke.pipeline import Pipeline

_log = logging.getLogger(__name__)

MAX_TAGS = 500
_LIMIT_S = 20.0


async def try_device(device: ManifestDevice, context: DriverContext) -> TestReply:
    """Never raises: what went wrong is in the reply, in words."""
    clock = context.clock
    started = clock.monotonic()
    driver: Driver | None = None
    try:
        driver = find_driver(device.connection.driver).create(device.connection, context)
        async with asyncio.timeout(_LIMIT_S):
            return await _connect_and_read(driver, device, clock, started)
    except TimeoutError:
        late = DeviceTimeoutError(f"The device took longer than {_LIMIT_S:.0f} s.")
        return TestReply(error=late.as_dict())
    except SpindleError as error:
        return TestReply(error=error.as_dict(), connect_ms=_ms(clock, started))
    except Exception as error:  # noqa: BLE001 - a driver's defect is an answer, too
        _log.exception("Driver defect", extra={"action": "driver.defect"})
        defect = DeviceError(f"The driver failed: {type(error).__name__}: {error}")
        return TestReply(error=defect.as_dict(), connect_ms=_ms(clock, started))
    finally:
        if driver is not None:
            await close_driver(driver)


async def _connect_and_read(
    driver: Driver, device: ManifestDevice, clock: Clock, started: float
) -> TestReply:
    groups = layouts(device.model_copy(update={"tags": device.tags[:MAX_TAGS]}))
    pipeline = Pipeline(groups)
    await driver.connect(groups)
    if not groups and isinstance(driver, Probes):  # no tag yet: still ask for one answer
        await driver.probe()
    connected = clock.monotonic()
    found: list[dict[str, Any]] = []
    plans: list[GroupDiagnosis] = []
    for group in groups:
        frames = await driver.read(group)
        for column, frame in zip(group.columns, frames, strict=True):
            found += _rows(column, pipeline.apply(frame)[0], driver)
    read_ms = _ms(clock, connected)
    for group in groups:  # once more: the first scan also finds out what the device refuses
        times = ScanTimes()
        before = clock.monotonic()
        await driver.read(group)
        times.add(clock.monotonic() - before)
        plans.append(diagnose_group(driver, group, times, subscribed=False))
    order = {tag.name: index for index, tag in enumerate(device.tags)}
    found.sort(key=lambda row: order[row["tag"]])
    return TestReply(
        connect_ms=(connected - started) * 1000,
        read_ms=read_ms,
        values=tuple(found),
        groups=tuple(plans),
    )


def _rows(column: Column, frame: Frame, driver: Driver) -> list[dict[str, Any]]:
    values = frame.values[0].tolist()
    qualities = [192] * len(values) if frame.quality is None else frame.quality[0].tolist()
    return [
        _row(tag, value, quality, driver)
        for tag, value, quality in zip(column.tags, values, qualities, strict=True)
    ]


def _row(tag: ManifestTag, value: Any, quality: int, driver: Driver) -> dict[str, Any]:
    problem = driver.problems.get(tag.id)
    return {
        "tag": tag.name,
        "address": tag.address,
        "value": None if is_bad(quality) else value,
        "unit": tag.unit,
        "quality": quality,
        "words": words(quality),
        "problem": problem.as_dict() if problem else None,
    }


def _ms(clock: Clock, since: float) -> float:
    return (clock.monotonic() - since) * 1000
