"""Increments of a counter that rolls over, is reset, and sometimes reads wrong."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from schemas.kinds import Array
from schemas.quality import Quality
from udf.base import Parameters
from udf.builtins.tagwise import Floats, Mask, Reading, Tagwise, Times, value_out
from udf.context import Context


class CounterParameters(Parameters):
    rolls_over_at: Annotated[float | None, Field(title="Rolls over at", gt=0)] = None
    """What the counter shows as 0 again: 65536 for 16 bits, 1000000 for six digits. Empty: it never
    rolls over, so each step back is a reset."""
    max_increment: Annotated[float | None, Field(title="Largest increment", gt=0)] = None
    """More than this between two values is a glitch. Empty: no limit; then a step back that would
    be more than half a turn is a reset."""
    on_reset: Annotated[Literal["from_zero", "nothing"], Field(title="After a reset")] = "from_zero"
    """from_zero: count what the counter shows after it. nothing: begin anew from there."""


class CounterDelta(Tagwise[CounterParameters]):
    """How much a counter went up since the tag's last value.

    The first value has no increment: it is bad. A gap changes nothing, as the counter went on.
    A reset is uncertain, because what was counted before it is lost. A glitch is bad (out of
    range) and forgotten, unless the next value goes on from it: then the counter was set, the
    increment is counted from there and uncertain. Counters are exact up to 2**53. Source: the rule
    for wraps and resets follows RRDtool's COUNTER and DERIVE (oss.oetiker.ch/rrdtool, rrdcreate).
    """

    name, version, title = "counter_delta", "1.0.0", "Counter to increments"
    Params = CounterParameters
    outputs = value_out("The increment since the last value.")

    def prepare(self, ctx: Context) -> None:
        params = ctx.params
        turn = params.rolls_over_at
        self._turn = turn
        self._limit = np.inf if params.max_increment is None else params.max_increment
        self._rolls = min(self._limit, turn / 2) if turn and self._limit == np.inf else self._limit
        self._from_zero = params.on_reset == "from_zero"

    def fresh(self, count: int, ctx: Context) -> dict[str, Array]:
        return {"last": np.full(count, np.nan), "odd": np.full(count, np.nan)}

    def apply(self, reading: Reading, times: Times) -> Reading:
        last, odd = self.state["last"], self.state["odd"]
        values = reading.values
        steps = np.empty_like(values)
        np.subtract(values[0], last, out=steps[0])
        np.subtract(values[1:], values[:-1], out=steps[1:])
        steps = self._rolled(steps)
        plain = bool(np.isnan(odd).all())
        if plain and bool(steps.min() >= 0) and bool(steps.max() <= self._limit):
            last[:] = values[-1]  # a NaN would have failed the comparison
            return Reading(steps, None, reading.quality)
        usual = (steps >= 0) & (steps <= self._limit) & np.isnan(odd)
        if reading.absent is not None:
            usual &= ~reading.absent
        rest = np.flatnonzero(~usual.all(axis=0))
        before, doubt = _Tags(last[rest], odd[rest]), np.full(values.shape, Quality.GOOD, np.uint8)
        last[:] = values[-1]
        for number, row in enumerate(values[:, rest]):
            here = None if reading.absent is None else ~reading.absent[number, rest]
            steps[number, rest], doubt[number, rest] = self._row(before, row, here)
        last[rest], odd[rest] = before
        quality = np.minimum(reading.qualities(), doubt)
        absent = doubt < Quality.UNCERTAIN
        return Reading(
            steps, absent if reading.absent is None else absent | reading.absent, quality
        )

    def _rolled(self, steps: Floats) -> Floats:
        """With steps back that are a plausible roll-over as the increments that they are."""
        if self._turn is None or not (steps < 0).any():
            return steps
        forward = steps + self._turn
        rolled = (steps < 0) & (forward >= 0) & (forward <= self._rolls)
        return np.where(rolled, forward, steps)

    def _row(self, tags: _Tags, row: Floats, here: Mask | None) -> tuple[Floats, NDArray[np.uint8]]:
        """Increments of one row, and their quality; changes `tags`."""
        present = np.ones(row.shape, dtype=np.bool_) if here is None else here
        doubt = np.full(row.shape, Quality.GOOD, dtype=np.uint8)
        begins = present & np.isnan(tags.last)
        step = self._rolled(row - tags.last)
        back = step < 0
        counted = row if self._from_zero else np.zeros_like(row)
        reset = present & back & (row >= 0) & (row <= self._limit)
        step = np.where(reset, counted, step)
        doubt[reset] = Quality.UNCERTAIN
        strange = present & ~begins & ((step < 0) | (step > self._limit))
        on = row - tags.odd
        goes_on = strange & (on >= 0) & (on <= self._limit)
        step = np.where(goes_on, on, step)
        doubt[goes_on] = Quality.UNCERTAIN
        strange &= ~goes_on
        doubt[begins] = Quality.BAD
        doubt[strange] = Quality.BAD_OUT_OF_RANGE
        taken = present & ~strange
        tags.last[taken], tags.odd[taken] = row[taken], np.nan
        tags.odd[strange] = row[strange]
        return step, doubt


class _Tags(NamedTuple):
    last: Floats
    """[n] the last value that was believed."""
    odd: Floats
    """[n] a glitch, in case the next value goes on from it."""
