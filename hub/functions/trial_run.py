"""A function on stored values, as the gateway's host would run it. Synchronous: it has a thread.

A fault takes the function out for that batch; the next one meets a fresh executor with the state
of the last good batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hub.functions.trial_curves import Curves, Place
from hub.storage.event_rows import plain
from schemas.config.functions import LimitsConfig
from schemas.errors import ConfigError
from schemas.frames import Frame
from schemas.functions import Bindings, Fault, FunctionSpec
from udf.align import Aligner
from udf.base import Batch, Column
from udf.effects import Alarm, Effect, LogLine, Note, Write
from udf.engine import Emission
from udf.execution import Executor
from udf.faults import FunctionFault
from udf.passing import Last, passed, remember

BATCH_ROWS = 1_000
"""A gateway's batches are a quarter of a second; the time limit of one is for such."""
MAX_OUTPUT_VALUES = 4_000_000
MAX_EFFECTS = 500
MAX_LINES = 1_000
_KEY = 1

Maker = Callable[[], Executor]


@dataclass(slots=True)
class Found:
    """What a trial has made so far."""

    before: Curves = field(default_factory=Curves)
    after: Curves = field(default_factory=Curves)
    rows: int = 0
    cpu_s: float = 0.0
    faults: list[Fault] = field(default_factory=list)
    effects: list[dict[str, Any]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)


