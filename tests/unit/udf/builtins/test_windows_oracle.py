"""Windows against a slow and obvious oracle, value by value, and cut anywhere with restarts."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.udf.builtins.window_oracle import WIDTH, Oracle, Row, S
from udf.base import Column
from udf.state import pack, unpack
from udf.windows import (
    Aggregate,
    Average,
    Count,
    Deviation,
    Duration,
    First,
    GoodShare,
    Integral,
    Last,
    Maximum,
    Minimum,
    Percentile,
    Rate,
    Session,
    Shape,
    Sliding,
    Sum,
    Tumbling,
    Windows,
)

TICK = 100_000_000  # 0.1 s
AGGREGATES: dict[str, Aggregate] = {
    "count": Count(),
    "sum": Sum(),
    "min": Minimum(),
    "max": Maximum(),
    "first": First(),
    "last": Last(),
    "plain": Average(by_time=False),
    "held": Average(),
    "line": Average(linear=True),
    "step": Integral(),
    "trapezoid": Integral(linear=True),
    "rate": Rate(),
    "deviation": Deviation(),
    "in_one": Duration(1.0),
    "p30": Percentile(30),
    "good": GoodShare(),
}


@st.composite
def arrivals(draw: st.DrawFn, late: bool) -> list[Row]:
    step = st.sampled_from([1, 1, 2, 2, 3, 5, 7, 10, 13, 40, 300])
    steps = draw(st.lists(step, min_size=draw(st.sampled_from([0, 25])), max_size=40))
    times = [draw(st.integers(-30, 30))]
    for step in steps:
        times.append(times[-1] + step)
    if late:
        moves = draw(st.lists(st.integers(0, 12), min_size=len(times), max_size=len(times)))
        order = sorted(range(len(times)), key=lambda at: times[at] + moves[at])
        times = [times[at] for at in order]
    value = st.one_of(
        st.integers(-3, 3).map(float),
        st.integers(0, 1).map(float),
        st.floats(-1e6, 1e6),
        st.sampled_from([1.0, 2.0, 3.0, 4.0, math.nan, math.inf]),
    )
    quality = st.sampled_from([192, 192, 192, 192, 192, 64, 76, 0, 24])
    pair = st.lists(value, min_size=WIDTH, max_size=WIDTH)
    qualities = st.lists(quality, min_size=WIDTH, max_size=WIDTH)
    return [Row(time * TICK, draw(pair), draw(qualities)) for time in times]


shapes = st.one_of(
    st.builds(Tumbling, st.sampled_from([1.0, 2.5]), st.sampled_from([0.0, 0.3, -7.0])),
    st.builds(Sliding, st.sampled_from([2.0, 3.0]), st.sampled_from([0.5, 1.3]), st.just(0.2)),
    st.builds(Session, st.sampled_from([0.5, 1.0]), st.sampled_from([1.0, 2.0, 1000.0])),
)
Output = list[tuple[int, int, dict[str, tuple[bytes, bytes]]]]


def made(windows: Windows, rows: list[Row]) -> list[Any]:
    times = np.array([row.time for row in rows], np.int64)
    values = np.array([row.values for row in rows]).reshape(-1, WIDTH)
    quality = np.array([row.quality for row in rows], np.uint8).reshape(-1, WIDTH)
    closed = windows.take(times, Column(values, quality))
    return [
        (
            start,
            end,
            {name: (c.values[at], c.qualities()[at]) for name, c in closed.columns.items()},
        )
        for at, (start, end) in enumerate(zip(closed.starts, closed.ends, strict=True))
    ]


def bits(found: list[Any]) -> Output:
    return [
        (int(start), int(end), {n: (v.tobytes(), q.tobytes()) for n, (v, q) in columns.items()})
        for start, end, columns in found
    ]


def new(shape: Shape, gap_s: float, late_s: float, percent: int) -> Windows:
    return Windows(
        shape,
        AGGREGATES,
        width=WIDTH,
        gap_s=gap_s,
        lateness_s=late_s,
        good_percent=percent,
    )


@given(
    data=st.data(),
    shape=shapes,
    gap_s=st.sampled_from([0.5, 1.0, 5.0, 60.0]),
    late_s=st.sampled_from([0.0, 0.5, 1.0]),
    percent=st.sampled_from([0, 50, 90, 100]),
)
@settings(max_examples=150, deadline=None)
def test_every_result_is_that_of_the_oracle(
    data: st.DataObject, shape: Shape, gap_s: float, late_s: float, percent: int
) -> None:
    rows = data.draw(arrivals(late_s > 0))
    expected = Oracle(shape, round(gap_s * S), round(late_s * S), percent).windows(rows)
    found = made(new(shape, gap_s, late_s, percent), rows)
    assert [(start, end) for start, end, _ in found] == [(a, b) for a, b, _ in expected]
    for (_, _, mine), (_, _, right) in zip(found, expected, strict=True):
        for name in AGGREGATES:
            values = [value for value, _ in right[name]]
            # differences of values up to 1e6 over 0.1 s lose about ten digits
            np.testing.assert_allclose(mine[name][0], values, rtol=1e-7, atol=1e-6, err_msg=name)
            assert mine[name][1].tolist() == [quality for _, quality in right[name]], name


@given(
    data=st.data(),
    shape=shapes,
    gap_s=st.sampled_from([0.5, 5.0, 60.0]),
    late_s=st.sampled_from([0.0, 1.0]),
)
@settings(max_examples=100, deadline=None)
def test_cuts_and_restarts_change_not_one_bit(
    data: st.DataObject, shape: Shape, gap_s: float, late_s: float
) -> None:
    rows = data.draw(arrivals(late_s > 0))
    whole = new(shape, gap_s, late_s, 90)
    expected = bits(made(whole, rows))
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=8))
    windows, found = new(shape, gap_s, late_s, 90), []
    for start, end in pairwise([0, *sorted(cuts), len(rows)]):
        found += bits(made(windows, rows[start:end]))
        state = pack(windows.snapshot())
        windows = new(shape, gap_s, late_s, 90)
        windows.restore(unpack(state))
    assert found == expected
    assert windows.late == whole.late
    assert pack(windows.snapshot()) == pack(whole.snapshot())
