"""The built-in `oee`: a shift worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from schemas.quality import Quality
from udf.builtins.oee import Oee
from udf.testing import Outcome, batch_of, check, run

S = 1_000_000_000
KPIS = ("availability", "performance", "quality", "oee")


def shift(**columns: list[Any]) -> dict[str, list[Any]]:
    return columns


def figures(outcome: Outcome) -> list[list[float | None]]:
    return [outcome.values(name) for name in KPIS]


def test_a_shift_by_hand() -> None:
    # 100 s planned, 80 s running, 60 pieces of 1 s, 54 good: 80 % x 75 % x 90 % = 54 %
    outcome = run(
        Oee,
        shift(
            running=[True, False, True, True],
            good_count=[1000, 1030, 1030, 1054],
            total_count=[2000, 2035, 2035, 2060],
        ),
        times=[0, 40 * S, 60 * S, 99 * S],
        parameters={"ideal_cycle_s": 1, "size_s": 100},
    )
    assert "oee" not in outcome.emission.columns  # the shift is still on
    batch = batch_of(
        Oee,
        shift(running=[True], good_count=[1060], total_count=[2070]),
        times=[100 * S],
    )
    found = outcome.engine.process(batch).columns
    expected = [80, 75, 90, 54]
    np.testing.assert_allclose([found[name].values[0] for name in KPIS], expected)
    assert [found[name].qualities()[0] for name in KPIS] == [Quality.GOOD] * 4
    times = found["oee"].times
    assert times is not None
    assert times.tolist() == [100 * S]


def one_shift(parameters: dict[str, Any] | None = None, **columns: list[Any]) -> Outcome:
    count = len(columns["running"])
    times = [at * 10 * S for at in range(count)]
    given = {"ideal_cycle_s": 1, "size_s": 10 * (count - 1), **(parameters or {})}
    return run(Oee, shift(**columns), times=times, parameters=given)


def test_breaks_that_are_planned_do_not_count() -> None:
    outcome = one_shift(
        running=[True, False, True, True, True],
        planned=[True, False, False, True, True],
        good_count=[0, 5, 5, 50, 55],
        total_count=[0, 10, 10, 90, 100],
    )
    # planned 20 s, running and planned 20 s; 80 pieces of the break do not count
    found = figures(outcome)
    np.testing.assert_allclose(np.array(found, float)[:, 0], [100, 50, 50, 25])


def test_counters_that_are_set_to_zero_or_roll_over() -> None:
    counts = [250, 255, 3, 5]
    columns = {"running": [True] * 4, "good_count": counts, "total_count": counts}
    # pieces at the shift's end are of the next shift: 5 + 3, or with the roll-over 5 + 4
    reset = one_shift({"ideal_cycle_s": 3}, **columns)
    assert reset.values("performance") == pytest.approx([80])
    rolled = one_shift({"ideal_cycle_s": 3, "roll_over": 256}, **columns)
    assert rolled.values("performance") == pytest.approx([90])


def test_more_than_possible_is_held_at_100_and_uncertain() -> None:
    counts = [0, 50, 100]
    outcome = one_shift(
        {"ideal_cycle_s": 10}, running=[True] * 3, good_count=counts, total_count=counts
    )
    assert figures(outcome) == [[100], [100], [100], [100]]
    clamped = Quality.UNCERTAIN_CLAMPED
    assert outcome.quality("performance") == [clamped]
    assert outcome.quality("oee") == [clamped]


def test_without_running_time_oee_is_zero_and_what_is_not_defined_is_bad() -> None:
    outcome = one_shift(running=[False] * 3, good_count=[7] * 3, total_count=[9] * 3)
    assert figures(outcome) == [[0], [None], [None], [0]]
    assert outcome.quality("oee") == [Quality.GOOD]


def test_without_planned_time_everything_is_bad() -> None:
    outcome = one_shift(
        running=[False] * 3, planned=[False] * 3, good_count=[7] * 3, total_count=[9] * 3
    )
    assert figures(outcome) == [[None]] * 4


def test_a_counter_that_is_bad_for_long_makes_the_result_uncertain() -> None:
    outcome = one_shift(
        running=[True] * 4, good_count=[0, None, 4, 6], total_count=[0, None, 8, 12]
    )
    assert outcome.quality("availability") == [Quality.GOOD]
    assert outcome.quality("quality") == [Quality.UNCERTAIN]
    assert outcome.values("quality") == [50]


def test_promises() -> None:
    count = np.arange(120)
    batch = batch_of(
        Oee,
        {
            "running": [bool(n % 5) for n in range(120)],
            "planned": [n % 40 != 39 for n in range(120)],
            "good_count": (count * 2).tolist(),
            "total_count": (count * 2 + count // 3).tolist(),
        },
    )
    check(Oee, batch, {"ideal_cycle_s": 0.3, "size_s": 30})
