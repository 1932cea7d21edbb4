"""What a device refuses: exception codes, and the search for the addresses behind them.

A block that is answered with "illegal data address" is halved until the values that the device does
not have are alone. They are asked for again once a minute; the rest is read on in what is left of
the block. A block that fails although both halves are fine (a hole between them, a limit on the
number of registers) stays in two; the place is a *seam*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass

from schemas.addresses.modbus import ModbusAddress, Table
from schemas.config.drivers import ModbusConfig
from schemas.errors import (
    DeviceError,
    DeviceTimeoutError,
    SpindleError,
    TagReadError,
    UnreachableError,
)
from schemas.quality import Quality
from spoke.clock import Clock
from spoke.drivers.base import GroupLayout
from spoke.drivers.modbus import planner
from spoke.drivers.modbus.planner import HEAD, Block, ScanPlan
from spoke.drivers.modbus.requests import Answer, ExceptionAnswer, Reader

PROBE_EVERY_S = 60.0
PROBES_PER_SCAN = 8
HALVES_PER_SCAN = 128
"""The search goes on in the next scan when a device refuses very much."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """An exception code: its name in the specification, and what it does to the block's tags."""

    words: str
    quality: Quality = Quality.BAD_DEVICE_FAILURE
    hint: str = "Look at the device's diagnostics; Spindle asks again with the next scan."
    error: type[DeviceError] | None = None
    """Set when the whole device is concerned."""


_CHECK_ADDRESS = TagReadError.hint
MEANINGS: Mapping[int, Meaning] = {
    1: Meaning("illegal function", Quality.BAD_CONFIG_ERROR, "The device lacks this table."),
    2: Meaning("illegal data address", Quality.BAD_CONFIG_ERROR, _CHECK_ADDRESS),
    3: Meaning("illegal data value", Quality.BAD_CONFIG_ERROR, _CHECK_ADDRESS),
    4: Meaning("server device failure"),
    5: Meaning("acknowledge, the device is occupied", Quality.BAD_COMM_FAILURE),
    6: Meaning("server device busy", Quality.BAD_COMM_FAILURE),
    8: Meaning("memory parity error"),
    10: Meaning("gateway path unavailable", error=UnreachableError),
    11: Meaning("gateway target device failed to respond", error=DeviceTimeoutError),
}
"""Source: *MODBUS Application Protocol Specification V1.1b3*, section 7."""
_UNKNOWN = Meaning("a code that the specification does not have")
ILLEGAL_FUNCTION, SERVER_FAILURE = 1, 4
NARROWS = (2, 3)
"""What only a part of a request may have caused."""
NOBODY_BEHIND = (10, 11)
"""What a gateway says: path unavailable, target does not respond."""

Failures = dict[int, Quality]
"""Block number -> the quality of its tags in this scan."""


@dataclass(slots=True)
class _Refused:
    block: Block  # one value, or a whole block when the device lacks the function
    code: int
    retry_at: float  # monotonic seconds


