"""The Modbus TCP driver: one connection to one unit, read in blocks, decoded in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.config.drivers import ModbusConfig
from schemas.errors import DeviceTimeoutError, SpindleError, UnreachableError
from schemas.frames import Frame
from schemas.kinds import blank
from schemas.quality import Quality
from spoke.clock import Clock
from spoke.drivers.base import GroupLayout, scan_frame
from spoke.drivers.modbus.addresses import locate
from spoke.drivers.modbus.client import ExceptionAnswer, ModbusClient, open_client, read_request
from spoke.drivers.modbus.codec import decode, out_of_range
from spoke.drivers.modbus.planner import Gather
from spoke.drivers.modbus.refusals import Failures, GroupScan

_NOBODY_BEHIND = (10, 11)  # exceptions of a gateway: path unavailable, target does not respond


class ModbusDriver:
    """Implements `spoke.drivers.base.Driver`."""

    def __init__(self, settings: ModbusConfig, clock: Clock, depth: int = 1) -> None:
        """`depth` requests are outstanding at a time; the specification allows a device 1 to 16."""
        self._settings, self._clock, self._depth = settings, clock, depth
        self._client: ModbusClient | None = None
        self._scans: dict[GroupLayout, GroupScan] = {}
        self._problems: dict[int, SpindleError] = {}

    @property
    def problems(self) -> Mapping[int, SpindleError]:
        return self._problems

    @property
    def stale_answers(self) -> int:
        """Answers that came too late to be used, since connect."""
        return 0 if self._client is None else self._client.stale_answers

    async def connect(self, groups: Sequence[GroupLayout]) -> None:
        """Connect and plan. Raises UnreachableError; wrong addresses go to `problems`."""
        self._client = await open_client(self._settings, self._depth)
        tags = [tag for group in groups for tag in group.tags]
        places, problems = locate(tags, self._settings)
        self._problems.update(problems)
        self._scans = {
            group: GroupScan(group, places, self._settings, self._clock, self._problems)
            for group in groups
        }

    async def read(self, group: GroupLayout) -> list[Frame]:
        """One scan. Raises DeviceTimeoutError, ProtocolError or UnreachableError."""
        if self._client is None:
            raise UnreachableError(f"{self._settings.host} is not connected.")
        plan, buffer, failures = await self._scans[group].read(self._client)
        time_ns = self._clock.time_ns()
        return [_frame(gather, buffer, failures, time_ns) for gather in plan.gathers]

    async def probe(self) -> None:
        """Read one holding register: a value and an exception both prove a Modbus device with this
        unit id; an exception of a gateway whose target is silent does not."""
        if self._client is None:
            raise UnreachableError(f"{self._settings.host} is not connected.")
        (answer,) = await self._client.scan([read_request(3, 0, 1, self._settings.unit_id)])
        if isinstance(answer, ExceptionAnswer) and answer.code in _NOBODY_BEHIND:
            raise DeviceTimeoutError(
                f"The gateway answers, but unit {self._settings.unit_id} behind it does not.",
                hint="Check the unit id, and the wiring behind the gateway.",
            )

    async def close(self) -> None:
        if self._client is not None:
            self._client.close()


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
