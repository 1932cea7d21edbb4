"""Overall equipment effectiveness of a machine, shift by shift."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from schemas.functions import Input, Output
from schemas.kinds import Kind
from schemas.quality import Quality
from udf.base import Batch, Column, Returned
from udf.builtins.windowed import CoverParameters, OffsetS, SizeS, Windowed
from udf.context import Context
from udf.windows import Closed, Duration, Sum, Tumbling

_COUNTERS = ("good_count", "total_count")
_PLANNED, _PRODUCING, _GOOD, _TOTAL = range(4)
"""Columns of the windows."""


class OeeParameters(CoverParameters):
    ideal_cycle_s: Annotated[float, Field(title="Ideal cycle time (s)", gt=0, le=1e6)]
    """Planned run time per item: seconds for one piece at the planned speed."""
    size_s: SizeS = 28_800.0
    """The length of a shift."""
    offset_s: OffsetS = 0.0
    """For shifts: 18000 lets them begin at 06:00 of UTC+1."""
    roll_over: Annotated[int, Field(title="Counters roll over at", ge=0, le=2**62)] = 0
    """65536 for a 16-bit counter. With 0 a counter that goes down was set to zero."""


class Oee(Windowed[OeeParameters]):
    """Availability, performance, quality and OEE in percent, one row per shift.

    Source: ISO 22400-2, KPI descriptions: availability = APT / PBT, effectiveness = PRI x PQ / APT,
    quality ratio = GQ / PQ, OEE index = availability x effectiveness x quality ratio; with actual
    production time APT (running while planned), planned busy time PBT, planned run time per item
    PRI, produced quantity PQ and good quantity GQ. More than 100 % is held there and uncertain: the
    ideal cycle time is then too long. Without planned time, running time or pieces a part is bad;
    OEE is 0 where there was planned time. Pieces made outside planned time do not count.
    """

    name, version, title = "oee", "1.0.0", "OEE"
    Params = OeeParameters
    inputs = (
        Input("running", Kind.BOOL, description="The machine produces."),
        Input("good_count", Kind.INT, description="Counter of good pieces."),
        Input("total_count", Kind.INT, description="Counter of all pieces."),
        Input(
            "planned",
            Kind.BOOL,
            required=False,
            description="Production is planned; always, without a tag.",
        ),
    )
    outputs = (
        Output("availability", unit="%", description="Running time of planned time."),
        Output("performance", unit="%", description="Pieces of those possible while running."),
        Output("quality", unit="%", description="Good pieces of all."),
        Output("oee", unit="%", description="All three multiplied."),
    )

    def setup(self, ctx: Context) -> None:
        names = [item.name for item in self.inputs]
        self._always = not ctx.tags.get("planned")
        self.state = {
            "tags": [[tag.id for tag in ctx.tags.get(name, ())] for name in names],
            "counts": [None, None],
            "planned": True,
        }
        shape = Tumbling(ctx.params.size_s, ctx.params.offset_s)
        self.open(shape, {"seconds": Duration(1.0), "sum": Sum()}, ctx.params, 4)

    def process(self, batch: Batch, ctx: Context) -> Returned:
        running = batch["running"]
        planned = Column(np.ones(len(batch), np.bool_)) if self._always else batch["planned"]
        known = planned.usable
        is_planned = np.where(known, planned.values, True)
        before = np.concatenate(([self.state["planned"]], is_planned[:-1]))
        self.state["planned"] = bool(is_planned[-1])
        values = np.zeros((len(batch), 4))
        quality = np.empty((len(batch), 4), np.uint8)
        values[:, _PLANNED], quality[:, _PLANNED] = is_planned, planned.qualities()
        values[:, _PRODUCING] = running.values & is_planned
        quality[:, _PRODUCING] = np.minimum(running.qualities(), quality[:, _PLANNED])
        for at, name in enumerate(_COUNTERS):
            made = self._made(at, batch[name], ctx.params.roll_over)
            values[:, _GOOD + at] = np.where(before, made, 0.0)
            quality[:, _GOOD + at] = batch[name].qualities()
        closed = self.windows.take(batch.times, Column(values, quality))
        return _figures(closed, ctx.params) if len(closed) else None

    def _made(self, at: int, column: Column, roll_over: int) -> NDArray[np.float64]:
        """Pieces since the usable value before, [S]."""
        made = np.zeros(len(column.values))
        usable = column.usable
        counts = column.values[usable].astype(np.int64)
        if len(counts):
            last = self.state["counts"][at]
            steps = np.diff(counts, prepend=counts[0] if last is None else last)
            reset = steps + roll_over if roll_over else counts
            made[usable] = np.where(steps < 0, reset, steps)
            self.state["counts"][at] = int(counts[-1])
        return made


def _figures(closed: Closed, params: OeeParameters) -> dict[str, Column]:
    """The four KPIs at the ends of shifts."""
    seconds, sums = closed["seconds"], closed["sum"]
    planned, producing = _floats(seconds, _PLANNED), _floats(seconds, _PRODUCING)
    good, total = _floats(sums, _GOOD), _floats(sums, _TOTAL)
    times, counts = seconds.qualities(), sums.qualities()
    with np.errstate(all="ignore"):
        parts = {
            "availability": _percent(producing / planned, times[:, :2]),
            "performance": _percent(
                params.ideal_cycle_s * total / producing,
                np.stack([times[:, _PRODUCING], counts[:, _TOTAL]], axis=1),
            ),
            "quality": _percent(good / total, counts[:, _GOOD:]),
        }
    values = np.prod([np.asarray(found.values, float) / 100 for found in parts.values()], axis=0)
    quality = np.minimum.reduce([found.qualities() for found in parts.values()])
    idle = (planned > 0) & ((producing == 0) | (total == 0))
    worst = np.minimum(times[:, :2].min(axis=1), counts[:, _GOOD:].min(axis=1))
    quality = np.where(idle, worst, quality).astype(np.uint8)
    found = np.where(idle, 0.0, values * 100)
    parts["oee"] = Column(np.where(quality < Quality.UNCERTAIN, np.nan, found), quality)
    return {name: Column(f.values, f.quality, closed.ends) for name, f in parts.items()}


def _floats(column: Column, at: int) -> NDArray[np.float64]:
    return np.asarray(column.values[:, at], np.float64)


def _percent(share: Any, qualities: NDArray[np.uint8]) -> Column:
    """A share as percent, held at 0 to 100, with the worst of qualities [T, n]."""
    quality = qualities.min(axis=1)
    outside = (share < 0) | (share > 1)
    quality = np.where(outside, np.minimum(quality, np.uint8(Quality.UNCERTAIN_CLAMPED)), quality)
    quality = np.where(np.isfinite(share), quality, np.uint8(Quality.BAD))
    return Column(
        np.where(np.isfinite(share), np.clip(share, 0, 1) * 100, np.nan), quality.astype(np.uint8)
    )