class TrialRun:
    """TrialRun(make, parameters, bindings, limits). Every method blocks; `close` it at the end."""

    def __init__(
        self,
        make: Maker,
        parameters: Mapping[str, Any],
        bindings: Bindings,
        spec: FunctionSpec,
        limits: LimitsConfig,
    ) -> None:
        self.found = Found()
        self.ended = False
        """It has stopped after too many faults, or could not start."""
        self._aborted = False
        self._make = make
        self._parameters = parameters
        self._bindings = bindings
        self._spec = spec
        self._limits = limits
        tags = {name: [tag.id for tag in found] for name, found in bindings.inputs.items()}
        self._aligner = Aligner(spec.inputs, tags)
        self._executor: Executor | None = None
        self._ready = False
        self._state: bytes | None = None
        self._last: dict[str, Last] = {}
        self._alarms: dict[str, bool] = {}

    def take(self, frames: Iterable[Frame], start_ns: int) -> None:
        """All values of a stretch of time; rows before `start_ns` only prepare the inputs.

        Raises ConfigError when the function makes more values than a trial holds.
        """
        batch = self._aligner.take(frames)
        if batch is None or self.ended:
            return
        first = int(batch.times.searchsorted(start_ns))
        for start in range(first, len(batch), BATCH_ROWS):
            if not self._run(batch.cut(start, min(start + BATCH_ROWS, len(batch)))):
                break
        if self._aborted:
            self.close()  # one that was just being made

    def say(self, kind: str, message: str, time_ns: int) -> None:
        """Something that people should know of this trial, among its effects."""
        self._effect({"kind": kind, "level": "warning", "time_ns": time_ns, "message": message})

    def abort(self) -> None:
        """From another thread: end at once, also in the middle of a batch. Never raises."""
        self._aborted = self.ended = True
        executor = self._executor
        if executor is not None:
            executor.close()

    def close(self) -> None:
        """End the function's process. Never raises."""
        if self._executor is not None:
            self.found.cpu_s += self._executor.cpu_s
            self._executor.close()
            self._executor, self._ready = None, False

    # --- one batch ------------------------------------------------------------------------------
    def _run(self, batch: Batch) -> bool:
        """False when it has stopped."""
        self.found.rows += len(batch)
        began = time.thread_time()
        try:
            executor = self._opened()
            emission = executor.process(_KEY, batch)
            self._state = executor.snapshot(_KEY)
        except FunctionFault as error:
            self._fault(error.fault, batch)
            return not self.ended
        finally:
            self.found.cpu_s += time.thread_time() - began
        remember(self._last, emission.columns)
        self._take(emission, batch)
        return not self.ended

    def _opened(self) -> Executor:
        """Ready for a batch; after a fault anew, with the last state. Raises FunctionFault."""
        if self._executor is not None and not self._executor.alive:
            self.close()
        if self._executor is None:
            self._executor = self._make()
            self.found.cpu_s -= self._executor.cpu_s  # its start is no cost of a value
        if not self._ready:
            self._executor.open(_KEY, self._parameters, self._bindings, self._state)
            self._ready = True
        return self._executor

    def _fault(self, fault: Fault, batch: Batch) -> None:
        at = fault.time_ns or int(batch.times[-1])
        named = fault.function or self._spec.name
        version = fault.version or self._spec.version
        fault = replace(fault, function=named, version=version, time_ns=at)
        found = self.found
        found.faults.append(fault)
        self._ready = False
        self._columns(passed(batch, self._spec.outputs, self._bindings, self._last), batch)
        if len(found.faults) >= self._limits.faults or fault.kind == "start":
            self.ended = True
            count = len(found.faults)
            words = "It cannot start." if fault.kind == "start" else f"Stopped after {count} faults"
            self.say("stopped", f"{words.rstrip('.')}, as it would be on the gateway.", at)

    # --- what it made ---------------------------------------------------------------------------
    def _take(self, emission: Emission, batch: Batch) -> None:
        self._columns(emission.columns, batch)
        for effect in emission.effects:
            self._noted(effect, int(batch.times[-1]))
        for line in emission.log[: MAX_LINES - len(self.found.log)]:
            self.found.log.append(_line(line))

    def _columns(self, columns: Mapping[str, Column], batch: Batch) -> None:
        units = {output.name: output.unit for output in self._spec.outputs}
        sources = {output.name: output.per for output in self._spec.outputs}
        for name, column in columns.items():
            times = batch.times if column.times is None else column.times
            tags = self._bindings.outputs.get(name, ())
            inputs = self._bindings.inputs.get(sources.get(name, ""), ())
            values = column.values.reshape(len(times), -1)
            quality = None if column.quality is None else column.quality.reshape(values.shape)
            for at in range(values.shape[1]):
                unit = units.get(name) or (inputs[at].unit if at < len(inputs) else "")
                place = Place(name, tags[at].name if at < len(tags) else name, unit)
                codes = None if quality is None else quality[:, at]
                self.found.after.add(place, times, values[:, at], codes)
        if self.found.after.values > MAX_OUTPUT_VALUES:
            raise ConfigError(
                f"The function makes more than {MAX_OUTPUT_VALUES:,} values in this range.",
                hint="Choose a shorter range.",
                path="range",
            )

    def _noted(self, effect: Effect, time_ns: int) -> None:
        if isinstance(effect, Alarm):
            if self._alarms.get(effect.name, False) == effect.active:
                return  # the same state again is no change
            self._alarms[effect.name] = effect.active
        self._effect(_map(effect, time_ns))

    def _effect(self, found: dict[str, Any]) -> None:
        if len(self.found.effects) < MAX_EFFECTS:
            self.found.effects.append(found)


def _map(effect: Effect, time_ns: int) -> dict[str, Any]:
    """As a page shows it: with kind, level, time_ns and message."""
    if isinstance(effect, Alarm):
        state = "comes" if effect.active else "goes"
        return {
            "kind": "alarm",
            "level": effect.level,
            "time_ns": effect.time_ns or time_ns,
            "message": effect.message or f"{effect.name} {state}",
            "name": effect.name,
            "active": effect.active,
        }
    if isinstance(effect, Write):
        return {
            "kind": "write",
            "level": "info",
            "time_ns": time_ns,
            "message": f"Would write {effect.value} to {effect.port}.",
            "port": effect.port,
            "value": plain(effect.value),
        }
    return _note(effect)


def _note(note: Note) -> dict[str, Any]:
    return {
        "kind": "event",
        "level": note.level,
        "time_ns": note.time_ns,
        "message": note.message,
        "detail": plain(note.detail),
    }


def _line(line: LogLine) -> dict[str, Any]:
    return {"level": line.level, "time_ns": line.time_ns, "message": line.message}
