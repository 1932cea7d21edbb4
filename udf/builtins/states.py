"""Numbers to states: off, idle, running, by thresholds with hysteresis."""

from __future__ import annotations

from typing import Annotated, Any, Self, TypeVar

import numpy as np
from pydantic import Field, model_validator

from schemas.kinds import Array, Kind
from udf.base import Parameters
from udf.builtins.debounce import States, settle, unsettled
from udf.builtins.table import counts
from udf.builtins.tagwise import SECOND_NS, Reading, Tagwise, Times, value_out
from udf.context import Context


class StateParameters(Parameters):
    thresholds: Annotated[
        tuple[float, ...], Field(title="Thresholds", min_length=1, max_length=100)
    ]
    """Ascending; from the first one on the state is 1, from the second one on 2. Below it is 0."""
    hysteresis: Annotated[float, Field(title="Hysteresis", ge=0)] = 0.0
    """A state is left downwards only when the value is so much below its threshold."""
    hold_s: Annotated[float, Field(title="Least time (s)", ge=0, le=86_400)] = 0.0
    """A new state must hold so long before it counts."""

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        for before, after in zip(self.thresholds, self.thresholds[1:], strict=False):
            if after <= before:
                raise ValueError(f"the thresholds must ascend, and {after:g} follows {before:g}")
        return self


class StateNameParameters(StateParameters):
    names: Annotated[tuple[str, ...], Field(title="Names", min_length=2, max_length=101)]
    """One for each state, the lowest first: one more than there are thresholds."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        needed = len(self.thresholds) + 1
        if len(self.names) != needed:
            raise ValueError(
                f"{len(self.thresholds)} thresholds make {needed} states, and there are "
                f"{len(self.names)} names"
            )
        return self


P = TypeVar("P", bound=StateParameters)


class _States(Tagwise[P]):
    def prepare(self, ctx: Context) -> None:
        params = ctx.params
        self._up = np.array(params.thresholds, dtype=np.float64)
        self._down = self._up - params.hysteresis
        self._holds = np.array([params.hold_s * SECOND_NS], dtype=np.int64)

    def fresh(self, count: int, ctx: Context) -> dict[str, Array]:
        return {"level": np.full(count, -1, dtype=np.int8), **unsettled(count)}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        for name in ("level", "raw", "settled"):
            np.minimum(self.state[name], len(self._up), out=self.state[name])

    def _states(self, reading: Reading, times: Times) -> States:
        values = reading.values
        at_least = counts(self._up, values).view(np.int8)
        at_most = at_least
        if self._down[0] != self._up[0]:
            at_most = counts(self._down, values).view(np.int8)
        level = self.state["level"]
        levels = np.empty_like(at_least)
        for number, (low, high, row) in enumerate(zip(at_least, at_most, levels, strict=True)):
            np.maximum(level, low, out=row)  # the first value's is the least that it can be
            np.minimum(row, high, out=row)
            if reading.absent is not None:
                np.copyto(row, level, where=reading.absent[number])
            level[:] = row
        if not self._holds[0]:
            return levels
        return settle(levels, reading.absent, times, self._holds, self.state)


class StateDetect(_States[StateParameters]):
    """The number of the state that a value is in: 0 below the first threshold, then 1, 2, ...

    The first value's state holds at once. Between two values the first one stands, so a gap counts
    as time held. Source: Schmitt trigger with several levels; the least time is TON of
    IEC 61131-3.
    """

    name, version, title = "state_detect", "1.0.0", "State detection"
    Params = StateParameters
    outputs = value_out("The number of the state.", Kind.INT)

    def apply(self, reading: Reading, times: Times) -> Reading:
        states = self._states(reading, times).astype(np.int64)
        return Reading(states, reading.absent, reading.quality)


class StateName(_States[StateNameParameters]):
    """The name of the state that a value is in: off, idle, running.

    As `state_detect`, with a text for each state. Source: Schmitt trigger with several levels; the
    least time is TON of IEC 61131-3.
    """

    name, version, title = "state_name", "1.0.0", "State by name"
    Params = StateNameParameters
    outputs = value_out("The name of the state.", Kind.TEXT)

    def prepare(self, ctx: Context) -> None:
        super().prepare(ctx)
        self._names = np.array(ctx.params.names, dtype=object)

    def apply(self, reading: Reading, times: Times) -> Reading:
        names = self._names.take(self._states(reading, times), mode="clip")
        return Reading(names, reading.absent, reading.quality)
