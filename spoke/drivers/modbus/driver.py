"""The Modbus driver: one unit behind a connection, read in blocks, decoded in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.addresses.modbus import ModbusAddress
from schemas.config.drivers import ModbusConfig
from schemas.errors import DeviceError, SpindleError, UnreachableError
from schemas.frames import Frame
from schemas.kinds import blank
from schemas.messages.diagnosis import PlannedRequest
from schemas.quality import Quality
from spoke.drivers.base import DriverContext, GroupLayout, RawResult, RawWrite, scan_frame
from spoke.drivers.modbus import words, writing
from spoke.drivers.modbus.addresses import locate
from spoke.drivers.modbus.codec import decode, out_of_range
from spoke.drivers.modbus.gathers import Gather
from spoke.drivers.modbus.refusals import NOBODY_BEHIND, Failures, GroupScan
from spoke.drivers.modbus.requests import ExceptionAnswer, read_request
from spoke.drivers.modbus.unit import Unit


class ModbusDriver:
    """Implements Driver, Probes, Explains and Writes of `spoke/drivers/base.py`."""

    def __init__(self, settings: ModbusConfig, context: DriverContext) -> None:
        self._settings, self._clock = settings, context.clock
        self._unit = Unit(settings, context)
        self._places: dict[int, ModbusAddress] = {}
        self._scans: dict[GroupLayout, GroupScan] = {}
        self._problems: dict[int, SpindleError] = {}

    @property
    def problems(self) -> Mapping[int, SpindleError]:
        return self._problems

    @property
    def stale_answers(self) -> int:
        """Answers on its connection that came too late to be used."""
        return self._unit.stale_answers

    async def connect(self, groups: Sequence[GroupLayout]) -> None:
        """Plan, and connect. Raises UnreachableError; DeviceTimeoutError while a silent unit is not
        asked again yet; ConfigError. Wrong addresses go to `problems`."""
        tags = [tag for group in groups for tag in group.tags]
        self._places, problems = locate(tags, self._settings)
        self._problems.update(problems)
        self._scans = {
            group: GroupScan(group, self._places, self._settings, self._clock, self._problems)
            for group in groups
        }
        scans = self._scans.values()
        await self._unit.open([request for scan in scans for request in scan.plan.requests])

    async def read(self, group: GroupLayout) -> list[Frame]:
        """One scan. Raises DeviceTimeoutError, ProtocolError or UnreachableError."""
        scan = self._scans.get(group)
        if scan is None:
            raise UnreachableError(f"{self._settings.place} is not connected.")
        try:
            plan, buffer, failures = await scan.read(self._unit)
        except DeviceError as error:
            self._unit.gone(error)
            raise
        time_ns = self._clock.time_ns()
        return [_frame(gather, buffer, failures, time_ns) for gather in plan.gathers]

    async def write(self, writes: Sequence[RawWrite]) -> list[RawResult]:
        """Each value once, read back; the results in the order of `writes`."""
        return await writing.write(writes, self._places, self._settings, self._unit.exchange)

    async def probe(self) -> None:
        """Read one holding register: a value and an exception both prove a Modbus device with this
        unit id; an exception of a gateway whose target is silent does not."""
        (answer,) = await self._unit.scan([read_request(3, 0, 1, self._settings.unit_id)])
        if isinstance(answer, ExceptionAnswer) and answer.code in NOBODY_BEHIND:
            raise self._unit.absent(answer)

    def planned(self, group: GroupLayout) -> list[PlannedRequest]:
        """The requests of the next scan, without what the device refuses."""
        scan = self._scans.get(group)
        if scan is None:
            return []
        plan = scan.plan
        tags = np.zeros(len(plan.blocks), dtype=np.int64)
        for gather in plan.gathers:
            asked = gather.block_of[gather.block_of >= 0]
            tags += np.bincount(asked, minlength=len(plan.blocks))
        return [
            PlannedRequest(words.request(request.pdu, request.unit_id), count, block.payload_bytes)
            for request, block, count in zip(plan.requests, plan.blocks, tags.tolist(), strict=True)
        ]

    async def close(self) -> None:
        self._unit.close()


def _frame(gather: Gather, buffer: bytes, failures: Failures, time_ns: int) -> Frame:
    values = decode(gather, buffer)
    quality = _quality(gather, failures)
    wrong = out_of_range(gather, values)
    if wrong is not None:
        quality = _writable(quality, len(values))
        quality[wrong & (quality == Quality.GOOD)] = Quality.BAD_OUT_OF_RANGE
    if quality is not None:
        bad = quality != Quality.GOOD
        values[bad] = blank(gather.column.wire, (1,))[0]
    return scan_frame(gather.column, values, time_ns, quality)


def _quality(gather: Gather, failures: Failures) -> NDArray[np.uint8] | None:
    """BAD for tags that nobody asks for and for those of failed blocks; None when all is good."""
    quality = None
    if not gather.complete:
        quality = _writable(quality, len(gather.block_of))
        quality[gather.block_of < 0] = Quality.BAD_CONFIG_ERROR
    for number, reason in failures.items():
        hit = gather.block_of == number
        if hit.any():
            quality = _writable(quality, len(gather.block_of))
            quality[hit] = reason
    return quality


def _writable(quality: NDArray[np.uint8] | None, count: int) -> NDArray[np.uint8]:
    return np.full(count, Quality.GOOD, dtype=np.uint8) if quality is None else quality
