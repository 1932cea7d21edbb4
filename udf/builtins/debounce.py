"""Signals that must hold for a time before they count."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from schemas.kinds import Array, Kind
from udf.base import Parameters
from udf.builtins.tagwise import (
    NEVER,
    SECOND_NS,
    Mask,
    Reading,
    Tagwise,
    Times,
    value_out,
    values_in,
)
from udf.context import Context

States = NDArray[np.int8]


class DebounceParameters(Parameters):
    on_s: Annotated[float, Field(title="On after (s)", ge=0, le=86_400)] = 0.1
    """How long the input must be true before the output is."""
    off_s: Annotated[float, Field(title="Off after (s)", ge=0, le=86_400)] = 0.1
    """How long it must be false before the output is."""


class Debounce(Tagwise[DebounceParameters]):
    """An on/off signal that changes only when its input has kept the new value for a time.

    The first value holds at once. Time is looked at where there are rows, so the output changes in
    the first row at which the time is up. Between two values the first one stands, so a gap counts
    as time held. Source: on-delay and off-delay timers TON and TOF of IEC 61131-3.
    """

    name, version, title = "debounce", "1.0.0", "Debounce"
    Params = DebounceParameters
    inputs = values_in(Kind.BOOL)
    outputs = value_out("The signal without its bounces.", Kind.BOOL)

    def prepare(self, ctx: Context) -> None:
        holds = [ctx.params.off_s * SECOND_NS, ctx.params.on_s * SECOND_NS]
        self._holds = np.array(holds, dtype=np.int64)

    def fresh(self, count: int, ctx: Context) -> dict[str, Array]:
        return unsettled(count)

    def apply(self, reading: Reading, times: Times) -> Reading:
        states = reading.values.astype(np.int8)
        found = settle(states, reading.absent, times, self._holds, self.state)
        return Reading(found == 1, reading.absent, reading.quality)


def unsettled(count: int) -> dict[str, Array]:
    """The state of `settle` before the first row."""
    return {
        "raw": np.full(count, -1, dtype=np.int8),
        "since": np.full(count, NEVER),
        "settled": np.full(count, -1, dtype=np.int8),
    }


def settle(
    states: States,
    absent: Mask | None,
    times: Times,
    holds_ns: NDArray[np.int64],
    memory: dict[str, Any],
) -> States:
    """States [S, N], each taken over when it has held for `holds_ns[state]`; changes `memory`."""
    raw, since, settled = memory["raw"], memory["since"], memory["settled"]
    result = np.empty_like(states)
    if absent is None and bool((states == settled).all()) and bool((raw == settled).all()):
        result[:] = settled
        return result
    same = len(set(holds_ns.tolist())) == 1
    for number, (row, now) in enumerate(zip(states, times.tolist(), strict=True)):
        changed = row != raw
        if absent is not None:
            changed &= ~absent[number]
        if changed.any():
            np.putmask(since, changed, now)
            np.putmask(raw, changed, row)
        hold = holds_ns[0] if same else holds_ns.take(raw, mode="clip")
        due = (since <= now - hold) | (settled < 0)
        if absent is not None:
            due &= ~absent[number]
        np.putmask(settled, due, raw)
        result[number] = settled
    return result
