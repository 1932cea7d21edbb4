"""Runs one use of a function: the same code live, in replay and in tests. Pure and synchronous.

It cuts a batch at its timers, keeps the last values, gives outputs their quality, and refuses what
does not fit the declaration; everything that goes wrong is a FunctionFault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.functions import Bindings, Fault, Output
from schemas.kinds import Array
from schemas.quality import Quality
from udf.base import Batch, Column, Function, Result, Returned
from udf.context import Context, Memory, TimerPassed
from udf.effects import Alarm, Effect, LogLine, Note, Write
from udf.faults import FunctionFault, fault_of, home_of
from udf.fitting import MisfitError, fitted
from udf.state import pack, unpack

_MAX_TIMER_CALLS = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Emission:
    """What one batch made. Every column has its times; [T] or, with `per`, [T, N]."""

    columns: dict[str, Column] = field(default_factory=dict)
    effects: tuple[Effect, ...] = ()
    log: tuple[LogLine, ...] = ()


class Engine:
    """Engine(kind, parameters, bindings): parameters as a JSON map. Raises FunctionFault."""

    def __init__(
        self, kind: type[Function[Any]], parameters: Mapping[str, Any], bindings: Bindings
    ) -> None:
        self._outputs = {output.name: output for output in kind.outputs}
        self._bindings = bindings
        self._memory = Memory()
        self._version = kind.version
        self._name = kind.name
        self._home = home_of(kind)
        try:
            params = kind.Params.model_validate(dict(parameters))
            tags = {**bindings.inputs, **bindings.outputs}
            self._context = Context(params, tags, self._memory)
            self._timed = kind.on_timer is not Function.on_timer
            self._optional = {
                item.name
                for item in kind.inputs
                if not item.required and not bindings.inputs.get(item.name)
            }
            self._function = kind()
            self._function.setup(self._context)
        except Exception as error:
            raise self._fault(error, "start") from error

    def process(self, batch: Batch) -> Emission:
        """All rows of a batch, oldest first."""
        parts: dict[str, list[Column]] = {}
        effects: list[Effect] = []
        try:
            self._advance(batch, parts, effects)
            columns = {name: _joined(columns) for name, columns in parts.items()}
        except FunctionFault:
            self._memory.notes, self._memory.lines = [], []
            raise
        except Exception as error:
            self._memory.notes, self._memory.lines = [], []
            raise self._fault(error) from error
        return Emission(columns, (*self._notes(), *effects), self._lines())

    def snapshot(self) -> bytes:
        """The state of the function, its timers and last values."""
        try:
            return self._saved()
        except Exception as error:
            raise self._fault(error) from error

    def restore(self, data: bytes) -> None:
        try:
            self._load(data)
        except Exception as error:
            raise self._fault(error, "start") from error

    def _saved(self) -> bytes:
        last = {name: list(pair) for name, pair in self._memory.last_rows().items()}
        state = self._function.snapshot()
        return pack({"state": state, "timers": self._memory.timers, "last": last})

    def _load(self, data: bytes) -> None:
        found = unpack(data)
        self._function.restore(found["state"])
        self._memory.timers.clear()
        self._memory.timers.update(found["timers"])
        last: dict[str, Any] = found["last"]
        self._memory.last = {name: (pair[0], pair[1]) for name, pair in last.items()}
        self._memory.newest = {}

    # --- one part of a batch --------------------------------------------------------------------
    def _advance(self, batch: Batch, parts: dict[str, list[Column]], effects: list[Effect]) -> None:
        """Rows and timers in the order of event time; a timer is called before the first row at or
        after its time."""
        start, calls, timers = 0, 0, self._memory.timers
        while start < len(batch):
            end = len(batch)
            name, due = min(timers.items(), key=lambda item: (item[1], item[0]), default=("", 0))
            if name in timers and due <= int(batch.times[-1]):
                end = int(np.searchsorted(batch.times, due, side="left"))
            if end > start:
                start = self._run(batch, start, end, parts, effects)
                continue  # these rows may have moved the timers
            calls += 1
            if calls > _MAX_TIMER_CALLS:
                raise self._wrong(f"timer {name!r} was called {calls} times in one batch")
            del timers[name]
            self._memory.now_ns = self._memory.first_ns = due
            returned = self._function.on_timer(name, due, self._context)
            self._take(returned, None, parts, effects)

    def _run(
        self,
        batch: Batch,
        start: int,
        end: int,
        parts: dict[str, list[Column]],
        effects: list[Effect],
    ) -> int:
        """Rows `start` to `end`, or fewer when they set a timer that is due among them: then all
        is as before them, and they run again up to that timer. Returns where it ended."""
        memory = self._memory
        while True:
            whole = start == 0 and end == len(batch)
            part = batch if whole else batch.cut(start, end)
            before = self._saved() if self._timed and len(part) > 1 else b""
            noted = len(memory.notes), len(memory.lines), memory.dropped
            memory.first_ns, memory.now_ns = int(part.times[0]), int(part.times[-1])
            memory.saw(part.columns)
            try:
                returned = self._function.process(part, self._context)
            except TimerPassed as passed:
                if not before:
                    raise ValueError(str(passed)) from None
                end = start + int(np.searchsorted(part.times, passed.at_ns, side="left"))
                self._load(before)
                del memory.notes[noted[0] :], memory.lines[noted[1] :]
                memory.dropped = noted[2]
                continue
            self._take(returned, part, parts, effects)
            return end

    def _take(
        self,
        returned: Returned,
        batch: Batch | None,
        parts: dict[str, list[Column]],
        effects: list[Effect],
    ) -> None:
        if returned is None:
            return
        result = returned if isinstance(returned, Result) else Result(returned)
        if not isinstance(result.outputs, Mapping):
            raise self._wrong(f"process returned a {type(returned).__name__}, not its outputs")
        for name, found in result.outputs.items():
            if name not in self._outputs:
                raise self._wrong(f"{name!r} is not one of its outputs")
            parts.setdefault(name, []).append(self._checked(self._outputs[name], found, batch))
        effects.extend(self._checked_effect(effect) for effect in result.effects)

    def _checked(self, output: Output, found: Column | Array, batch: Batch | None) -> Column:
        column = found if isinstance(found, Column) else Column(np.asarray(found))
        times = column.times if column.times is not None else batch.times if batch else None
        if times is None:
            raise self._wrong(f"output {output.name!r} of a timer needs times")
        times = np.asarray(times, dtype=np.int64)
        shape: tuple[int, ...] = (len(times),)
        if output.per:
            shape = (len(times), len(self._bindings.inputs.get(output.per, ())))
        quality = column.quality
        values = np.asarray(column.values)
        try:
            if quality is None and batch is not None and not isinstance(found, Column):
                quality = worst(self._bound(batch), output, shape)
            return fitted(output, values, quality, times, shape)
        except MisfitError as error:
            raise self._wrong(str(error)) from None

    def _bound(self, batch: Batch) -> Batch:
        """Without the optional inputs that have no tag: they are no reason for a bad output."""
        if not self._optional:
            return batch
        columns = {name: item for name, item in batch.columns.items() if name not in self._optional}
        return Batch(batch.times, columns)

    def _checked_effect(self, effect: Alarm | Write) -> Effect:
        if isinstance(effect, Alarm):
            if effect.time_ns:
                return effect
            now = self._memory.now_ns
            return Alarm(effect.name, effect.active, effect.message, effect.level, now)
        if isinstance(effect, Write):
            return effect
        raise self._wrong(f"{effect!r} is neither an Alarm nor a Write")

    # --- notes and faults -----------------------------------------------------------------------
    def _notes(self) -> Sequence[Note]:
        notes, self._memory.notes = self._memory.notes, []
        return notes

    def _lines(self) -> tuple[LogLine, ...]:
        memory = self._memory
        lines, memory.lines = memory.lines, []
        if memory.dropped:
            text = f"{memory.dropped} more lines or events of this batch were left out"
            lines.append(LogLine("warning", text, memory.now_ns))
            memory.dropped = 0
        return tuple(lines)

    def _wrong(self, message: str) -> FunctionFault:
        return FunctionFault(self._named(Fault("shape", message)))

    def _fault(self, error: Exception, kind: str = "exception") -> FunctionFault:
        if isinstance(error, FunctionFault):
            return error
        return FunctionFault(self._named(fault_of(error, kind, self._home)))

    def _named(self, fault: Fault) -> Fault:
        tags = [tag.name for tags in self._bindings.outputs.values() for tag in tags]
        return Fault(
            fault.kind,
            fault.message,
            self._name,
            self._version,
            fault.line,
            fault.file,
            fault.traceback,
            tuple(tags[:20]),
            self._memory.now_ns,
        )


def worst(batch: Batch, output: Output, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """The worst quality of a row's inputs, in the output's shape; None where all are good.

    With `per`, element by element of that input. The codes are in order: bad, uncertain, good.
    """
    found: NDArray[np.uint8] | None = None
    for name, column in batch.columns.items():
        if column.quality is None:
            continue
        quality = column.quality
        if quality.ndim == 2 and not (output.per and name == output.per):
            quality = quality.min(axis=1, initial=Quality.GOOD)
        if quality.ndim < len(shape):
            quality = quality[:, np.newaxis]
        found = np.broadcast_to(quality, shape) if found is None else np.minimum(found, quality)
    return None if found is None or bool((found >= Quality.GOOD).all()) else found


def _joined(columns: Sequence[Column]) -> Column:
    if len(columns) == 1:
        return columns[0]
    quality = None
    if any(column.quality is not None for column in columns):
        quality = np.concatenate([column.qualities() for column in columns])
    times = [column.times for column in columns if column.times is not None]
    return Column(
        np.concatenate([column.values for column in columns]), quality, np.concatenate(times)
    )
