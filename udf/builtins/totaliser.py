"""Integral of a rate: litres from litres per second."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from schemas.functions import Input
from schemas.kinds import Array, Kind
from schemas.quality import Quality
from udf.base import Batch, Parameters, Returned
from udf.builtins.tagwise import (
    NEVER,
    PER_NS,
    SECOND_NS,
    Floats,
    Mask,
    Reading,
    Tagwise,
    Times,
    steps_ns,
    value_out,
    values_in,
)
from udf.context import Context

_UNCERTAIN = np.uint8(Quality.UNCERTAIN)


class TotaliserParameters(Parameters):
    per: Annotated[Literal["s", "min", "h"], Field(title="Rate is per")] = "h"
    """The time in the rate's unit: `h` for m3/h."""
    rule: Annotated[Literal["trapezoid", "left"], Field(title="Rule")] = "trapezoid"
    """trapezoid: a straight line between two values. left: each value stands until the next."""
    rolls_over_at: Annotated[float | None, Field(title="Rolls over at", gt=0)] = None
    """The total begins again at 0 here; empty for never."""
    gap_s: Annotated[float, Field(title="Longest gap (s)", gt=0, le=31_536_000)] = 60.0
    """When there was no value for longer, nothing is counted for that time, and the value after it
    is uncertain."""


class Totaliser(Tagwise[TotaliserParameters]):
    """Integral over time of a rate per second, minute or hour, in event time.

    The first value begins with 0. While the value is bad the total is bad, and goes on afterwards;
    a short gap is bridged by the rule. Where the reset input turns true the total is 0 in that
    row. Source: the trapezoidal and left-hand rule; summed with W. Kahan's compensation ("Further
    remarks on reducing truncation errors", Comm. ACM 8 (1965) 40), so that years of small steps
    are not rounded away.
    """

    name, version, title = "totaliser", "1.0.0", "Totaliser"
    Params = TotaliserParameters
    inputs = (
        *values_in(),
        Input("reset", Kind.BOOL, required=False, description="Sets the totals to 0."),
    )
    outputs = value_out("The total.")

    def prepare(self, ctx: Context) -> None:
        self._per_ns, self._limit = PER_NS[ctx.params.per], ctx.params.rolls_over_at
        self._gap_ns = int(ctx.params.gap_s * SECOND_NS)
        self._trapezoid = ctx.params.rule == "trapezoid"
        self._resets: Mask | None = None

    def fresh(self, count: int, ctx: Context) -> dict[str, Array]:
        return {
            "total": np.zeros(count),
            "rest": np.zeros(count),  # what rounding has taken off the total
            "value": np.full(count, np.nan),
            "time": np.full(count, NEVER),
            "reset": np.zeros(count, dtype=np.bool_),
        }

    def process(self, batch: Batch, ctx: Context) -> Returned:
        column = batch.columns.get("reset")
        self._resets = None if column is None else column.usable & column.values.astype(np.bool_)
        return super().process(batch, ctx)

    def apply(self, reading: Reading, times: Times) -> Reading:
        since = self.state["time"]
        first = int(since[0])
        result, resets = np.empty_like(reading.values), self._rising(len(times))
        if reading.absent is None and first != NEVER and bool((since == first).all()):
            steps = steps_ns(first, times)
            if int(steps.max()) <= self._gap_ns:
                self._together(reading.values, (steps / self._per_ns).tolist(), resets, result)
                since[:] = times[-1]
                return Reading(result, None, reading.quality)
        quality = reading.qualities()
        for number, now in enumerate(times.tolist()):
            missed = self._one_by_one(reading, number, now)
            quality[number] = np.where(
                missed, np.minimum(quality[number], _UNCERTAIN), quality[number]
            )
            if resets[number]:
                self._reset()
            result[number] = self.state["total"]
        return Reading(result, reading.absent, quality)

    def _together(
        self, values: Floats, steps: list[float], resets: list[bool], result: Floats
    ) -> None:
        """All tags had their last value at the same time, and every value is there."""
        before, area = self.state["value"], np.empty_like(values[0])
        for row, step, reset, out in zip(values, steps, resets, result, strict=True):
            if self._trapezoid:
                np.add(before, row, out=area)
                np.multiply(area, step * 0.5, out=area)
            else:
                np.multiply(before, step, out=area)
            self._add(area)
            if reset:
                self._reset()
            out[:] = self.state["total"]
            before = row
        self.state["value"][:] = before

    def _reset(self) -> None:
        self.state["total"][:] = self.state["rest"][:] = 0.0

    def _rising(self, count: int) -> list[bool]:
        """The rows at which the reset input turns true."""
        if self._resets is None:
            return [False] * count
        before = np.append(self.state["reset"][:1], self._resets[:-1])
        self.state["reset"][:] = self._resets[-1]
        rising: list[bool] = (self._resets & ~before).tolist()
        return rising

    def _one_by_one(self, reading: Reading, number: int, now: int) -> Mask:
        """A row of tags with last values of different times. Returns where time is not counted."""
        state, row = self.state, reading.values[number]
        absent = reading.absent
        present = np.ones(row.shape, dtype=np.bool_) if absent is None else ~absent[number]
        known, passed_ns = state["time"] != NEVER, now - state["time"]
        counts = present & known & (passed_ns <= self._gap_ns)
        steps = passed_ns / self._per_ns
        area = (state["value"] + row) * (steps * 0.5) if self._trapezoid else state["value"] * steps
        self._add(area, counts)
        state["value"][present], state["time"][present] = row[present], now
        missed: Mask = present & known & ~counts
        return missed

    def _add(self, area: Floats, where: Mask | None = None) -> None:
        total, rest = self.state["total"], self.state["rest"]
        np.add(area, rest, out=area)
        more = np.add(total, area)
        if where is not None:
            more = np.where(where, more, total)
            area = np.where(where, area, rest)
        # total and rest together are exactly the sum: rest = area - (more - total)
        np.subtract(more, total, out=total)
        np.subtract(area, total, out=rest)
        total[:] = more
        if self._limit is not None and (total.max() >= self._limit or total.min() < 0):
            np.mod(total, self._limit, out=total)
