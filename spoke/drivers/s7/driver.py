"""The driver of Siemens S7 CPUs: absolute addresses, read in few area reads per scan."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import numpy as np

from schemas.config.drivers import S7Config
from schemas.errors import ProtocolError, SpindleError, UnreachableError
from schemas.frames import Frame
from schemas.kinds import blank
from schemas.messages.diagnosis import PlannedRequest
from schemas.quality import Quality
from spoke.drivers.base import DriverContext, GroupLayout, RawResult, RawWrite, scan_frame
from spoke.drivers.s7.addresses import describe
from spoke.drivers.s7.codec import Image, Mask, decode
from spoke.drivers.s7.errors import FOREIGN, translate
from spoke.drivers.s7.planner import HEADER_BYTES, ColumnPlan, plan
from spoke.drivers.s7.scan import PROBE_S, GroupScan
from spoke.drivers.s7.session import Session
from spoke.drivers.s7.writing import write_all

__all__ = ["PROBE_S", "S7Driver"]

_FOREIGN = tuple(FOREIGN)
_MIN_PDU_BYTES = HEADER_BYTES + 8


class S7Driver:
    """One connection to one CPU; see `spoke/drivers/base.py` for the contract."""

    def __init__(self, settings: S7Config, context: DriverContext) -> None:
        self._settings, self._context, self._clock = settings, context, context.clock
        self._where = settings.place
        self._session: Session | None = None
        self._scans: dict[GroupLayout, GroupScan] = {}
        self.pdu_bytes = 0
        """The negotiated PDU length; 0 before connect."""

    @property
    def problems(self) -> Mapping[int, SpindleError]:
        found: dict[int, SpindleError] = {}
        for scan in self._scans.values():
            found |= scan.plan.unplanned
            found |= scan.problems
        return found

    @property
    def depth(self) -> int:
        """Requests that may be outstanding at a time, as the CPU granted."""
        return 0 if self._session is None else self._session.depth

    async def connect(self, groups: Sequence[GroupLayout]) -> None:
        """TCP, ISO connection, negotiation; all within `timeout_s`. Raises DeviceError."""
        self._session = Session(self._settings, self._context)
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                self.pdu_bytes = await self._session.open()
        except _FOREIGN as error:
            raise translate(error, self._where, self._settings.family) from error
        if self.pdu_bytes < _MIN_PDU_BYTES:
            raise ProtocolError(f"{self._where} allows only {self.pdu_bytes} bytes per answer.")
        self._scans = {group: self._first_scan(group) for group in groups}

    async def read(self, group: GroupLayout) -> list[Frame]:
        """One scan, stamped with the time at which it began. Raises DeviceError."""
        scan = self._scans.get(group)
        if scan is None or self._session is None:
            raise UnreachableError(f"{self._where} is not connected.")
        return await self._read(scan, self._session)

    async def write(self, writes: Sequence[RawWrite]) -> list[RawResult]:
        """See `spoke/drivers/base.py` and `writing.py`."""
        session = self._session
        if session is None:
            raise UnreachableError(f"{self._where} is not connected.")

        async def read_back(group: GroupLayout) -> list[Frame]:
            return await self._read(self._first_scan(group), session)

        return await write_all(session, writes, self._settings, self.pdu_bytes, read_back)

    def planned(self, group: GroupLayout) -> Sequence[PlannedRequest]:
        """The reads of one scan, without what the CPU refuses."""
        scan = self._scans.get(group)
        return [
            PlannedRequest(
                describe(block.area, block.db, block.start, block.size),
                len(block.items),
                block.size,
            )
            for block in (scan.blocks if scan else ())
        ]

    async def close(self) -> None:
        """Close at once. Never raises, may be called twice."""
        session, self._session = self._session, None
        self._scans = {}
        if session is not None:
            session.abort()
            await asyncio.sleep(0)  # the loop closes the socket in its next round

    def _first_scan(self, group: GroupLayout) -> GroupScan:
        made = plan(group, self.pdu_bytes, self._settings.max_gap)
        return GroupScan(made, self._settings.family, self._clock)

    async def _read(self, scan: GroupScan, session: Session) -> list[Frame]:
        time_ns = self._clock.time_ns()
        data = np.frombuffer(await scan.read(session), dtype=np.uint8)
        return [
            _frame(column, data, mask, time_ns)
            for column, mask in zip(scan.plan.columns, scan.masks, strict=True)
        ]


def _frame(column: ColumnPlan, image: Image, unread: Mask | None, time_ns: int) -> Frame:
    values, wrong = decode(column, image)
    if unread is None and wrong is None:
        return scan_frame(column.column, values, time_ns)
    quality = np.full(values.shape, Quality.GOOD, dtype=np.uint8)
    if wrong is not None:
        quality[wrong] = Quality.BAD_OUT_OF_RANGE
        values[wrong] = blank(column.column.wire, (int(wrong.sum()),))
    if unread is not None:
        quality[unread] = Quality.BAD_CONFIG_ERROR
        values[unread] = blank(column.column.wire, (int(unread.sum()),))
    return scan_frame(column.column, values, time_ns, quality)
