"""The driver of Siemens S7 CPUs: absolute addresses, read in few area reads per scan."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from schemas.config.drivers import S7Config
from schemas.errors import ProtocolError, SpindleError, UnreachableError
from schemas.frames import Frame
from schemas.kinds import blank
from schemas.quality import Quality
from spoke.clock import Clock
from spoke.drivers.base import GroupLayout, scan_frame
from spoke.drivers.s7.addresses import describe
from spoke.drivers.s7.codec import Image, Mask, decode
from spoke.drivers.s7.errors import FOREIGN, ItemRefusedError, translate
from spoke.drivers.s7.planner import HEADER_BYTES, Block, ColumnPlan, Plan, plan
from spoke.drivers.s7.refusal import Refusal, cut
from spoke.drivers.s7.session import Session

PROBE_S = 60.0
"""How often a refused place is asked again: a block may have been loaded in the meantime."""
_FOREIGN = tuple(FOREIGN)
_MIN_PDU_BYTES = HEADER_BYTES + 8


@dataclass(slots=True)
class _Scan:
    """What is known of one scan group on this connection."""

    plan: Plan
    blocks: list[Block]
    masks: list[Mask | None]
    """Per column: the tags that cannot be read."""
    refused: list[Block] = field(default_factory=list)
    problems: dict[int, SpindleError] = field(default_factory=dict)
    probe_at_s: float = 0.0


class S7Driver:
    """One connection to one CPU; see `spoke/drivers/base.py` for the contract."""

    def __init__(self, settings: S7Config, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._where = f"{settings.host}:{settings.port}"
        self._session: Session | None = None
        self._scans: dict[GroupLayout, _Scan] = {}
        self.pdu_bytes = 0
        """The negotiated PDU length; 0 before connect."""

    @property
    def problems(self) -> Mapping[int, SpindleError]:
        found: dict[int, SpindleError] = {}
        for scan in self._scans.values():
            found |= scan.plan.unplanned
            found |= scan.problems
        return found

    async def connect(self, groups: Sequence[GroupLayout]) -> None:
        """TCP, ISO connection, negotiation; all within `timeout_s`. Raises DeviceError."""
        self._session = Session(self._settings)
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                self.pdu_bytes = await self._session.open()
        except _FOREIGN as error:
            raise translate(error, self._where) from error
        if self.pdu_bytes < _MIN_PDU_BYTES:
            raise ProtocolError(f"{self._where} allows only {self.pdu_bytes} bytes per answer.")
        self._scans = {group: self._first_scan(group) for group in groups}

    async def read(self, group: GroupLayout) -> list[Frame]:
        """One scan, stamped with the time at which it began. Raises DeviceError."""
        scan = self._scans.get(group)
        if scan is None:
            raise UnreachableError(f"{self._where} is not connected.")
        time_ns = self._clock.time_ns()
        image = bytearray(scan.plan.image_bytes)
        await self._fill(scan, image)
        data = np.frombuffer(image, dtype=np.uint8)
        return [
            _frame(column, data, mask, time_ns)
            for column, mask in zip(scan.plan.columns, scan.masks, strict=True)
        ]

    async def close(self) -> None:
        """Close at once. Never raises, may be called twice."""
        session, self._session = self._session, None
        self._scans = {}
        if session is not None:
            session.abort()
            await asyncio.sleep(0)  # the loop closes the socket in its next round

    def _first_scan(self, group: GroupLayout) -> _Scan:
        made = plan(group, self.pdu_bytes, self._settings.max_gap)
        return _Scan(made, list(made.blocks), _masks(made, made.unplanned))

    async def _fill(self, scan: _Scan, image: bytearray) -> None:
        """Read all blocks into the image; learn which are refused, and probe those now and then."""

        async def ask(block: Block) -> None:
            image[block.offset : block.offset + block.size] = await self._read_block(block)

        probing = bool(scan.refused) and self._clock.monotonic() >= scan.probe_at_s
        good: list[Block] = []
        refusals: list[Refusal] = []
        for block in [*scan.blocks, *scan.refused] if probing else scan.blocks:
            try:
                await ask(block)
                good.append(block)
            except ItemRefusedError as error:
                readable, refused = await cut(block, error, ask)
                good += readable
                refusals += refused
        if probing or refusals:
            self._note(scan, good, refusals, forget=probing)

    def _note(
        self, scan: _Scan, good: list[Block], refusals: Sequence[Refusal], *, forget: bool
    ) -> None:
        """Keep what this scan has learnt; `forget` the refusals that were known before."""
        if forget:
            scan.refused, scan.problems = [], {}
        scan.blocks = good
        scan.refused += [block for block, _ in refusals]
        for block, error in refusals:
            for item in block.items:
                place = describe(block.area, block.db, item.start, item.end - item.start)
                scan.problems[item.tag_id] = error.for_place(place)
        scan.probe_at_s = self._clock.monotonic() + PROBE_S
        scan.masks = _masks(scan.plan, {**scan.plan.unplanned, **scan.problems})

    async def _read_block(self, block: Block) -> bytes:
        """One request. Raises ItemRefusedError for this block, other DeviceErrors for all."""
        if self._session is None:
            raise UnreachableError(f"{self._where} is not connected.")
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await self._session.read_block(block)
        except _FOREIGN as error:
            raise translate(error, self._where) from error


def _masks(made: Plan, bad: Mapping[int, SpindleError]) -> list[Mask | None]:
    """Per column which tags have no value, or None when all have one."""
    ids = np.fromiter(bad, dtype=np.int32, count=len(bad))
    masks = [np.isin(column.column.tag_ids, ids) for column in made.columns]
    return [mask if mask.any() else None for mask in masks]


def _frame(column: ColumnPlan, image: Image, unread: Mask | None, time_ns: int) -> Frame:
    values, wrong = decode(column, image)
    if unread is None and wrong is None:
        return scan_frame(column.column, values, time_ns)
    quality = np.full(values.shape, Quality.GOOD, dtype=np.uint8)
    if wrong is not None:
        quality[wrong] = Quality.BAD_OUT_OF_RANGE
    if unread is not None:
        quality[unread] = Quality.BAD_CONFIG_ERROR
        values[unread] = blank(column.column.wire, (int(unread.sum()),))
    return scan_frame(column.column, values, time_ns, quality)
