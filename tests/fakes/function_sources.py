"""Two functions of the bottling line in versions: one written in the editor, one a wheel."""

from __future__ import annotations

from hashlib import sha256

from hub.function_records import FunctionVersion, Origin
from tests.fakes import function_trials
from tests.fakes.clock import NS, STARTED_NS

_TREND = '''"""Where a level goes: its slope, and a warning before it runs over."""

import numpy as np
from pydantic import Field
from udf import Alarm, Batch, Context, Function, Input, Kind, Output, Parameters, Result


class TrendParameters(Parameters):
    window_s: float = Field(60.0, title="Window (s)", gt=0, le=3600)
    """Over how long the slope is taken."""
    limit: float = Field(90.0, title="Warn above (%)")


class LevelTrend(Function[TrendParameters]):
    """Slope of a level in percent per minute, and the smoothed level."""

    name, version = "level_trend", "VERSION"
    Params = TrendParameters
    inputs = (
        Input("level", unit="%", description="The level of a tank or bowl"),
        Input("running", Kind.BOOL, trigger=False, required=False, description="While true"),
    )
    outputs = (
        Output("slope", unit="%/min", description="How fast it rises"),
        Output("smooth", unit="%", passes="level", description="The level without its noise"),
    )

    def process(self, batch: Batch, ctx: Context) -> Result:
        level = batch["level"].values
        before = self.state.get("level", float(level[0]))
        BODY
        self.state["level"] = float(level[-1])
        full = bool(np.any(smooth > ctx.params.limit))
        alarm = Alarm("full", active=full, message="The level is too high.", level="warning")
        return Result({"slope": slope, "smooth": smooth}, [alarm])
'''
_SMOOTH = "smooth = np.convolve(level, np.ones(5) / 5, mode='same')"
_SLOPE = "slope = np.gradient(smooth) * 60 if len(smooth) > 1 else smooth - before"
_WEIGHTED = (
    "weights = np.array([1, 2, 3, 2, 1]) / 9",
    "smooth = np.convolve(level, weights, mode='same')",
)
_BROKEN = (
    "share = (level - before) / (level.max() - level.max())",
    "smooth = level * share",
)
_BODIES = {
    "1.0.0": (_SMOOTH, "slope = np.diff(smooth, prepend=before) * 60"),
    "1.1.0": (_SMOOTH, _SLOPE),
    "1.2.0": (*_WEIGHTED, _SLOPE),
    "1.3.0": (*_BROKEN, _SLOPE),
    "2.0.0": (*_WEIGHTED, _SLOPE, "slope = np.clip(slope, -100, 100)"),
}
BROKEN = ("level_trend", "1.3.0")
"""Whatever runs this version has faults after a moment."""
BROKEN_LINE = 31

_NOTES = {
    "1.0.0": "First version.",
    "1.1.0": "The slope at the first row of a batch is right now.",
    "1.2.0": "Weighted smoothing: the delay is half of what it was.",
    "1.3.0": "Scaled to the share of the bowl.",
    "2.0.0": "The slope is held between -100 and 100; starts anew.",
}
_TORQUE = '''"""How unevenly the heads of a capper close."""

import numpy as np
from pydantic import Field
from udf import Batch, Context, Function, Input, Output, Parameters, WritePort


class TorqueParameters(Parameters):
    rows: int = Field(20, title="Mean of rows", ge=1, le=1000)
    limit: float = Field(0.4, title="Limit of the spread (Nm)", gt=0)


class CapTorque(Function[TorqueParameters]):
    """Spread of the torques, and the mean torque of each head."""

    name, version = "cap_torque", "VERSION"
    Params = TorqueParameters
    inputs = (Input("torques", many=True, unit="Nm", description="All heads of one capper"),)
    outputs = (
        Output("spread", unit="Nm", description="Largest less smallest"),
        Output("mean", per="torques", description="Of the last rows"),
    )
    writes = (WritePort("speed", description="Setpoint that is lowered while they differ"),)

    def process(self, batch: Batch, ctx: Context) -> dict[str, np.ndarray]:
        values = batch["torques"].values
        spread = values.max(axis=1) - values.min(axis=1)
        return {"spread": spread, "mean": values}
'''
_DAY_NS = 86_400 * NS


def source_of(name: str, number: str) -> str:
    """The text of a version; that of the wheel is known here only."""
    if name == "cap_torque":
        return _TORQUE.replace("VERSION", number)
    body = "\n        ".join(_BODIES[number])
    return _TREND.replace("VERSION", number).replace("BODY", body)


def versions_of(name: str) -> list[FunctionVersion]:
    """Newest first."""
    if name == "cap_torque":
        made = [("1.0.0", 9, "Mean for each head."), ("0.9.0", 40, "Spread only.")]
        return [version(source_of(name, n), Origin.WHEEL, "k.brandt", t, d) for n, d, t in made]
    numbers = list(_BODIES)
    return [
        version(source_of(name, number), Origin.SOURCE, "t.huber", _NOTES[number], 3 + 12 * age)
        for age, number in enumerate(reversed(numbers))
    ]


def version(
    source: str, origin: Origin, author: str, notes: str, days: float = 0.0
) -> FunctionVersion:
    """What the hub knows of a source that loads."""
    spec = function_trials.check(source).spec
    assert spec is not None
    digest = sha256(source.encode()).hexdigest()
    created_ns = STARTED_NS - int(days * _DAY_NS)
    kept = source if origin is Origin.SOURCE else ""
    return FunctionVersion(
        spec.version, spec, digest, 2100 + len(source), kept, author, notes, created_ns
    )
