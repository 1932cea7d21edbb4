"""CPU of the built-in functions: ns per value, which is CPU-s per million values times 1,000.

    python -m tests.bench.functions [scale clamp ...] [--seconds 0.4] [--json figures.json]

The shape is that of 320,000 values/s from 16 devices x 1,000 tags x 50 ms: what a function gets of
one device each 250 ms is 5 scans x 1,000 tags; a gateway that hands over each scan gives [1, 1000].
One tag with 1,000 rows is a replay. Process time of this process alone, warmed up, median of three.
Figures are of a function's `process`; "through the engine" adds checks, events and last values.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from schemas.functions import Bindings, TagInfo
from schemas.kinds import Array, Kind
from udf.base import Batch, Column, Function
from udf.builtins import builtin
from udf.context import Context, Memory
from udf.engine import Engine
from udf.simple import function

PERIOD_NS = 50_000_000
Process = Callable[[Batch], Any]
CHAIN = ("scale", "clamp", "deadband", "moving_average")
PARAMETERS: dict[str, dict[str, Any]] = {
    "scale": {"raw_low": 0, "raw_high": 27648, "low": 0, "high": 100},
    "clamp": {"low": 2, "high": 98},
    "deadband": {"band": 0.5},
    "moving_average": {"rows": 20},
    "linearise": {"points": [[0, 0], [5000, 10], [9000, 30], [18000, 60], [27648, 100]]},
    "lookup_table": {"table": [[k, 10 * k] for k in range(10)], "default": 0},
    "lookup_text": {"table": [[k, f"step {k}"] for k in range(10)], "default": "other"},
    "convert": {"from_unit": "degC", "to_unit": "degF"},
    "rate_of_change": {"per": "min"},
    "moving_median": {"rows": 5},
    "low_pass": {"time_constant_s": 2},
    "counter_delta": {"rolls_over_at": 65536},
    "totaliser": {"per": "h"},
    "debounce": {"on_s": 0.2, "off_s": 0.5},
    "edge": {},
    "edge_count": {},
    "state_detect": {"thresholds": [5000, 15000, 25000], "hysteresis": 500, "hold_s": 0.2},
    "state_name": {"thresholds": [5000, 15000], "names": ["off", "idle", "run"]},
    "swinging_door": {"deviation": 500},
}
SHAPES = ((5, 1000), (1, 1000), (1000, 1))


@function(name="bench_loop")
def looped(level: float, rate: float) -> float:
    """A function of numbers that branches, so it is called for each row."""
    return level * rate if level > 0 else 0.0


@function(name="bench_vector")
def vectorised(level: float, rate: float) -> float:
    """A function of numbers that is plain arithmetic."""
    return level * 0.5 + rate * rate


def engine(kind: type[Function[Any]], parameters: Mapping[str, Any], count: int) -> Engine:
    """A use of a function on `count` tags."""
    tags = tuple(TagInfo(number + 1, f"T{number}") for number in range(count))
    inputs = {port.name: tags if port.many else tags[:1] for port in kind.inputs if port.required}
    outputs = {port.name: tags if port.per else tags[:1] for port in kind.outputs}
    return Engine(kind, parameters, Bindings(inputs, outputs))


def alone(kind: type[Function[Any]], parameters: Mapping[str, Any], count: int) -> Process:
    """Its `process` without the engine."""
    tags = tuple(TagInfo(number + 1, f"T{number}") for number in range(count))
    ports = {port.name: tags for port in (*kind.inputs, *kind.outputs)}
    context = Context(kind.Params.model_validate(dict(parameters)), ports, Memory())
    made = kind()
    made.setup(context)
    return lambda batch: made.process(batch, context)


def batches(kind: type[Function[Any]], rows: int, count: int, number: int = 40) -> list[Batch]:
    """A walk of each tag through a PLC's range of 0 to 27648, in event time."""
    random = np.random.default_rng(4)
    walk = random.normal(0, 60, (number * rows, count)).cumsum(axis=0)
    values = np.abs((walk + random.uniform(0, 27648, count)) % 55296 - 27648)
    if kind.name == "counter_delta":
        values = random.integers(0, 9, values.shape).cumsum(axis=0) % 65536.0
    if kind.name.startswith("lookup"):
        values = np.floor(values / 2500)
    times = 1_790_000_000_000_000_000 + PERIOD_NS * np.arange(len(values))
    made = []
    for start in range(0, len(values), rows):
        part = values[start : start + rows]
        columns = {
            port.name: Column(_typed(part if port.many else part[:, 0], port.kind))
            for port in kind.inputs
            if port.required
        }
        made.append(Batch(times[start : start + rows], columns))
    return made


