"""How long and how often a machine ran."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from schemas.functions import Input, Output
from schemas.kinds import Kind
from udf.base import Batch, Column, Parameters, Returned
from udf.builtins.meter import Meter, meter_quality
from udf.builtins.windowed import GapS
from udf.context import Context

_HOUR_NS = 3_600_000_000_000
_UNKNOWN = -1


class RunningHoursParameters(Parameters):
    threshold: Annotated[float, Field(title="Runs above")] = 0.5
    """A number above it means running. 0.5 suits a bool."""
    gap_s: GapS = 600.0
    """Time without data that is longer than this does not count."""
    start_hours: Annotated[float, Field(title="Hours so far", ge=0, le=1e7)] = 0.0
    """What the machine had run before."""
    start_count: Annotated[int, Field(title="Starts so far", ge=0, le=10**12)] = 0
    """How often it had started before."""


class RunningHours(Meter[RunningHoursParameters]):
    """Running hours and starts from a bool, or from a number such as a speed or a current.

    Time counts from a row that says "running" to the next row. A start is counted where the machine
    runs and the last value known before said that it did not. A bad value counts nothing, and both
    meters are then the last usable value.
    """

    name, version, title = "running_hours", "1.0.0", "Running hours"
    Params = RunningHoursParameters
    source = "running"
    inputs = (Input("running", description="A bool, or a number with a threshold."),)
    outputs = (
        Output("hours", unit="h", description="Running hours."),
        Output("starts", Kind.INT, description="Number of starts."),
    )

    def begin(self, ctx: Context) -> None:
        self.state = {"ns": 0, "starts": 0, "on": _UNKNOWN}

    def forget(self) -> None:
        self.state["on"] = _UNKNOWN

    def process(self, batch: Batch, ctx: Context) -> Returned:
        params = ctx.params
        line, known = self.line(batch)
        usable = line.usable[:, 0]
        on = usable & (np.where(usable, line.values[:, 0], 0.0) > params.threshold)
        steps = np.diff(line.times)
        counted = np.where(on[:-1] & (steps <= round(params.gap_s * 1e9)), steps, 0)
        ns = self.state["ns"] + np.concatenate(([0], np.cumsum(counted)))[known:]
        starts = self.state["starts"] + np.cumsum(self._starts(on, usable)[known:])
        last = np.flatnonzero(usable)
        self.state = {
            "ns": int(ns[-1]),
            "starts": int(starts[-1]),
            "on": int(on[last[-1]]) if len(last) else self.state["on"],
        }
        quality = meter_quality(line.pick(slice(known, None)))
        return {
            "hours": Column(params.start_hours + ns / _HOUR_NS, quality),
            "starts": Column(params.start_count + starts, quality),
        }

    def _starts(
        self, on: np.typing.NDArray[np.bool_], usable: np.typing.NDArray[np.bool_]
    ) -> np.typing.NDArray[np.bool_]:
        """Where it runs, and did not at the last usable row before."""
        before = np.maximum.accumulate(np.where(usable, np.arange(len(on)), -1))
        before = np.concatenate(([-1], before[:-1]))
        was = np.where(before < 0, self.state["on"], on[before])
        found: np.typing.NDArray[np.bool_] = on & (was == 0)
        return found
