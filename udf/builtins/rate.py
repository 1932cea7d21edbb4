"""How fast a value changes."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from schemas.kinds import Array
from schemas.quality import Quality
from udf.base import Parameters
from udf.builtins.tagwise import (
    NEVER,
    PER_NS,
    SECOND_NS,
    Floats,
    Reading,
    Tagwise,
    Times,
    steps_ns,
    value_out,
)
from udf.context import Context


class RateParameters(Parameters):
    per: Annotated[Literal["s", "min", "h"], Field(title="Per")] = "s"
    """Change per second, minute or hour."""
    interval_s: Annotated[float, Field(title="Interval (s)", ge=0, le=86_400)] = 0.0
    """The least time to measure over; the rate stands until so much time has passed again. 0
    measures from value to value."""
    gap_s: Annotated[float, Field(title="Longest gap (s)", gt=0, le=31_536_000)] = 86_400.0
    """When there was no value for longer, it begins anew."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.gap_s <= self.interval_s:
            raise ValueError(
                f"the longest gap ({self.gap_s:g} s) must be longer than the interval "
                f"({self.interval_s:g} s), or there would never be a rate"
            )
        return self


class RateOfChange(Tagwise[RateParameters]):
    """Rate of change per second, minute or hour.

    There is no rate before the second value: the result is bad until then, and again after a gap
    that is too long. Source: the backward difference quotient.
    """

    name, version, title = "rate_of_change", "1.0.0", "Rate of change"
    Params = RateParameters
    outputs = value_out("The rate, in the input's unit per second, minute or hour.")

    def prepare(self, ctx: Context) -> None:
        self._per_ns = float(PER_NS[ctx.params.per])
        self._interval_ns = int(ctx.params.interval_s * SECOND_NS)
        self._gap_ns = int(ctx.params.gap_s * SECOND_NS)

    def fresh(self, count: int, ctx: Context) -> dict[str, Array]:
        return {
            "value": np.full(count, np.nan),
            "time": np.full(count, NEVER),
            "rate": np.full(count, np.nan),
        }

    def apply(self, reading: Reading, times: Times) -> Reading:
        since = self.state["time"]
        first = int(since[0])
        if reading.absent is None and first != NEVER and bool((since == first).all()):
            rows = self._measured(first, times)
            due = times[rows]
            steps = steps_ns(first, due) if len(due) else due
            if int(steps.max(initial=0)) <= self._gap_ns:
                result = self._together(reading.values, times, rows, steps)
                return reading.without(result, np.isnan(result), Quality.BAD)
        result = self._one_by_one(reading, times)
        return reading.without(result, np.isnan(result), Quality.BAD)

    def _measured(self, since: int, times: Times) -> slice | list[int]:
        """The rows at which the interval has passed."""
        if not self._interval_ns:
            return slice(None)
        rows = []
        for number, now in enumerate(times.tolist()):
            if now - since >= self._interval_ns:
                rows.append(number)
                since = now
        return rows

    def _together(
        self, values: Floats, times: Times, rows: slice | list[int], steps: Times
    ) -> Floats:
        """All tags were last measured at the same time, and every value is there."""
        state, ends = self.state, values[rows]
        rates: Floats = np.empty_like(ends)
        if len(ends):
            np.subtract(ends[0], state["value"], out=rates[0])
            np.subtract(ends[1:], ends[:-1], out=rates[1:])
            np.multiply(rates, (self._per_ns / steps)[:, np.newaxis], out=rates)
        if isinstance(rows, slice):
            result = rates
        else:
            stands = np.searchsorted(rows, np.arange(len(times)), side="right")
            result = np.concatenate((state["rate"][np.newaxis], rates))[stands]
        if len(ends):
            state["value"][:], state["rate"][:] = ends[-1], rates[-1]
            state["time"][:] = times[rows][-1]
        return result

    def _one_by_one(self, reading: Reading, times: Times) -> Floats:
        value, since, rate = self.state["value"], self.state["time"], self.state["rate"]
        result: Floats = np.empty_like(reading.values)
        for number, (row, now) in enumerate(zip(reading.values, times.tolist(), strict=True)):
            steps = now - since
            due = steps >= self._interval_ns
            if reading.absent is not None:
                due &= ~reading.absent[number]
            measured = due & (since != NEVER) & (steps <= self._gap_ns)
            rate[due] = np.nan
            per_ns = self._per_ns / steps[measured]
            rate[measured] = (row[measured] - value[measured]) * per_ns
            value[due], since[due] = row[due], now
            result[number] = rate
        return result