class GroupScan:
    """What is asked for one scan group: it starts with everything and learns what is refused."""

    def __init__(
        self,
        group: GroupLayout,
        places: Mapping[int, ModbusAddress],
        settings: ModbusConfig,
        clock: Clock,
        problems: MutableMapping[int, SpindleError],
    ) -> None:
        """`places` by tag id; `problems` is where refused tags are named, by tag id."""
        self._group, self._settings, self._clock = group, settings, clock
        self._places = {tag.id: places[tag.id] for tag in group.tags if tag.id in places}
        self._names = {tag.id: tag.name for tag in group.tags}
        self._problems = problems
        self._refused: list[_Refused] = []
        self._seams: set[tuple[Table, int]] = set()
        self._failing: dict[Block, int] = {}  # with an exception that may pass, by code
        self._start_over()

    @property
    def plan(self) -> ScanPlan:
        """What the next scan asks for."""
        return self._plan

    async def read(self, client: Reader) -> tuple[ScanPlan, bytes, Failures]:
        """One scan: the plan, the buffer it reads, and the blocks without values.

        Raises DeviceError when the connection is of no more use.
        """
        if self._refused:
            await self._probe(client)
        plan = self._plan
        answers = await client.scan(plan.requests)
        failed = {
            block: answer.code
            for block, answer in zip(plan.blocks, answers, strict=True)
            if isinstance(answer, ExceptionAnswer)
        }
        if not failed:
            if self._failing:
                self._note(failed)
            return plan, b"".join([HEAD, *answers]), {}  # type: ignore[list-item]
        return await self._sort_out(client, dict(zip(plan.blocks, answers, strict=True)))

    # --- learning ---------------------------------------------------------------------------------

    def _start_over(self) -> None:
        blocks = planner.plan_blocks(self._places.values(), self._settings)
        self._plan = self._assemble(blocks)
        self._refused = []

    def _assemble(self, blocks: Iterable[Block]) -> ScanPlan:
        return planner.assemble(self._group, self._places, blocks, self._settings)

    async def _probe(self, client: Reader) -> None:
        """Ask again for refused values whose minute is over; when one is there, forget them all."""
        now_s = self._clock.monotonic()
        due = [refused for refused in self._refused if refused.retry_at <= now_s]
        due = due[:PROBES_PER_SCAN]
        answers = await self._ask(client, [refused.block for refused in due])
        if any(isinstance(answer, bytes) for answer in answers.values()):
            self._start_over()
            self._note({})
        for refused in due:
            refused.retry_at = now_s + PROBE_EVERY_S

    async def _ask(self, client: Reader, blocks: list[Block]) -> dict[Block, Answer]:
        requests = [planner.request_of(block, self._settings) for block in blocks]
        return dict(zip(blocks, await client.scan(requests), strict=True))

    async def _sort_out(
        self, client: Reader, answers: dict[Block, Answer]
    ) -> tuple[ScanPlan, bytes, Failures]:
        """A scan with exceptions: find the refused values, keep the rest."""
        answers = await self._narrow(client, answers)
        self._raise_for_device(answers.values())
        self._forget_refused(answers)
        failing = {b: a.code for b, a in answers.items() if isinstance(a, ExceptionAnswer)}
        self._note(failing)
        plan = self._plan
        if set(plan.blocks) != set(answers):
            plan = self._assemble(answers)
            apart = self._seams | {(b.table, edge) for b in failing for edge in (b.start, b.end)}
            merged = planner.merge(plan.blocks, apart, self._settings)
            self._plan = self._assemble(merged)  # from the next scan on
        payloads = [_payload(block, answers[block]) for block in plan.blocks]
        failures = {
            number: _meaning(failing[block]).quality
            for number, block in enumerate(plan.blocks)
            if block in failing
        }
        return plan, b"".join([HEAD, *payloads]), failures

    async def _narrow(self, client: Reader, answers: dict[Block, Answer]) -> dict[Block, Answer]:
        """Halve refused blocks, all of a level in one scan, until what fails is one value."""
        settled: dict[Block, Answer] = {}
        asked = 0
        while answers:
            refused = [block for block, answer in answers.items() if _narrows(block, answer)]
            refused = refused[: (HALVES_PER_SCAN - asked) // 2]
            settled |= {b: a for b, a in answers.items() if b not in refused}
            pairs = [planner.split(block) for block in refused]
            answers = await self._ask(client, [half for pair in pairs for half in pair])
            asked += len(answers)
            for left, right in pairs:
                if isinstance(answers[left], bytes) and isinstance(answers[right], bytes):
                    self._seams.add((right.table, right.start))
        return settled

    def _raise_for_device(self, answers: Iterable[Answer]) -> None:
        for answer in answers:
            if isinstance(answer, ExceptionAnswer):
                meaning = _meaning(answer.code)
                if meaning.error is not None:
                    raise meaning.error(
                        f"Unit {self._settings.unit_id} at {self._settings.place}: {meaning.words} "
                        f"(exception {answer.code}).",
                        hint="Check the unit id and the slave behind the gateway.",
                    )

    def _forget_refused(self, answers: dict[Block, Answer]) -> None:
        """Take what is refused for good out of `answers`, until the next probe."""
        retry_at = self._clock.monotonic() + PROBE_EVERY_S
        for block, answer in list(answers.items()):
            if not isinstance(answer, ExceptionAnswer):
                continue
            alone = len(block.values) == 1 and answer.code in NARROWS
            if alone or answer.code == ILLEGAL_FUNCTION:
                self._refused.append(_Refused(block, answer.code, retry_at))
                del answers[block]

    def _note(self, failing: dict[Block, int]) -> None:
        """Bring `problems` up to date."""
        for tag_id in self._places:
            self._problems.pop(tag_id, None)
        self._failing = failing
        codes = {refused.block: refused.code for refused in self._refused} | failing
        by_place = {
            (block.table, start, end): code
            for block, code in codes.items()
            for start, end in block.values
        }
        for tag_id, place in self._places.items():
            code = by_place.get((place.table, place.start, place.end))
            if code is not None:
                self._problems[tag_id] = _problem(self._names[tag_id], place, code)


def _narrows(block: Block, answer: Answer) -> bool:
    refused = isinstance(answer, ExceptionAnswer) and answer.code in NARROWS
    return refused and len(block.values) > 1


def _payload(block: Block, answer: Answer) -> bytes:
    return answer if isinstance(answer, bytes) else bytes(block.payload_bytes)


def words_of(code: int) -> str:
    """`exception 2, illegal data address`."""
    return f"exception {code}, {_meaning(code).words}"


def _meaning(code: int) -> Meaning:
    return MEANINGS.get(code, _UNKNOWN)


def _problem(name: str, place: ModbusAddress, code: int) -> TagReadError:
    return TagReadError(
        f"{name}: the device answers {place.words} with {words_of(code)}.",
        hint=_meaning(code).hint,
    )
