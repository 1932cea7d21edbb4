"""Values held within their range."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from schemas.quality import Quality
from udf.base import Parameters
from udf.builtins.tagwise import Reading, Tagwise, Times, value_out
from udf.context import Context

_GOOD, _CLAMPED = np.uint8(Quality.GOOD), np.uint8(Quality.UNCERTAIN_CLAMPED)


class ClampParameters(Parameters):
    low: Annotated[float | None, Field(title="Low")] = None
    """The lowest value; empty for none."""
    high: Annotated[float | None, Field(title="High")] = None
    """The highest value; empty for none."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("give low, high or both; without them nothing is held")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low ({self.low:g}) must be below high ({self.high:g})")
        return self


class Clamp(Tagwise[ClampParameters]):
    """A value outside its range is held at the end of it, and is then uncertain ("clamped").

    A value exactly at the end is good. An infinite value is bad, not clamped. Source: OPC Data
    Access 3.00, section 6.8, "engineering units exceeded".
    """

    name, version, title = "clamp", "1.0.0", "Clamp"
    Params = ClampParameters
    outputs = value_out("The value, held within its range.")

    def prepare(self, ctx: Context) -> None:
        self._low = -np.inf if ctx.params.low is None else ctx.params.low
        self._high = np.inf if ctx.params.high is None else ctx.params.high

    def apply(self, reading: Reading, times: Times) -> Reading:
        values = reading.values
        if values.min() >= self._low and values.max() <= self._high:  # False with a NaN
            return reading
        held = np.maximum(values, self._low)
        np.minimum(held, self._high, out=held)
        quality = np.where(held == values, _GOOD, _CLAMPED)
        if reading.quality is not None:  # what is bad, or uncertain for another reason, stays so
            np.minimum(quality, reading.quality, out=quality)
        return Reading(held, reading.absent, quality)
