"""Steps: built-ins that change a device's values in the worker, before they are stored.

After scale and clamp, before the deadband. A step works on the tags of one column; the column keeps
its type. A fault takes the step out for that scan: values pass, uncertain.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.config.devices import ManifestDevice
from schemas.config.functions import StepConfig
from schemas.frames import Frame
from schemas.functions import Bindings, Fault, TagInfo
from schemas.kinds import Array
from schemas.quality import Quality
from spoke.drivers.base import Column as TagColumn
from spoke.drivers.base import GroupLayout
from udf.base import Batch, Column
from udf.builtins import builtin, is_step
from udf.engine import Engine
from udf.faults import FunctionFault
from udf.state import pack, unpack

_log = logging.getLogger(__name__)
_MAX_FAULTS = 5
_FORMAT = 1


class Steps:
    """The steps of a device: `of(column)` gives those of one column, None for none.

    Their state is kept in `folder`; what was there is taken up when the steps are still the same.
    """

    def __init__(self, device: ManifestDevice, groups: Sequence[GroupLayout], folder: Path) -> None:
        self._path = folder / f"{device.id}.state"
        self._chains: dict[int, list[Step]] = {}
        for group in groups:
            for column in group.columns:
                chain = [step for config in device.steps if (step := _step(config, column))]
                if chain:
                    self._chains[id(column)] = chain
        self._identity = [
            [config.model_dump_json() for config in device.steps],
            [step.tag_ids for chain in self._chains.values() for step in chain],
        ]
        if self._chains:
            self._restore()

    def of(self, column: TagColumn) -> list[Step]:
        return self._chains.get(id(column), [])

    def save(self) -> None:
        """Raises nothing: a state that cannot be kept is logged."""
        if not self._chains:
            return
        states = [step.snapshot() for chain in self._chains.values() for step in chain]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._path.with_suffix(".new")
            found = {"format": _FORMAT, "identity": self._identity, "states": states}
            temporary.write_bytes(pack(found))
            temporary.replace(self._path)
        except OSError as error:
            _log.warning("Steps not saved: %s", error, extra={"action": "steps.state"})

    def _restore(self) -> None:
        try:
            found = unpack(self._path.read_bytes())
            if found["format"] == _FORMAT and found["identity"] == self._identity:
                steps = [step for chain in self._chains.values() for step in chain]
                for step, state in zip(steps, found["states"], strict=True):
                    step.restore(state)
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError, OSError) as error:
            _log.warning("Steps start anew: %s", error, extra={"action": "steps.state"})


class Step:
    """One built-in on some tags of a column."""

    def __init__(self, config: StepConfig, column: TagColumn, where: NDArray[np.intp]) -> None:
        self._config, self._where, self._count = config, where, len(column.tags)
        self._kind = builtin(config.function)
        tags = tuple(TagInfo(column.tags[at].id, column.tags[at].name) for at in where)
        self.tag_ids = [tag.id for tag in tags]
        self._input = next(item.name for item in self._kind.inputs if item.many)
        self._output = next(item.name for item in self._kind.outputs if item.per)
        self._bindings = Bindings({self._input: tags}, {self._output: tags})
        self._faults = 0
        self._engine: Engine | None = None
        self._open()

    def apply(self, frame: Frame, places: slice | NDArray[np.intp]) -> Frame:
        """The frame with new values; `places` are the positions of its tags in the column."""
        try:
            if isinstance(places, slice) and frame.source_times is None:
                return self._scans(frame)
            return self._events(frame, np.arange(self._count)[places])
        except FunctionFault as error:
            return self._taken_out(frame, error.fault)

    def snapshot(self) -> bytes | None:
        try:
            return self._engine.snapshot() if self._engine else None
        except FunctionFault:
            return None

    def restore(self, state: bytes | None) -> None:
        if state is None or self._engine is None:
            return
        try:
            self._engine.restore(state)
        except FunctionFault:
            self._open()

    def _open(self) -> None:
        try:
            self._engine = Engine(self._kind, self._config.parameters, self._bindings)
        except FunctionFault as error:
            self._engine = None
            self._say(error.fault)

    def _scans(self, frame: Frame) -> Frame:
        """Values [S, N] of the whole column."""
        where, quality = self._where, frame.quality
        numbers = frame.values[:, where].astype(np.float64)
        column = Column(numbers, None if quality is None else quality[:, where])
        found = self._process(Batch(frame.times, {self._input: column}))
        if len(where) == self._count:  # in the column's own order
            values, codes = _as(found.values, frame.values.dtype), found.quality
        else:
            values = frame.values.copy()
            values[:, where] = _as(found.values, values.dtype)
            codes = None
            if quality is not None or found.quality is not None:
                codes = frame.qualities()
                codes[:, where] = found.qualities()
        return Frame(frame.tag_ids, frame.times, values, codes, frame.source_times)

    def _events(self, frame: Frame, positions: NDArray[np.intp]) -> Frame:
        """Changes come tag by tag, values [1, n]: the other tags have no value in that row, and
        keep their state. A tag that occurs more than once makes more rows."""
        values, codes = frame.values.copy(), frame.qualities()
        place_of = {at: place for place, at in enumerate(self._where.tolist())}
        for number, row in enumerate(_turns(positions.tolist(), place_of)):
            where = [place_of[int(positions[at])] for at in row]
            numbers = np.full((1, len(self._where)), np.nan)
            quality = np.zeros((1, len(self._where)), dtype=np.uint8)
            numbers[0, where], quality[0, where] = values[0, row], codes[0, row]
            times = frame.times[:1] + number
            found = self._process(Batch(times, {self._input: Column(numbers, quality)}))
            values[0, row] = _as(found.values[0, where], values.dtype)
            codes[0, row] = found.qualities()[0, where]
        return Frame(frame.tag_ids, frame.times, values, codes, frame.source_times)

    def _process(self, batch: Batch) -> Column:
        if self._engine is None:
            raise FunctionFault(Fault("start", "it is out", self._kind.name, self._kind.version))
        found = self._engine.process(batch).columns.get(self._output)
        if found is None or not np.array_equal(found.times, batch.times):  # type: ignore[arg-type]
            text = "it does not give one value for each scan, so it cannot be a step"
            raise FunctionFault(Fault("shape", text, self._kind.name, self._kind.version))
        return found

    def _taken_out(self, frame: Frame, fault: Fault) -> Frame:
        """The values unchanged, what was good uncertain; the step starts anew, or stays out."""
        if self._engine is not None:
            self._faults += 1
            self._say(fault)
            self._engine = None
            if self._faults < _MAX_FAULTS:
                self._open()
        codes = frame.qualities()
        mine = np.isin(frame.tag_ids, self.tag_ids)
        codes[:, mine] = np.minimum(codes[:, mine], np.uint8(Quality.UNCERTAIN_FUNCTION))
        return Frame(frame.tag_ids, frame.times, frame.values, codes, frame.source_times)

    def _say(self, fault: Fault) -> None:
        stays = "; it stays out" if self._faults >= _MAX_FAULTS else ""
        _log.error(
            "A step was taken out: %s%s; its tags pass unchanged, uncertain",
            fault.words,
            stays,
            extra={"action": "step.fault", "tags": self.tag_ids[:20]},
        )


def _step(config: StepConfig, column: TagColumn) -> Step | None:
    if column.wire in ("O", "|b1"):
        return None
    where = [at for at, tag in enumerate(column.tags) if config.names(tag.name)]
    if not where:
        return None
    if not is_step(config.function):  # the hub checks; a gateway of an older release may differ
        _log.error("%s cannot be a step", config.function, extra={"action": "step.refused"})
        return None
    return Step(config, column, np.array(where, dtype=np.intp))


def _turns(positions: Sequence[int], known: Mapping[int, int]) -> list[list[int]]:
    """The events of our tags in rows: the first of each tag, the second of each, ..."""
    rows: list[list[int]] = []
    count: dict[int, int] = {}
    for at, position in enumerate(positions):
        if position in known:
            number = count[position] = count.get(position, -1) + 1
            if number == len(rows):
                rows.append([])
            rows[number].append(at)
    return rows


def _as(values: Array, dtype: Any) -> Array:
    """Floats in the column's own type, so that a tag's type never changes; NaN becomes 0 in an
    integer column, whose quality says that it is bad."""
    if dtype.kind == "f":
        return values.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    whole = np.nan_to_num(np.rint(values.astype(np.float64)))
    found: Array = np.clip(whole, limits.min, limits.max).astype(dtype)
    return found
