"""A function opened for a use: its declaration, its tags, its rows, and its executor."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.config.devices import ManifestDevice
from schemas.config.functions import FunctionConfig
from schemas.frames import Frame
from schemas.functions import Bindings, FunctionSpec, TagInfo
from schemas.quality import Quality
from spoke.functions.outputs import Outputs, bind
from spoke.functions.saved import Saved
from spoke.functions.slots import Slot, Slots
from udf.align import Aligner
from udf.base import Batch, Column
from udf.engine import Emission
from udf.faults import FunctionFault
from udf.passing import Last, passed, remember

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wiring:
    """A use as the manifest has it: `tags` are those that it names, by id; `groups` is the number
    of scan groups that its inputs are of."""

    device: ManifestDevice
    tags: Mapping[int, TagInfo]
    groups: int

    @property
    def config(self) -> FunctionConfig:
        assert isinstance(self.device.connection, FunctionConfig)
        return self.device.connection


class Use:
    def __init__(self, wiring: Wiring, slots: Slots) -> None:
        """Takes a slot; give it back with `close`."""
        self.wiring, self._slots = wiring, slots
        self._config = config = wiring.config
        self.slot: Slot = slots.acquire(config.function, config.package, config.limits)
        self._key = wiring.device.id
        self._life = 0
        self._last: dict[str, Last] = {}

    async def prepare(self) -> None:
        """Learn what the function declares. Raises FunctionFault, ConfigError, SpokeOfflineError
        while its package is not here."""
        self.spec: FunctionSpec = await self.slot.spec()
        self.bindings: Bindings = bind(self.wiring.device, self.spec, self.wiring.tags)
        self._outputs = Outputs(self.wiring.device, self.spec)
        self._aligner = self._new_aligner()

    async def open(self, saved: Saved) -> str:
        """Start it with this state. A state that does not fit (any more) is left behind: then why,
        in words; else an empty text. Raises FunctionFault."""
        problem = ""
        self._aligner = self._new_aligner()
        try:
            if saved.aligner is not None:
                self._aligner.restore(saved.aligner)
            await self._open(saved.state)
        except (FunctionFault, ValueError) as error:
            if saved.state is None:
                raise
            saved.state, saved.aligner, problem = None, None, str(error)
            self._aligner = self._new_aligner()
            await self._open(None)
        return problem

    async def _open(self, state: bytes | None) -> None:
        parameters = self._config.parameters
        self._life = await self.slot.open(self._key, parameters, self.bindings, state)

    def rows(self, messages: Iterable[Sequence[Frame]]) -> Batch | None:
        """The rows that are complete after these messages, None without one. Message by message:
        what is late must not depend on how many are read at a time."""
        found = [batch for frames in messages if (batch := self._aligner.take(frames)) is not None]
        return Batch.joined(found) if found else None

    @property
    def newest_ns(self) -> int:
        """Time of the newest row; negative before the first."""
        return self._aligner.newest_ns

    @property
    def late(self) -> int:
        return self._aligner.late

    async def process(self, batch: Batch) -> tuple[Emission, float]:
        """What it made, and CPU seconds. Raises FunctionFault, LostError."""
        emission, cpu_s = await self.slot.process(self._key, self._life, batch)
        remember(self._last, emission.columns)
        return emission, cpu_s

    def passed(self, batch: Batch, *, again: bool) -> dict[str, Column]:
        """What stands at the outputs when the step is taken out for these rows; `again`: it was
        so for the rows before, and a last value that stands was said."""
        columns = passed(batch, self.spec.outputs, self.bindings, self._last)
        if not again:
            return columns
        return {name: column for name, column in columns.items() if not _stands(column)}

    def frames(self, columns: Mapping[str, Column]) -> list[tuple[Frame, Frame | None]]:
        return self._outputs.frames(columns)

    async def snapshot_into(self, saved: Saved) -> None:
        """State and waiting rows as of now. Raises FunctionFault, LostError."""
        if self._life:
            saved.state = await self.slot.snapshot(self._key, self._life)
            saved.aligner = self._aligner.snapshot()

    async def close(self) -> None:
        config = self._config
        await self.slot.drop(self._key)
        await self._slots.release(config.function, config.package, config.limits)

    def _new_aligner(self) -> Aligner:
        ids = {name: [tag.id for tag in tags] for name, tags in self.bindings.inputs.items()}
        lateness_ns = self._config.lateness_ms * 10**6 if self.wiring.groups > 1 else 0
        return Aligner(self.spec.inputs, ids, lateness_ns)


def _stands(column: Column) -> bool:
    """Nothing but a last usable value."""
    codes = column.qualities()
    return bool(((codes == Quality.UNCERTAIN_LAST_USABLE) | (codes == Quality.BAD)).all())
