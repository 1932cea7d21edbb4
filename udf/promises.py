"""What every function promises, proved on data: the same input gives the same output; its inputs
stay as they are; where a batch is cut means nothing; and a restart from a snapshot means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from schemas.errors import SpindleError
from schemas.functions import Bindings
from schemas.kinds import Array
from udf.base import Batch, Column, Function
from udf.cells import time_text
from udf.effects import Alarm, Effect, Note, Write
from udf.engine import Engine
from udf.faults import FunctionFault

_PIECES = (1, 2, 3, 7, 50, 333)
"""Rows of a batch; the smallest ones on the first rows only, because each batch costs a call."""
_CALLS = 2000

RUNS = "It runs without a fault, and its outputs fit the declaration."
SAME = "The same input gives the same output."
INPUTS = "Its inputs stay as they are."
CUTS = "Where a batch is cut means nothing."
RESTART = "A restart from a snapshot means nothing."
PROMISES = (RUNS, SAME, INPUTS, CUTS, RESTART)


class BrokenPromiseError(SpindleError, AssertionError):
    """A function does not keep what every function promises."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was proved, and on how much."""

    rows: int
    values: int
    """Of its outputs."""
    promises: tuple[str, ...] = PROMISES


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    columns: dict[str, Column]
    effects: dict[str, list[tuple[Any, ...]]]


class _Proof:
    def __init__(
        self,
        kind: type[Function[Any]],
        parameters: Mapping[str, Any],
        bindings: Bindings,
        tolerance: float,
    ) -> None:
        self._kind, self._parameters, self._bindings = kind, parameters, bindings
        self._tolerance = tolerance

    def run(self, batch: Batch, size: int, promise: str, *, restart: bool = False) -> _Run:
        """All rows, `size` at a time; with `restart` a new function after each batch."""
        engine = self._engine()
        columns: dict[str, list[Column]] = {}
        effects: list[Effect] = []
        for start, end in _cuts(len(batch), size):
            try:
                if restart and start:
                    saved, engine = engine.snapshot(), self._engine()
                    engine.restore(saved)
                emission = engine.process(batch.cut(start, end))
            except FunctionFault as error:
                place = f"rows {start + 1} to {end}, {_times(batch, start, end)}"
                hint = (
                    "See the traceback below; `spindle-udf run --stop-on-fault` lets a debugger in."
                )
                raise self.broken(promise, f"{place}: {error.fault.words}", hint) from error
            for name, column in emission.columns.items():
                columns.setdefault(name, []).append(column)
            effects.extend(emission.effects)
        joined = {name: _joined(parts) for name, parts in columns.items()}
        return _Run(joined, _sorted(effects))

    def equal(self, found: _Run, wanted: _Run, promise: str, how: str, hint: str) -> None:
        """Raises BrokenPromiseError with the first difference."""
        for name in sorted({*found.columns, *wanted.columns}):
            one, other = wanted.columns.get(name), found.columns.get(name)
            difference = _difference(one, other, self._tolerance)
            if difference:
                raise self.broken(promise, f"output {name!r}, {how}: {difference}", hint)
        for name, events in wanted.effects.items():
            difference = _first(events, found.effects[name])
            if difference:
                raise self.broken(promise, f"{name}, {how}: {difference}", hint)

    def _engine(self) -> Engine:
        try:
            return Engine(self._kind, self._parameters, self._bindings)
        except FunctionFault as error:
            hint = "Give parameters that fit, and look at `setup`."
            raise self.broken(RUNS, error.fault.words, hint) from error

    def broken(self, promise: str, where: str, hint: str) -> BrokenPromiseError:
        named = f"{self._kind.name} {self._kind.version}"
        return BrokenPromiseError(f"{named} breaks a promise. {promise} Not so: {where}", hint=hint)


def prove(
    kind: type[Function[Any]],
    batch: Batch,
    parameters: Mapping[str, Any],
    bindings: Bindings,
    tolerance: float,
) -> Checked:
    """Raises BrokenPromiseError. Costs some ten times the function's own time."""
    proof = _Proof(kind, parameters, bindings, tolerance)
    given = _copy(batch)
    whole = proof.run(given, len(batch) or 1, RUNS)
    _untouched(proof, batch, given)
    hint = "Use no clock, no random numbers, and nothing outside of the function and its ctx."
    proof.equal(proof.run(_copy(batch), len(batch) or 1, RUNS), whole, SAME, "run again", hint)
    for size in _PIECES:
        rows = min(len(batch), size * _CALLS)
        if size >= len(batch):
            break
        part = batch.cut(0, rows)
        wanted = whole if rows == len(batch) else proof.run(_copy(part), rows, RUNS)
        how = f"in batches of {size} instead of {rows}"
        hint = (
            "Carry over between batches what earlier rows left, in self.state; use no batch-wide "
        )
        found = proof.run(_copy(part), size, CUTS)
        proof.equal(found, wanted, CUTS, how, hint + "sum, mean, first or last row.")
        hint = "Keep in self.state everything that the next batch needs, and restore all of it."
        found = proof.run(_copy(part), size, RESTART, restart=True)
        how = f"restarted after every {size} rows"
        proof.equal(found, wanted, RESTART, how, hint)
    values = sum(int(column.values.size) for column in whole.columns.values())
    return Checked(len(batch), values)


