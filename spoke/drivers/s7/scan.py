"""One scan group on one connection: its reads, and what the CPU refuses of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from schemas.config.s7 import S7Family
from schemas.errors import SpindleError
from spoke.clock import Clock
from spoke.drivers.s7.addresses import describe
from spoke.drivers.s7.codec import Mask
from spoke.drivers.s7.errors import ItemRefusedError, read_refusal
from spoke.drivers.s7.messages import Answer, Request, read_request
from spoke.drivers.s7.planner import SPARE_BYTES, Block, Plan
from spoke.drivers.s7.refusal import Refusal, cut
from spoke.drivers.s7.session import Session

PROBE_S = 60.0
"""How often a refused place is asked again: a block may have been loaded in the meantime."""
_SPARE = bytes(SPARE_BYTES)


class GroupScan:
    """It starts with everything that is planned, and learns what is refused."""

    def __init__(self, plan: Plan, family: S7Family, clock: Clock) -> None:
        self.plan = plan
        self.blocks: list[Block] = list(plan.blocks)
        """What is asked for now."""
        self.problems: dict[int, SpindleError] = {}
        """Tags that the CPU refuses."""
        self.masks = _masks(plan, plan.unplanned)
        """Per column: the tags that cannot be read."""
        self._family, self._clock = family, clock
        self._requests = _requests(self.blocks)
        self._whole = True  # the answers, one after the other, are the image
        self._refused: list[Block] = []
        self._probe_at_s = 0.0

    async def read(self, session: Session) -> bytes | bytearray:
        """The image of one scan. Raises DeviceError when the connection is of no more use."""
        if self._refused and self._clock.monotonic() >= self._probe_at_s:
            return await self._sort_out(session, [*self.blocks, *self._refused], probing=True)
        answers = await session.exchange(self._requests)
        if any(isinstance(answer, int) for answer in answers):
            return await self._sort_out(session, self.blocks, answers)
        if self._whole:
            return b"".join([_SPARE, *answers])  # type: ignore[list-item]  # the blocks in order
        image = bytearray(self.plan.image_bytes)
        for block, answer in zip(self.blocks, answers, strict=True):
            image[block.offset : block.offset + block.size] = answer  # type: ignore[assignment]
        return image

    async def _sort_out(
        self,
        session: Session,
        blocks: Sequence[Block],
        answers: Sequence[Answer] = (),
        *,
        probing: bool = False,
    ) -> bytearray:
        """The image of a scan of these blocks in which some are refused, or may be."""
        image = bytearray(self.plan.image_bytes)

        def take(block: Block, answer: Answer) -> None:
            if isinstance(answer, int):
                raise read_refusal(answer, self._family)
            image[block.offset : block.offset + block.size] = answer

        async def ask(block: Block) -> None:
            (answer,) = await session.exchange(_requests([block]))
            take(block, answer)

        good: list[Block] = []
        refusals: list[Refusal] = []
        answers = answers or await session.exchange(_requests(blocks))
        for block, answer in zip(blocks, answers, strict=True):
            try:
                take(block, answer)
                good.append(block)
            except ItemRefusedError as error:
                readable, refused = await cut(block, error, ask)
                good += readable
                refusals += refused
        self._note(good, refusals, forget=probing)
        return image

    def _note(self, good: list[Block], refusals: Sequence[Refusal], *, forget: bool) -> None:
        """Keep what this scan has learnt; `forget` the refusals that were known before."""
        if forget:
            self._refused, self.problems = [], {}
            if not refusals:
                good = list(self.plan.blocks)
        self.blocks, self._requests = good, _requests(good)
        self._whole = good == list(self.plan.blocks)
        self._refused += [block for block, _ in refusals]
        for block, error in refusals:
            for item in block.items:
                place = describe(block.area, block.db, item.start, item.end - item.start)
                self.problems[item.tag_id] = error.for_place(place, self._family)
        self._probe_at_s = self._clock.monotonic() + PROBE_S
        self.masks = _masks(self.plan, {**self.plan.unplanned, **self.problems})


def _requests(blocks: Sequence[Block]) -> list[Request]:
    return [read_request(block.area, block.db, block.start, block.size) for block in blocks]


def _masks(made: Plan, bad: Mapping[int, SpindleError]) -> list[Mask | None]:
    """Per column which tags have no value, or None when all have one."""
    ids = np.fromiter(bad, dtype=np.int32, count=len(bad))
    masks = [np.isin(column.column.tag_ids, ids) for column in made.columns]
    return [mask if mask.any() else None for mask in masks]
