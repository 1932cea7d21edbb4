"""What built-ins that treat each tag on its own share: ports, quality, state by tag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from schemas.functions import Input, Output
from schemas.kinds import Array, Kind
from schemas.quality import Quality
from udf.base import Batch, Column, Function, Parameters, Returned
from udf.context import Context

P = TypeVar("P", bound=Parameters)
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Times = NDArray[np.int64]

NEVER = -(2**62)
"""A time before every other one, for "no value yet"."""
SECOND_NS = 1_000_000_000
PER_NS = {"s": SECOND_NS, "min": 60 * SECOND_NS, "h": 3600 * SECOND_NS}

_GOOD = int(Quality.GOOD)
_UNCERTAIN = int(Quality.UNCERTAIN)
_BLANK: dict[str, Any] = {"f": np.nan, "i": 0, "b": False, "O": ""}


def values_in(kind: Kind = Kind.FLOAT) -> tuple[Input, ...]:
    return (Input("values", kind, many=True, description="The tags, each on its own."),)


def value_out(description: str, kind: Kind = Kind.FLOAT) -> tuple[Output, ...]:
    return (Output("value", kind, per="values", description=description),)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Values [S, N] with what their quality means for a calculation."""

    values: Any
    """The batch's own array: never write into it."""
    absent: Mask | None = None
    """[S, N] where there is no value; None where there is one everywhere."""
    quality: NDArray[np.uint8] | None = None
    """None where every value is good."""

    def qualities(self) -> NDArray[np.uint8]:
        """As an array of one's own."""
        return Column(self.values, self.quality).qualities()

    def without(self, values: Array, absent: Mask, code: Quality) -> Reading:
        """These `values`, and none where `absent`, for the reason `code`; what is absent already
        keeps its own."""
        if self.absent is not None:
            absent = absent & ~self.absent
        if not absent.any():
            return Reading(values, self.absent, self.quality)
        quality = self.qualities()
        quality[absent] = code
        return Reading(values, absent if self.absent is None else absent | self.absent, quality)


def read(column: Column) -> Reading:
    """A column for calculating: NaN and infinity are absent and BAD, whatever quality they have."""
    quality, absent = column.quality, None
    if quality is not None:
        worst = quality.min(initial=_GOOD)
        if worst >= _GOOD:
            quality = None
        elif worst < _UNCERTAIN:
            absent = quality < _UNCERTAIN
    return finite(Reading(column.values, absent, quality))


def finite(reading: Reading) -> Reading:
    """The same, with what is NaN or infinite and not absent as BAD, out of range."""
    if reading.values.dtype.kind != "f":
        return reading
    number = np.isfinite(reading.values)
    if number.all():
        return reading
    return reading.without(reading.values, ~number, Quality.BAD_OUT_OF_RANGE)


def steps_ns(first: int, times: Times) -> Times:
    """From each row's time before to its own; `first` stands before the first row."""
    steps = np.empty_like(times)
    steps[0] = times[0] - first
    np.subtract(times[1:], times[:-1], out=steps[1:])
    return steps


class Tagwise(Function[P]):
    """Base of a function whose output for a tag depends on that tag alone.

    A bad value gives a bad value for the same reason and leaves the state alone; an uncertain one
    is calculated with and stays uncertain. State is kept by tag id, so tags can be added to a
    function at work, and the others go on.
    """

    inputs = values_in()

    def fresh(self, count: int, ctx: Context) -> dict[str, Array]:
        """The state before the first row: arrays whose last axis is the `count` tags."""
        return {}

    def apply(self, reading: Reading, times: Times) -> Reading:
        """Rows in, rows out. Where the result is absent its values do not matter; what is infinite
        the engine makes BAD, out of range."""
        raise NotImplementedError

    def prepare(self, ctx: Context) -> None:
        """Called once, with the parameters."""

    def setup(self, ctx: Context) -> None:
        ids = [tag.id for tag in ctx.tags.get("values", ())]
        self.prepare(ctx)
        self.state = {"tags": np.array(ids, dtype=np.int64), **self.fresh(len(ids), ctx)}

    def process(self, batch: Batch, ctx: Context) -> Returned:
        column = batch["values"]
        if not column.values.size:
            return {"value": empty(column, self.outputs[0].kind)}
        with np.errstate(over="ignore", invalid="ignore"):
            found = self.apply(read(column), batch.times)
        return {"value": blanked(found, column)}

    def restore(self, state: dict[str, Any]) -> None:
        self.state = carried(state, self.state)


def empty(column: Column, kind: Kind) -> Column:
    return Column(np.empty(column.values.shape, dtype=kind.wire))


def blanked(found: Reading, column: Column) -> Column:
    """The column of a result; what is absent is blank, and never in the input's own array."""
    values = found.values
    if found.absent is not None:
        if np.may_share_memory(values, column.values):
            values = values.copy()
        np.copyto(values, _BLANK[values.dtype.kind], where=found.absent)
    return Column(values, found.quality)


def carried(old: Mapping[str, Any], fresh: Mapping[str, Any]) -> dict[str, Any]:
    """A saved state for the tags of `fresh`: what both have goes on, what is new begins."""
    before, now = np.asarray(old.get("tags", ())), fresh["tags"]
    same = np.array_equal(before, now)
    _, source, target = np.intersect1d(before, now, return_indices=True)
    state = dict(fresh)
    for name, begun in fresh.items():
        found = old.get(name)
        if name == "tags" or found is None or type(found) is not type(begun):
            continue
        if not isinstance(found, np.ndarray) or same:
            state[name] = found
        elif found.shape == before.shape and found.dtype == begun.dtype:
            state[name] = begun.copy()
            state[name][target] = found[source]
    return state