def _typed(values: Array, kind: Kind) -> Array:
    if kind is Kind.BOOL:
        return values > 13824
    return np.ascontiguousarray(values)


def moved(given: list[Batch]) -> Iterator[Batch]:
    """The same values for ever, with times that go on."""
    shift = given[-1].times[-1] - given[0].times[0] + PERIOD_NS
    turn = 0
    while True:
        for batch in given:
            yield Batch(batch.times + turn * shift, batch.columns)
        turn += 1


def measure(call: Process, given: list[Batch], seconds: float) -> float:
    """ns of CPU per value of the first input; the median of three."""
    size = next(iter(given[0].columns.values())).values.size
    endless = moved(given)
    for _ in range(2 * len(given)):
        call(next(endless))
    figures = []
    for _ in range(3):
        pool = [next(endless) for _ in given]
        calls, spent = 0, 0.0
        while spent < seconds:
            start = time.process_time()
            for batch in pool:
                call(batch)
            spent += time.process_time() - start
            calls += len(pool)
            pool = [next(endless) for _ in given]  # not counted
        figures.append(spent / calls / size * 1e9)
    return statistics.median(figures)


def chained(count: int) -> Process:
    """scale, clamp, deadband and moving average, each on the output of the one before."""
    steps = [alone(builtin(name), PARAMETERS[name], count) for name in CHAIN]

    def call(batch: Batch) -> Batch:
        for step in steps:
            batch = Batch(batch.times, {"values": step(batch)["value"]})
        return batch

    return call


def chained_engines(count: int) -> Process:
    """The same through an engine each."""
    engines = [engine(builtin(name), PARAMETERS[name], count) for name in CHAIN]

    def call(batch: Batch) -> Batch:
        for step in engines:
            column = step.process(batch).columns["value"]
            batch = Batch(batch.times, {"values": Column(column.values, column.quality)})
        return batch

    return call


def figures(names: list[str], seconds: float) -> dict[str, dict[str, float]]:
    """ns per value by function and shape."""
    found: dict[str, dict[str, float]] = {}
    for rows, count in SHAPES:
        shape = f"{rows} x {count}"
        if not names:
            given = batches(builtin("scale"), rows, count)
            for title, chain in (
                ("all four", chained),
                ("all four, through the engine", chained_engines),
            ):
                found.setdefault(title, {})[shape] = measure(chain(count), given, seconds)
        for name in names or [*PARAMETERS]:
            kind = builtin(name)
            if name == "swinging_door" and count > 1:
                continue  # one tag each
            use = alone(kind, PARAMETERS[name], count)
            given = batches(kind, rows, count)
            found.setdefault(name, {})[shape] = measure(use, given, seconds)
    if not names:
        for kind in (vectorised, looped):
            given = batches(kind, 1000, 1)
            figure = measure(alone(kind, {}, 1), given, seconds)
            found[f"simple form: {kind.name}"] = {"1000 x 1": figure}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*PARAMETERS, []])
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = figures(given.names, given.seconds)
    shapes = [f"{rows} x {count}" for rows, count in SHAPES]
    print("ns of CPU per value".ljust(28), *(shape.rjust(10) for shape in shapes))
    for name, row in found.items():
        print(name.ljust(28), *(f"{row[s]:10.1f}" if s in row else " " * 10 for s in shapes))
    text = json.dumps({"ns_per_value": found, "numpy": np.__version__}, indent=1)
    if given.json:
        given.json.write_text(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
