"""Energy from power."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from schemas.functions import Input, Output
from udf.base import Batch, Column, Parameters, Returned
from udf.builtins.meter import Meter, meter_quality
from udf.builtins.windowed import GapS
from udf.context import Context

_KILOWATTS = {"W": 1e-3, "kW": 1.0, "MW": 1e3}
_HOUR_NS = 3.6e12


class EnergyParameters(Parameters):
    unit: Annotated[Literal["W", "kW", "MW"], Field(title="Unit of the power")] = "kW"
    """The energy is in kWh with each of them."""
    gap_s: GapS = 600.0
    """Time without data that is longer than this does not count."""
    negative: Annotated[Literal["subtract", "ignore"], Field(title="Negative power")] = "subtract"
    """subtract: what is fed back counts down. ignore: it counts as zero."""
    start_kwh: Annotated[float, Field(title="Energy so far (kWh)")] = 0.0
    """What the meter begins with."""


class Energy(Meter[EnergyParameters]):
    """Energy in kWh, by the trapezoid rule over power.

    Between two usable values the mean of both counts; before a bad one the last value holds. A bad
    value counts nothing until the next usable one, and the meter is then the last usable value.
    Source of the rule: DLMF 3.5(i), dlmf.nist.gov/3.5.
    """

    name, version, title = "energy", "1.0.0", "Energy from power"
    Params = EnergyParameters
    source = "power"
    inputs = (Input("power", description="Active power."),)
    outputs = (Output("energy", unit="kWh", description="Energy since the start."),)

    def begin(self, ctx: Context) -> None:
        self.state = {"kwh": 0.0}

    def process(self, batch: Batch, ctx: Context) -> Returned:
        params = ctx.params
        line, known = self.line(batch)
        usable = line.usable[:, 0]
        power = np.where(usable, line.values[:, 0], 0.0) * _KILOWATTS[params.unit]
        if params.negative == "ignore":
            power = np.maximum(power, 0.0)
        steps = np.diff(line.times)
        counted = usable[:-1] & (steps <= round(params.gap_s * 1e9))
        mean = np.where(usable[1:], power[:-1] / 2 + power[1:] / 2, power[:-1])
        parts = np.where(counted, mean * (steps / _HOUR_NS), 0.0)
        if not known:
            parts = np.concatenate(([0.0], parts))
        # one after the other from the last total, so that cuts change not one bit
        total = np.cumsum(np.concatenate(([self.state["kwh"]], parts)))[1:]
        self.state = {"kwh": float(total[-1])}
        quality = meter_quality(line.pick(slice(known, None)))
        return {"energy": Column(params.start_kwh + total, quality)}
