"""For authors' tests: run a function on a few values, and prove what a function promises.

    from udf.testing import check, run

    outcome = run(TankVolume, {"level": [1.0, 2.0, None]}, parameters={"area": 2.0})
    assert outcome.values("volume") == [2.0, 4.0, None]
    check(TankVolume, "data/recorded.csv", {"area": 2.0})

`check` is udf/promises.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from schemas.errors import ConfigError
from schemas.functions import Bindings, Input, TagInfo
from schemas.kinds import Array, Kind, Value, blank
from schemas.quality import Quality
from udf.base import Batch, Column, Function
from udf.effects import Effect, LogLine
from udf.engine import Emission, Engine
from udf.promises import PROMISES, BrokenPromiseError, Checked, prove
from udf.recorded import Recording, output_tags
from udf.replay import batches

__all__ = [
    "PROMISES",
    "BrokenPromiseError",
    "Checked",
    "Outcome",
    "batch_of",
    "bindings_of",
    "check",
    "run",
]

START_NS = 1_767_225_600_000_000_000
"""2026-01-01, where the rows of a test begin unless it says."""
SECOND_NS = 1_000_000_000
CHECK_ROWS = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a function made of a batch."""

    emission: Emission
    engine: Engine
    """For the next batch, or a snapshot."""

    def __getitem__(self, output: str) -> Column:
        """The column of an output; its times are there. Raises KeyError where it made none."""
        return self.emission.columns[output]

    def values(self, output: str) -> list[Any]:
        """Values as a list, None where bad; a list for each row with `per`."""
        column = self[output]
        found = column.values.astype(object)
        found[~column.usable] = None
        listed: list[Any] = found.tolist()
        return listed

    def quality(self, output: str) -> list[Any]:
        """Quality codes, as a list."""
        listed: list[Any] = self[output].qualities().tolist()
        return listed

    @property
    def effects(self) -> tuple[Effect, ...]:
        """Events, alarms and write requests."""
        return self.emission.effects

    @property
    def log(self) -> tuple[LogLine, ...]:
        return self.emission.log


def run(
    kind: type[Function[Any]],
    columns: Mapping[str, Sequence[Any] | Array],
    *,
    times: Sequence[int] | NDArray[np.int64] | None = None,
    parameters: Mapping[str, Any] | None = None,
    quality: Mapping[str, ArrayLike] | None = None,
) -> Outcome:
    """Run a function once.

    `columns` are values by input: a list, or a list of lists for an input of many tags; None is a
    bad value. `times` are ns UTC, one row per second when left out. `quality` are OPC codes by
    input, good when left out. Raises FunctionFault, ConfigError for what is not a batch of it.
    """
    batch = batch_of(kind, columns, times=times, quality=quality)
    engine = Engine(kind, parameters or {}, bindings_of(kind, batch))
    return Outcome(engine.process(batch), engine)


def check(
    kind: type[Function[Any]],
    data: Batch | Path | str,
    parameters: Mapping[str, Any] | None = None,
    *,
    tolerance: float = 1e-9,
) -> Checked:
    """Prove the promises of a function on recorded values (the first 10,000 rows) or a batch.

    Floats are equal when they differ by no more than `tolerance`, relative or absolute. Raises
    BrokenPromiseError, which is an AssertionError and says which promise and where; ConfigErrors
    for a file that cannot be read.
    """
    if isinstance(data, Batch):
        return prove(kind, data, parameters or {}, bindings_of(kind, data), tolerance)
    recording = Recording(Path(data), kind.inputs)
    recording.check()
    batch = next(batches(kind, recording, CHECK_ROWS), None)
    if batch is None:
        raise ConfigError(
            f"{data} makes no row.", hint="Record values of an input whose changes make rows."
        )
    return prove(kind, batch, parameters or {}, recording.bindings(kind.outputs), tolerance)


