"""Few points that draw nearly the same line: swinging-door compression."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from schemas.functions import Input, Output
from schemas.quality import Quality
from udf.base import Batch, Column, Function, Parameters, Returned
from udf.builtins.tagwise import SECOND_NS, finite, read
from udf.context import Context

_Point = tuple[int, float, int]
"""time, value, quality"""


class SwingingDoorParameters(Parameters):
    deviation: Annotated[float, Field(title="Deviation", ge=0)]
    """How far the line between two points may be from any value between them, in its unit."""
    max_interval_s: Annotated[float, Field(title="Longest interval (s)", gt=0, le=31_536_000)] = (
        3600.0
    )
    """Two points are no further apart than this, as long as there are values."""


class SwingingDoor(Function[SwingingDoorParameters]):
    """Only the points between which a straight line stays within `deviation` of every value.

    A point comes out when a later value shows that it is needed, with its own time; so the newest
    point is always still open. The first value comes out at once. Where the quality changes, the
    value before and the value after come out; a run of bad values is one bad point. One tag,
    because each tag has other points; values are walked one by one, since each decides what the
    next is compared with (0.3 us a value).

    Source: E. H. Bristol, "Swinging door trending: adaptive trend recording?", ISA National
    Conference 1990, 749-754; US patent 4,669,097 (expired). Here the line to the new value itself
    must pass the doors: the original only asks that some line does, and is off by up to twice the
    deviation.
    """

    name, version, title = "swinging_door", "1.0.0", "Swinging-door compression"
    Params = SwingingDoorParameters
    inputs = (Input("signal", description="The tag to compress."),)
    outputs = (Output("value", passes="signal", description="The points that are kept."),)

    def setup(self, ctx: Context) -> None:
        self._deviation = ctx.params.deviation
        self._interval_ns = int(ctx.params.max_interval_s * SECOND_NS)
        # pivot: the point that came out last; open: the value behind it; the steepest and the least
        # slope from the pivot that pass by all values since
        self.state = {"pivot": None, "open": None, "upper": np.inf, "lower": -np.inf}

    def restore(self, state: dict[str, Any]) -> None:
        pair = {name: state[name] and tuple(state[name]) for name in ("pivot", "open")}
        self.state = {**state, **pair}

    def process(self, batch: Batch, ctx: Context) -> Returned:
        reading = finite(read(batch["signal"]))
        rows = zip(
            batch.times.tolist(),
            reading.values.tolist(),
            reading.qualities().tolist(),
            strict=True,
        )
        kept: list[_Point] = []
        for point in rows:
            self._walk(point, kept)
        if not kept:
            return None
        times, values, quality = (np.array(part) for part in zip(*kept, strict=True))
        column = Column(
            np.where(quality < Quality.UNCERTAIN, np.nan, values),
            quality.astype(np.uint8),
            times.astype(np.int64),
        )
        return {"value": column}

    def _walk(self, point: _Point, kept: list[_Point]) -> None:
        pivot = self.state["pivot"]
        if pivot is None or point[2] != pivot[2]:
            if self.state["open"] is not None:
                kept.append(self.state["open"])
            self._keep(point, kept)
        elif point[2] >= Quality.UNCERTAIN:
            self._swing(point, kept)

    def _swing(self, point: _Point, kept: list[_Point]) -> None:
        state = self.state
        if state["open"] is not None:
            time_ns, start, _ = state["pivot"]
            late = point[0] - time_ns > self._interval_ns
            slope = (point[1] - start) / (point[0] - time_ns)
            if late or not state["lower"] <= slope <= state["upper"]:
                self._keep(state["open"], kept)
        time_ns, start, _ = state["pivot"]
        span = point[0] - time_ns
        state["open"] = point
        state["upper"] = min(state["upper"], (point[1] + self._deviation - start) / span)
        state["lower"] = max(state["lower"], (point[1] - self._deviation - start) / span)

    def _keep(self, point: _Point, kept: list[_Point]) -> None:
        kept.append(point)
        self.state.update(pivot=point, open=None, upper=np.inf, lower=-np.inf)