def _untouched(proof: _Proof, batch: Batch, given: Batch) -> None:
    pairs: list[tuple[str, Array | None, Array | None]] = [("times", batch.times, given.times)]
    for name, column in batch.columns.items():
        other = given.columns[name]
        pairs += [(name, column.values, other.values)]
        pairs += [(f"quality of {name}", column.quality, other.quality)]
    for name, before, after in pairs:
        if before is None or after is None:
            continue
        same = (before == after) | ((before != before) & (after != after))  # NaN
        if not same.all():
            row = int(np.argwhere(~same)[0][0])
            where = f"the {name} of row {row + 1} was changed, {_times(batch, row, row + 1)}"
            hint = "Work on a copy: `values = batch[...].values.copy()`."
            raise proof.broken(INPUTS, where, hint)


# --- the pieces ---------------------------------------------------------------------------------
def _cuts(rows: int, size: int) -> Iterator[tuple[int, int]]:
    return pairwise([*range(0, rows, size), rows]) if rows else iter(())


def _copy(batch: Batch) -> Batch:
    columns = {
        name: Column(column.values.copy(), None if column.quality is None else column.qualities())
        for name, column in batch.columns.items()
    }
    return Batch(batch.times.copy(), columns)


def _joined(parts: Sequence[Column]) -> Column:
    times = [part.times for part in parts if part.times is not None]
    return Column(
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.qualities() for part in parts]),
        np.concatenate(times),
    )


def _sorted(effects: Sequence[Effect]) -> dict[str, list[tuple[Any, ...]]]:
    """Events, writes, and the alarms that are a change: the same state again is none."""
    states: dict[str, bool] = {}
    found: dict[str, list[tuple[Any, ...]]] = {"events": [], "alarms": [], "writes": []}
    for effect in effects:
        if isinstance(effect, Note):
            found["events"].append((time_text(effect.time_ns), effect.level, effect.message))
        elif isinstance(effect, Write):
            found["writes"].append((effect.port, effect.value))
        elif isinstance(effect, Alarm) and states.get(effect.name, False) != effect.active:
            states[effect.name] = effect.active
            said = "comes" if effect.active else "goes"
            found["alarms"].append((time_text(effect.time_ns), effect.name, said))
    return found


# --- differences --------------------------------------------------------------------------------
def _difference(wanted: Column | None, found: Column | None, tolerance: float) -> str:
    """The first difference in words; empty for none."""
    if wanted is None or found is None or wanted.times is None or found.times is None:
        empty = all(column is None or not len(column.values) for column in (wanted, found))
        return "" if empty else "one has values and the other has none"
    count = min(len(wanted.times), len(found.times))
    same = wanted.times[:count] == found.times[:count]
    values = _alike(wanted.values[:count], found.values[:count], tolerance)
    quality = wanted.qualities()[:count] == found.qualities()[:count]
    rows = np.flatnonzero(~(same & _by_row(values) & _by_row(quality)))
    if not len(rows):
        more = len(wanted.times) - len(found.times)
        return f"{abs(more)} values {'are missing' if more > 0 else 'too many'}" if more else ""
    row = int(rows[0])
    return f"{_shown(wanted, row)} became {_shown(found, row)}"


def _alike(wanted: Array, found: Array, tolerance: float) -> Any:
    if wanted.dtype.kind != "f":
        return wanted == found
    return np.isclose(
        found.astype(np.float64),
        wanted.astype(np.float64),
        rtol=tolerance,
        atol=tolerance,
        equal_nan=True,
    )


def _by_row(same: Any) -> Any:
    return same.reshape(len(same), -1).all(axis=1) if len(same) else same.reshape(0)


def _shown(column: Column, row: int) -> str:
    assert column.times is not None
    value = column.values[row : row + 1].tolist()[0]
    quality = column.qualities()[row : row + 1].tolist()[0]
    return f"{value!r} (quality {quality}) at {time_text(int(column.times[row]))}"


def _first(wanted: Sequence[tuple[Any, ...]], found: Sequence[tuple[Any, ...]]) -> str:
    for one, other in zip(wanted, found, strict=False):
        if one != other:
            return f"{one} became {other}"
    if len(wanted) != len(found):
        return f"{len(wanted)} became {len(found)}"
    return ""


def _times(batch: Batch, start: int, end: int) -> str:
    first, last = time_text(int(batch.times[start])), time_text(int(batch.times[end - 1]))
    return first if first == last else f"{first} to {last}"
