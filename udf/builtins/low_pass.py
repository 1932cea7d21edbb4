"""Noise taken off by a first-order filter."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from schemas.kinds import Array
from udf.base import Parameters
from udf.builtins.tagwise import (
    NEVER,
    SECOND_NS,
    Floats,
    Reading,
    Tagwise,
    Times,
    steps_ns,
    value_out,
)
from udf.context import Context


class LowPassParameters(Parameters):
    time_constant_s: Annotated[float, Field(title="Time constant (s)", gt=0, le=31_536_000)]
    """After a step the result has gone 63 % of the way in this time, 95 % in three times it."""


class LowPass(Tagwise[LowPassParameters]):
    """First-order low-pass filter (PT1) in event time, exact for irregular steps.

    y += (1 - exp(-dt / T)) · (x - y), with dt since the tag's last value. The first value is taken
    as it is. Over a gap the new value counts as if it had held since the last one: after three
    time constants little is left of what was before. Source: exact discretisation of
    T·y' + y = x with x constant over the step; Åström and Wittenmark, *Computer-Controlled
    Systems*, 3rd ed., chapter 2 (zero-order-hold sampling).
    """

    name, version, title = "low_pass", "1.0.0", "Low-pass filter"
    Params = LowPassParameters
    outputs = value_out("The filtered value.")

    def prepare(self, ctx: Context) -> None:
        self._constant_ns = ctx.params.time_constant_s * SECOND_NS

    def fresh(self, count: int, ctx: Context) -> dict[str, Array]:
        return {"level": np.full(count, np.nan), "time": np.full(count, NEVER)}

    def apply(self, reading: Reading, times: Times) -> Reading:
        result = np.empty_like(reading.values)
        level, last = self.state["level"], self.state["time"]
        first = int(last[0])
        if reading.absent is None and first != NEVER and bool((last == first).all()):
            self._together(reading.values, steps_ns(first, times), result)
            last[:] = times[-1]
            self._forget()
            return Reading(result, None, reading.quality)
        absent = reading.absent
        for number, (row, now) in enumerate(zip(reading.values, times.tolist(), strict=True)):
            share = self._share(now - last)
            share[last == NEVER] = 1.0
            before = np.where(last == NEVER, 0.0, level)
            found = before + share * (row - before)
            present = slice(None) if absent is None else ~absent[number]
            level[present] = found[present]
            last[present] = now
            result[number] = level
        self._forget()
        return Reading(result, absent, reading.quality)

    def _together(self, values: Floats, steps: Times, result: Floats) -> None:
        """All tags had their last value at the same time, so a row has one share."""
        level = self.state["level"]
        for row, share, out in zip(values, self._share(steps).tolist(), result, strict=True):
            np.subtract(row, level, out=out)
            np.multiply(out, share, out=out)
            np.add(level, out, out=out)
            level = out
        self.state["level"][:] = level

    def _forget(self) -> None:
        """A level that is past the largest number begins anew; it would stay so for ever."""
        level = self.state["level"]
        beyond = ~np.isfinite(level)
        if beyond.any():
            level[beyond], self.state["time"][beyond] = np.nan, NEVER

    def _share(self, steps: Times) -> Floats:
        share: Floats = -np.expm1(steps / -self._constant_ns)
        return share
