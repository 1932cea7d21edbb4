"""How long a tag was in each of its states."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from schemas.functions import Input, Output
from schemas.quality import Quality
from udf.base import Batch, Column, Returned
from udf.builtins.windowed import CoverParameters, OffsetS, SizeS, Windowed
from udf.context import Context
from udf.windows import Duration, Tumbling

MAX_STATES = 8


class DurationsParameters(CoverParameters):
    states: Annotated[
        tuple[float, ...], Field(title="States", min_length=1, max_length=MAX_STATES)
    ] = (1.0,)
    """The values to count, in the order of the outputs; a bool is 0 and 1."""
    size_s: SizeS = 3600.0
    """Seconds are counted in windows of this length, one after the other."""
    offset_s: OffsetS = 0.0
    """For shifts: 18000 lets windows begin at 06:00 of UTC+1."""


class Durations(Windowed[DurationsParameters]):
    """Seconds in each state in windows of time, and seconds in the present state.

    `seconds_1` to `seconds_8` come at each window's end. `present` comes with every value: seconds
    since the state began. It begins anew after a gap.
    """

    name, version, title = "durations", "1.0.0", "Durations of states"
    Params = DurationsParameters
    inputs = (Input("state", description="A number, integer or bool that tells the state."),)
    outputs = (
        *(
            Output(f"seconds_{number}", unit="s", description=f"Seconds in state no. {number}.")
            for number in range(1, MAX_STATES + 1)
        ),
        Output("present", unit="s", description="Seconds since the present state began."),
    )

    def setup(self, ctx: Context) -> None:
        params = ctx.params
        self._gap_ns = round(params.gap_s * 1e9)
        self.state = {
            "tags": [tag.id for tag in ctx.tags.get("state", ())],
            "value": None,
            "at": 0,
            "began": 0,
        }
        self.open(
            Tumbling(params.size_s, params.offset_s),
            {f"seconds_{at + 1}": Duration(state) for at, state in enumerate(params.states)},
            params,
            1,
        )

    def process(self, batch: Batch, ctx: Context) -> Returned:
        column = batch["state"]
        closed = self.windows.take(batch.times, column)
        outputs = {
            name: Column(found.values[:, 0], found.qualities()[:, 0], closed.ends)
            for name, found in closed.columns.items()
            if len(closed)
        }
        return {**outputs, "present": self._present(batch.times, column)}

    def _present(self, times: Any, column: Column) -> Column:
        usable = column.usable & np.isfinite(column.values)
        seconds = np.full(len(times), np.nan)
        quality = np.where(usable, column.qualities(), np.uint8(Quality.BAD))
        if usable.any():
            at, values = times[usable], column.values[usable]
            known = self.state["value"] is not None
            before = np.concatenate(([self.state["at"]], at[:-1]))
            other = np.concatenate(([self.state["value"] if known else np.nan], values[:-1]))
            begins = (values != other) | (at - before > self._gap_ns)
            last = np.maximum.accumulate(np.where(begins, np.arange(len(at)), -1))
            began = np.where(last < 0, self.state["began"], at[last])
            seconds[usable] = (at - began) / 1e9
            self.state["value"], self.state["at"] = float(values[-1]), int(at[-1])
            self.state["began"] = int(began[-1])
        return Column(seconds, quality)
