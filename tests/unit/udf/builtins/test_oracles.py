"""Built-ins with a memory against slow and obvious Python, value by value and tag by tag.

An oracle gets the usable values of one tag as (ns, value, row) and answers {row: result}.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from schemas.kinds import Kind
from schemas.quality import Quality
from tests.unit.udf.builtins import samples
from udf.base import Batch, Column
from udf.builtins import builtin
from udf.engine import Engine
from udf.testing import bindings_of

Points = list[tuple[int, Any, int]]
Oracle = Callable[[Points, dict[str, Any]], dict[int, Any]]
PER_S = {"s": 1, "min": 60, "h": 3600}


def deadband(points: Points, p: dict[str, Any]) -> dict[int, Any]:
    found, held = {}, math.inf
    for _, value, row in points:
        held = value if abs(value - held) > p["band"] else held
        found[row] = held
    return found


def low_pass(points: Points, p: dict[str, Any]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    level, last = math.nan, 0
    for time, value, row in points:
        share = 1 - math.exp(-(time - last) / 1e9 / p["time_constant_s"])
        level = value if not found else level + share * (value - level)
        found[row], last = level, time
    return found


def rate_of_change(points: Points, p: dict[str, Any]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    mark: tuple[int, float] | None = None
    rate = None
    for time, value, row in points:
        if mark is None or time - mark[0] >= p.get("interval_s", 0) * 1e9:
            rate = None
            if mark is not None and time - mark[0] <= p.get("gap_s", 86400) * 1e9:
                rate = (value - mark[1]) / ((time - mark[0]) / 1e9) * PER_S[p.get("per", "s")]
            mark = time, value
        found[row] = rate
    return found


def moving_average(points: Points, p: dict[str, Any]) -> dict[int, Any]:
    def inside(one: tuple[int, Any, int], now: tuple[int, Any, int]) -> bool:
        if "rows" in p:
            return now[2] - p["rows"] < one[2] <= now[2]
        return now[0] - p["window_s"] * 1e9 < one[0] <= now[0]

    return {
        now[2]: statistics.fmean(one[1] for one in points if inside(one, now)) for now in points
    }


def moving_median(points: Points, p: dict[str, Any]) -> dict[int, Any]:
    return {
        row: statistics.median(one for _, one, at in points if row - p["rows"] < at <= row)
        for _, _, row in points
    }


def totaliser(points: Points, p: dict[str, Any]) -> dict[int, Any]:
    found, total = {}, 0.0
    for number, (time, value, row) in enumerate(points):
        if number:
            before, start, _ = points[number - 1]
            hours = (time - before) / 1e9 / PER_S[p["per"]]
            if time - before <= p["gap_s"] * 1e9:
                total += (value + start) / 2 * hours if p["rule"] == "trapezoid" else start * hours
        found[row] = total
    return found


def debounce(points: Points, p: dict[str, Any]) -> dict[int, Any]:
    found, output, raw, since = {}, None, None, 0
    for time, value, row in points:
        if value != raw:
            raw, since = value, time
        if output is None or time - since >= (p["on_s"] if raw else p["off_s"]) * 1e9:
            output = raw
        found[row] = output
    return found


def edge(points: Points, p: dict[str, Any]) -> dict[int, Any]:
    found, last = {}, None
    for _, value, row in points:
        rising, falling = last is False and value, last is True and not value
        found[row] = {"rising": rising, "falling": falling, "both": rising or falling}[p["edge"]]
        last = bool(value)
    return found


def edge_count(points: Points, p: dict[str, Any]) -> dict[int, Any]:
    edges, found, count = edge(points, p), {}, 0
    for row, one in edges.items():
        count += bool(one)
        found[row] = count
    return found


def state_detect(points: Points, p: dict[str, Any]) -> dict[int, Any]:
    found, level, output, raw, since = {}, None, None, None, 0
    for time, value, row in points:
        up = sum(value >= limit for limit in p["thresholds"])
        while level is not None and level > up:
            if value >= p["thresholds"][level - 1] - p["hysteresis"]:
                break
            level -= 1
        level = up if level is None else max(level, up)
        if level != raw:
            raw, since = level, time
        if output is None or time - since >= p["hold_s"] * 1e9:
            output = raw
        found[row] = output
    return found


CASES: list[tuple[Oracle, dict[str, Any]]] = [
    (deadband, {"band": 0}),
    (deadband, {"band": 1.5}),
    (low_pass, {"time_constant_s": 0.05}),
    (low_pass, {"time_constant_s": 3}),
    (rate_of_change, {}),
    (rate_of_change, {"per": "min", "interval_s": 0.7}),
    (rate_of_change, {"gap_s": 0.4}),
    (rate_of_change, {"interval_s": 0.5, "gap_s": 0.8}),
    (moving_average, {"rows": 1}),
    (moving_average, {"rows": 4}),
    (moving_average, {"rows": 50}),
    (moving_average, {"window_s": 0.02}),
    (moving_average, {"window_s": 0.9}),
    (moving_average, {"window_s": 8}),
    (moving_median, {"rows": 2}),
    (moving_median, {"rows": 5}),
    (moving_median, {"rows": 14}),
    (moving_median, {"rows": 33}),
    (totaliser, {"per": "s", "rule": "trapezoid", "gap_s": 60}),
    (totaliser, {"per": "min", "rule": "left", "gap_s": 0.3}),
    (debounce, {"on_s": 0.3, "off_s": 0.3}),
    (debounce, {"on_s": 0, "off_s": 0.5}),
    (edge, {"edge": "rising"}),
    (edge, {"edge": "falling"}),
    (edge, {"edge": "both"}),
    (edge_count, {"edge": "both"}),
    (state_detect, {"thresholds": [-3, 0, 4], "hysteresis": 1.5, "hold_s": 0}),
    (state_detect, {"thresholds": [-3, 0, 4], "hysteresis": 5, "hold_s": 0.4}),
    (state_detect, {"thresholds": [0], "hysteresis": 0, "hold_s": 0.2}),
]


@pytest.mark.parametrize("count", [1, 3, 30])
@pytest.mark.parametrize("doubt", [True, False], ids=["doubt", "good"])
@pytest.mark.parametrize(("oracle", "parameters"), CASES)
def test_it_does_what_the_oracle_does(
    oracle: Oracle, parameters: dict[str, Any], doubt: bool, count: int
) -> None:
    kind = builtin(oracle.__name__)
    batch = samples.batch(kind, rows=160, count=count, doubt=doubt, seed=count)
    if "reset" in batch.columns:
        none = Column(np.zeros(160, np.bool_), np.zeros(160, np.uint8))
        batch = Batch(batch.times, {**batch.columns, "reset": none})
    engine = Engine(kind, parameters, bindings_of(kind, batch))
    parts = [engine.process(batch.cut(start, start + 5)) for start in range(0, 160, 5)]
    values = np.concatenate([part.columns["value"].values for part in parts])
    quality = np.concatenate([part.columns["value"].qualities() for part in parts])
    given = batch["values"]
    for tag in range(count):
        rows = np.flatnonzero(given.usable[:, tag]).tolist()
        points = [(int(batch.times[row]), given.values[row, tag].item(), row) for row in rows]
        wanted = oracle(points, parameters)
        found = {
            row: values[row, tag].item()
            for row in range(160)
            if quality[row, tag] >= Quality.UNCERTAIN
        }
        assert list(found) == [row for row, value in wanted.items() if value is not None]
        if kind.outputs[0].kind is Kind.FLOAT:
            assert list(found.values()) == pytest.approx(
                [value for value in wanted.values() if value is not None], rel=1e-9, abs=1e-12
            )
        else:
            assert list(found.values()) == list(wanted.values())


@pytest.mark.parametrize("parameters", [{"rows": 6}, {"window_s": 1.1}])
@pytest.mark.parametrize("name", ["moving_average", "moving_median"])
def test_one_uncertain_value_makes_its_windows_uncertain(
    name: str, parameters: dict[str, Any]
) -> None:
    kind = builtin(name)
    if name == "moving_median":
        parameters = {"rows": 6}
    batch = samples.batch(kind, count=3, seed=9)
    found = Engine(kind, parameters, bindings_of(kind, batch)).process(batch).columns["value"]
    given = batch["values"].qualities()
    for row in range(len(batch)):
        now = batch.times[row]
        first = row - 5
        if "window_s" in parameters:
            first = int(np.searchsorted(batch.times, now - 1_100_000_000, side="right"))
        window = given[max(first, 0) : row + 1]
        worst = np.where(window < Quality.UNCERTAIN, np.uint8(192), window).min(axis=0)
        wanted = np.where(given[row] < Quality.UNCERTAIN, given[row], worst)
        assert found.qualities()[row].tolist() == wanted.tolist()
