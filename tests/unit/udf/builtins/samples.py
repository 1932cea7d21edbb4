"""Parameters and data for every built-in function, for the tests of what all of them promise."""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.kinds import Array, Kind, blank
from schemas.quality import Quality
from udf.base import Batch, Column, Function

START_NS = 1_790_000_000_000_000_000

PARAMETERS: dict[str, list[dict[str, Any]]] = {
    "clamp": [{"low": -5, "high": 5}, {"high": 0}],
    "convert": [{"from_unit": "degC", "to_unit": "degF"}],
    "counter_delta": [
        {},
        {"rolls_over_at": 20, "max_increment": 6},
        {"rolls_over_at": 20, "on_reset": "nothing"},
    ],
    "deadband": [{"band": 1.5}, {"percent": 10, "low": -10, "high": 10}],
    "debounce": [{"on_s": 0.2, "off_s": 0.5}, {"on_s": 0, "off_s": 0.3}],
    "edge": [{"edge": "rising"}, {"edge": "falling"}, {"edge": "both"}],
    "edge_count": [{"edge": "both"}],
    "expression": [{"expression": "where(a > 0, a, -a) * 2 + b"}],
    "linearise": [
        {"points": [[-5, 0], [0, 10], [5, 100]]},
        {"points": [[k, k * k] for k in range(-20, 21)], "ends": "extrapolate"},
    ],
    "lookup_table": [{"table": [[1, 10], [2, 20]]}, {"table": [[1, 10]], "default": -1}],
    "lookup_text": [{"table": [[1, "one"], [2, "two"]]}, {"table": [[1, "x"]], "default": ""}],
    "low_pass": [{"time_constant_s": 0.7}],
    "moving_average": [{"rows": 1}, {"rows": 7}, {"window_s": 0.9}],
    "moving_median": [{"rows": 2}, {"rows": 5}, {"rows": 16}],
    "oee": [{"ideal_cycle_s": 0.5, "size_s": 10}],
    "rate_of_change": [{}, {"per": "h", "interval_s": 0.5}, {"gap_s": 0.4}],
    "scale": [{"scale": 2, "offset": 1}, {"raw_low": 4, "raw_high": 20, "low": 0, "high": 10}],
    "state_detect": [{"thresholds": [-2, 3], "hysteresis": 1, "hold_s": 0.3}],
    "state_name": [{"thresholds": [0], "names": ["low", "high"]}],
    "swinging_door": [{"deviation": 2, "max_interval_s": 4}, {"deviation": 0}],
    "totaliser": [{"per": "s", "gap_s": 0.5}, {"rule": "left", "rolls_over_at": 0.01}],
}
"""What is not here runs with its defaults."""


def of(name: str) -> list[dict[str, Any]]:
    return PARAMETERS.get(name, [{}])


def batch(
    kind: type[Function[Any]], rows: int = 240, count: int = 3, *, doubt: bool = True, seed: int = 1
) -> Batch:
    """Rows at irregular times, with a gap; with `doubt` some values are bad or uncertain and some
    tags begin late."""
    random = np.random.default_rng(seed)
    times = START_NS + random.integers(50_000_000, 250_000_000, rows).cumsum()
    times[rows // 2 :] += 5_000_000_000
    columns = {}
    for port in kind.inputs:
        shape = (rows, count) if port.many else (rows,)
        values = _values(port.kind, shape, random)
        quality = None
        if doubt:
            quality = random.choice(
                [Quality.GOOD, Quality.UNCERTAIN_CLOCK, Quality.BAD_TIMEOUT, Quality.BAD],
                size=shape,
                p=[0.9, 0.03, 0.05, 0.02],
            ).astype(np.uint8)
            quality[: rows // 20, ...] = np.where(
                random.random(shape[1:]) < 0.5, np.uint8(Quality.BAD), np.uint8(Quality.GOOD)
            )
            bad = quality < Quality.UNCERTAIN
            values[bad] = blank(port.kind.wire, (1,))[0]
        columns[port.name] = Column(values, quality)
    return Batch(times, columns)


def _values(kind: Kind, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    walk = np.round(random.normal(0, 2, shape).cumsum(axis=0) * 2) / 2 % 21 - 10
    if kind is Kind.BOOL:
        return np.asarray(walk > 0)
    if kind is Kind.INT:
        return walk.astype(np.int64)
    return walk.astype(str).astype(object) if kind is Kind.TEXT else walk
