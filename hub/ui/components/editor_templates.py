"""What the editor starts with for a new function. Each one runs as it stands (a test does so)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Template:
    key: str
    title: str
    text: str
    """When to take it."""
    source: str


_SIMPLE = '''from udf import function


@function(name="flow_difference", version="0.1.0", unit="l/min")
def flow_difference(inflow: float, outflow: float, *, factor: float = 1.0) -> float:
    """Difference of two flows, times a factor."""
    return (inflow - outflow) * factor
'''

_CLASS = '''import numpy as np
from pydantic import Field
from udf import Alarm, Batch, Context, Function, Input, Output, Parameters, Result


class TankParameters(Parameters):
    area: float = Field(2.5, title="Area of the tank (m2)", gt=0)
    limit: float = Field(9.0, title="Alarm above (m3)")


class TankVolume(Function[TankParameters]):
    """Volume in a tank, from its level; an alarm when it is too full."""

    name, version = "tank_volume", "0.1.0"
    Params = TankParameters
    inputs = (Input("level", unit="m"),)
    outputs = (Output("volume", unit="m3"),)

    def process(self, batch: Batch, ctx: Context) -> Result:
        # values is a numpy array with one element per row
        volume = batch["level"].values * ctx.params.area
        full = bool(np.any(volume > ctx.params.limit))
        alarm = Alarm("full", active=full, message="The tank is too full.", level="warning")
        return Result({"volume": volume}, [alarm])
'''

_WINDOW = '''import numpy as np
from pydantic import Field
from udf import Batch, Column, Context, Function, Input, Output, Parameters

NS = 1_000_000_000


class MeanParameters(Parameters):
    window_s: float = Field(60.0, title="Window (s)", gt=0, le=86_400)


class WindowMean(Function[MeanParameters]):
    """Mean of a value over windows of event time, one output at the end of each window."""

    name, version = "window_mean", "0.1.0"
    Params = MeanParameters
    inputs = (Input("value"),)
    outputs = (Output("mean"),)

    def process(self, batch: Batch, ctx: Context) -> dict[str, Column]:
        # self.state survives a restart: what the open window has so far
        length = int(ctx.params.window_s * NS)
        column = batch["value"]
        values, times = column.values[column.good], batch.times[column.good]
        windows = times // length
        ends, means = [], []
        for window in np.unique(windows).tolist():
            if window != self.state.get("window"):
                if self.state.get("count"):
                    ends.append((self.state["window"] + 1) * length)
                    means.append(self.state["total"] / self.state["count"])
                self.state = {"window": window, "count": 0, "total": 0.0}
            inside = values[windows == window]
            self.state["count"] += len(inside)
            self.state["total"] += float(np.sum(inside))
        return {"mean": Column(np.array(means, dtype=float), None, np.array(ends, dtype=np.int64))}
'''

TEMPLATES = {
    item.key: item
    for item in (
        Template("simple", "Simple", "Numbers in, a number out: a plain function.", _SIMPLE),
        Template("class", "Class", "Columns, parameters with limits, alarms.", _CLASS),
        Template("window", "Window", "Windows of time, state that survives a restart.", _WINDOW),
    )
}
FIRST = "simple"
