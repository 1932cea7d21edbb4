"""Counters, totals, compression, and what must not drift."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.functions import Bindings, TagInfo
from schemas.quality import Quality
from tests.unit.udf.builtins.samples import START_NS
from udf.base import Batch, Column
from udf.builtins import builtin
from udf.engine import Engine
from udf.testing import bindings_of, run

SECOND_NS = 1_000_000_000
GOOD, UNCERTAIN, RANGE = Quality.GOOD, Quality.UNCERTAIN, Quality.BAD_OUT_OF_RANGE


def counted(values: list[Any], **parameters: Any) -> tuple[list[Any], list[int]]:
    columns = {"values": [[value] for value in values]}
    outcome = run(builtin("counter_delta"), columns, parameters=parameters)
    return (
        [row[0] for row in outcome.values("value")],
        [row[0] for row in outcome.quality("value")],
    )


def test_a_counter_counts_and_its_first_value_is_bad() -> None:
    steps, quality = counted([10.0, 12.0, 12.0, None, 17.0])
    assert steps == [None, 2, 0, None, 5]
    assert quality == [Quality.BAD, GOOD, GOOD, Quality.BAD, GOOD]


def test_a_counter_rolls_over() -> None:
    assert counted([65530.0, 4.0], rolls_over_at=65536) == ([None, 10], [Quality.BAD, GOOD])
    # more than half a turn back is no roll-over
    assert counted([100.0, 90.0], rolls_over_at=65536)[0] == [None, 90]


@pytest.mark.parametrize(("rule", "step"), [("from_zero", 7), ("nothing", 0)])
def test_a_reset_is_uncertain(rule: str, step: int) -> None:
    steps, quality = counted([1000.0, 7.0, 9.0], on_reset=rule)
    assert steps == [None, step, 2]
    assert quality == [Quality.BAD, UNCERTAIN, GOOD]


def test_a_glitch_is_forgotten() -> None:
    steps, quality = counted([10.0, 5000.0, 12.0, 13.0], max_increment=100)
    assert steps == [None, None, 2, 1]
    assert quality == [Quality.BAD, RANGE, GOOD, GOOD]


def test_a_jump_that_stays_is_believed_with_the_next_value() -> None:
    steps, quality = counted([10.0, 5000.0, 5003.0, 5004.0], max_increment=100)
    assert steps == [None, None, 3, 1]
    assert quality == [Quality.BAD, RANGE, UNCERTAIN, GOOD]


def test_every_increment_is_found_again() -> None:
    """A 16-bit counter with many turns: the sum of the increments is what was counted."""
    random = np.random.default_rng(2)
    true = random.integers(0, 5000, (2000, 40)).cumsum(axis=0)
    times = START_NS + SECOND_NS * np.arange(2000)
    batch = Batch(times, {"values": Column((true % 65536).astype(np.float64))})
    kind = builtin("counter_delta")
    engine = Engine(kind, {"rolls_over_at": 65536}, bindings_of(kind, batch))
    found = engine.process(batch).columns["value"]
    assert (found.values[1:].sum(axis=0) == true[-1] - true[0]).all()
    assert (found.qualities()[1:] == GOOD).all()


def test_a_total_is_set_to_zero_where_reset_turns_true() -> None:
    outcome = run(
        builtin("totaliser"),
        {
            "values": [[2.0, 1.0]] * 6,
            "reset": [False, False, True, True, False, True],
        },
        parameters={"per": "s"},
    )
    assert outcome.values("value") == [[0, 0], [2, 1], [0, 0], [2, 1], [4, 2], [0, 0]]


def test_a_total_rolls_over_and_skips_long_gaps() -> None:
    times = START_NS + SECOND_NS * np.array([0, 1, 2, 100, 101])
    outcome = run(
        builtin("totaliser"),
        {"values": [[4.0]] * 5},
        times=times,
        parameters={"per": "s", "rolls_over_at": 10, "gap_s": 10},
    )
    assert outcome.values("value") == [[0], [4], [8], [8], [2]]
    assert outcome.quality("value") == [[GOOD], [GOOD], [GOOD], [UNCERTAIN], [GOOD]]


def test_small_steps_are_not_rounded_off_a_large_total() -> None:
    """0.1 a second on top of a total of 1e12: a plain sum loses a thousandth of it."""
    kind, rows = builtin("totaliser"), 20_000
    times = START_NS + 50_000_000 * np.arange(rows)
    values = np.full((rows, 2), 0.1)
    batch = Batch(times, {"values": Column(values)})
    engine = Engine(kind, {"per": "s", "rule": "left"}, bindings_of(kind, batch))
    engine._function.state["total"][:] = 1e12
    found = engine.process(batch).columns["value"].values[-1, 0] - 1e12
    plain = 1e12
    for _ in range(rows - 1):
        plain += 0.1 * 0.05
    wanted = 0.1 * 0.05 * (rows - 1)
    assert found == pytest.approx(wanted, abs=1.3e-4)  # the last digit of 1e12
    assert abs(plain - 1e12 - wanted) > 0.05


@pytest.mark.parametrize("parameters", [{"rows": 100}, {"window_s": 5}])
def test_a_moving_average_does_not_drift(parameters: dict[str, Any]) -> None:
    """Days of noise at 1e9 with spikes of 1e300, then a constant: the average is that constant."""
    kind = builtin("moving_average")
    bindings = _bindings(kind, 3)
    engine = Engine(kind, parameters, bindings)
    random = np.random.default_rng(5)
    times = START_NS + 50_000_000 * np.arange(1000)
    for turn in range(200):
        values = random.normal(1e9, 1e6, (1000, 3))
        values[500, turn % 3] = 1e300
        columns = {"values": Column(values)}
        engine.process(Batch(times + turn * 50_000_000_000, columns))
    calm = Batch(times + 200 * 50_000_000_000, {"values": Column(np.full((1000, 3), 0.1))})
    found = engine.process(calm).columns["value"].values[-1]
    assert found.tolist() == pytest.approx([0.1] * 3, rel=1e-14)


@pytest.mark.parametrize("parameters", [{"rows": 20}, {"window_s": 1}])
def test_state_of_a_moving_average_stays_small(parameters: dict[str, Any]) -> None:
    kind = builtin("moving_average")
    engine = Engine(kind, parameters, _bindings(kind, 10))
    sizes = []
    for turn in range(300):
        times = START_NS + 50_000_000 * np.arange(5 * turn, 5 * turn + 5)
        quality = np.full((5, 10), GOOD, dtype=np.uint8)
        quality[0, 0] = Quality.BAD if turn == 150 else GOOD
        engine.process(Batch(times, {"values": Column(np.ones((5, 10)), quality)}))
        sizes.append(len(engine.snapshot()))
    assert max(sizes) < 10_000
    assert sizes[-1] <= max(sizes[:100])  # what the bad value needed is gone


def test_a_filter_recovers_from_numbers_past_all_bounds() -> None:
    kind = builtin("low_pass")
    engine = Engine(kind, {"time_constant_s": 1}, _bindings(kind, 1))
    values = [0.0, 1.7e308, -1.7e308, 1.0, 2.0]
    for row, value in enumerate(values):
        times = np.array([START_NS + row * SECOND_NS])
        found = engine.process(Batch(times, {"values": Column(np.array([[value]]))}))
    last = found.columns["value"]
    assert math.isfinite(float(last.values[0, 0]))
    assert last.quality is None


def test_a_narrower_window_after_a_change_of_parameters_begins_anew() -> None:
    kind = builtin("moving_average")
    batch = Batch(START_NS + np.arange(10), {"values": Column(np.arange(10.0)[:, np.newaxis])})
    old = Engine(kind, {"rows": 8}, _bindings(kind, 1))
    old.process(batch)
    new = Engine(kind, {"rows": 2}, _bindings(kind, 1))
    new.restore(old.snapshot())
    later = Batch(batch.times + 10, {"values": Column(np.array([[5.0]] * 10))})
    assert new.process(later).columns["value"].values[0, 0] == 5.0


def test_state_follows_its_tag() -> None:
    kind = builtin("edge_count")
    times = START_NS + np.arange(4)
    on = np.array([[0, 0], [1, 0], [0, 0], [1, 1]], dtype=np.bool_)
    old = Engine(kind, {}, _bindings(kind, 2))
    old.process(Batch(times, {"values": Column(on)}))
    new = Engine(kind, {}, _bindings(kind, 3, ids=[2, 7, 1]))
    new.restore(old.snapshot())
    found = new.process(Batch(times + 9, {"values": Column(np.zeros((4, 3), np.bool_))}))
    assert found.columns["value"].values[-1].tolist() == [1, 0, 2]


# --- swinging door ------------------------------------------------------------------------------


def kept(times: list[int], values: list[Any], cut: int = 10_000, **parameters: Any) -> Column:
    kind = builtin("swinging_door")
    whole = Batch(np.array(times), {"signal": Column(np.array(values, dtype=np.float64))})
    engine = Engine(kind, parameters, bindings_of(kind, whole))
    parts = []
    for start in range(0, len(times), cut):
        found = engine.process(whole.cut(start, start + cut)).columns.get("value")
        parts += [found] if found is not None else []
    stamps = [part.times for part in parts if part.times is not None]
    return Column(
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.qualities() for part in parts]),
        np.concatenate(stamps),
    )


@settings(max_examples=150, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(1, 10), st.integers(-9, 9)), min_size=2, max_size=120),
    deviation=st.sampled_from([0.0, 0.5, 2.0, 7.0]),
    cut=st.integers(1, 50),
)
def test_lines_between_the_points_stay_within_the_deviation(
    steps: list[tuple[int, int]], deviation: float, cut: int
) -> None:
    times = (np.cumsum([step for step, _ in steps]) * SECOND_NS).tolist()
    values = np.cumsum([rise for _, rise in steps]).astype(float)
    found = kept(times, values.tolist(), cut, deviation=deviation, max_interval_s=1e6)
    assert found.times is not None
    assert (np.diff(found.times) > 0).all()
    covered = np.array(times) <= found.times[-1]
    line = np.interp(np.array(times)[covered], found.times, found.values)
    assert np.abs(line - values[covered]).max() <= deviation + 1e-9


def test_a_straight_line_keeps_its_ends_and_one_point_per_interval() -> None:
    seconds = list(range(100))
    found = kept([s * SECOND_NS for s in seconds], seconds, deviation=0.1, max_interval_s=30)
    assert found.values.tolist() == [0, 30, 60, 90]


def test_a_change_of_quality_keeps_both_sides() -> None:
    nan = math.nan
    values = [1.0, 1.0, 1.0, nan, nan, nan, 2.0, 2.0]
    found = kept([(k + 1) * SECOND_NS for k in range(8)], values, deviation=1, max_interval_s=60)
    assert found.times is not None
    assert (found.times // SECOND_NS).tolist() == [1, 3, 4, 7]
    assert found.qualities().tolist() == [GOOD, GOOD, RANGE, GOOD]


def _bindings(kind: Any, count: int, ids: list[int] | None = None) -> Bindings:
    tags = tuple(TagInfo(number, f"T{number}") for number in ids or range(1, count + 1))
    return Bindings({"values": tags}, {"value": tags})