def batch_of(
    kind: type[Function[Any]],
    columns: Mapping[str, Sequence[Any] | Array],
    *,
    times: Sequence[int] | NDArray[np.int64] | None = None,
    quality: Mapping[str, ArrayLike] | None = None,
) -> Batch:
    """A batch of these columns. An optional input that is left out is bad. Raises ConfigError."""
    known = {item.name: item for item in kind.inputs}
    missing = [item.name for item in kind.inputs if item.required and item.name not in columns]
    strange = [name for name in (*columns, *(quality or {})) if name not in known]
    if missing or strange:
        what = f"misses {', '.join(missing)}" if missing else f"has {', '.join(strange)}"
        raise ConfigError(
            f"The batch {what}.", hint=f"{kind.name} has the inputs {', '.join(known)}."
        )
    rows = max((len(values) for values in columns.values()), default=0)
    stamps = (
        START_NS + SECOND_NS * np.arange(rows, dtype=np.int64)
        if times is None
        else np.asarray(times, dtype=np.int64)
    )
    if stamps.shape != (rows,) or bool((np.diff(stamps) <= 0).any()):
        raise ConfigError(
            f"The times do not fit {rows} rows.", hint="Give one for each row, each one later."
        )
    made = {}
    for name, item in known.items():
        codes = (quality or {}).get(name)
        made[name] = _column(item, columns.get(name), codes, rows)
    return Batch(stamps, made)


def bindings_of(kind: type[Function[Any]], batch: Batch) -> Bindings:
    """Tags for a batch that comes from nowhere, named `<input>` or `<input>.<number>`."""
    inputs: dict[str, tuple[TagInfo, ...]] = {}
    first = 1
    for item in kind.inputs:
        column = batch.columns.get(item.name)
        if column is None or not (item.many or item.required or column.usable.any()):
            continue
        names = [item.name]
        if item.many:
            names = [str(number + 1) for number in range(column.values.shape[1])]
        inputs[item.name] = tuple(
            TagInfo(first + at, name, unit=item.unit) for at, name in enumerate(names)
        )
        first += len(names)
    return Bindings(inputs, output_tags(kind.outputs, inputs, first))


def _column(item: Input, given: Any, codes: ArrayLike | None, rows: int) -> Column:
    wire = item.kind.wire
    if given is None:
        shape = (rows, 0) if item.many else (rows,)
        return Column(blank(wire, shape), np.zeros(shape, dtype=np.uint8))
    found = np.array(given, dtype=object)
    shape = (rows, found.shape[1]) if item.many and found.ndim == 2 else (rows,)
    if found.shape != shape or (item.many and found.ndim != 2):
        wanted = "a list of values for each row" if item.many else f"{rows} values"
        raise ConfigError(
            f"The input {item.name!r} has the shape {found.shape}.", hint=f"Give {wanted}."
        )
    there = np.array([item is not None for item in found.ravel()], np.bool_).reshape(shape)
    quality = np.full(shape, Quality.GOOD, dtype=np.uint8)
    if codes is not None:
        quality[:] = np.asarray(codes, dtype=np.uint8)
    quality[~there & (quality >= Quality.UNCERTAIN)] = Quality.BAD
    values = blank(wire, shape)
    usable = there & (quality >= Quality.UNCERTAIN)
    values[usable] = [_typed(item, value) for value in found[usable]]
    return Column(values, None if bool((quality >= Quality.GOOD).all()) else quality)


def _typed(item: Input, value: Any) -> Value:
    kinds = {
        Kind.FLOAT: (float, int, np.number),
        Kind.INT: (int, np.integer),
        Kind.BOOL: (bool, np.bool_),
        Kind.TEXT: (str,),
    }
    if not isinstance(value, kinds[item.kind]):
        raise ConfigError(
            f"The input {item.name!r} is {item.kind}, and {value!r} is in it.",
            hint="Give values of its kind; None is a bad value.",
        )
    return cast(Value, value)
