"""The built-in `running_hours`."""

from __future__ import annotations

from schemas.functions import Bindings, TagInfo
from schemas.quality import Quality
from udf.builtins.running_hours import RunningHours
from udf.engine import Engine
from udf.testing import batch_of, check, run

MINUTE = 60_000_000_000
STALE = Quality.UNCERTAIN_LAST_USABLE


def minutes(*given: float) -> list[int]:
    return [round(minute * MINUTE) for minute in given]


def test_time_counts_from_running_to_the_next_value() -> None:
    outcome = run(
        RunningHours, {"running": [0.0, 1.0, 1.0, 0.0, 1.0]}, times=minutes(0, 6, 12, 15, 21)
    )
    assert outcome.values("hours") == [0, 0, 0.1, 0.15, 0.15]
    assert outcome.values("starts") == [0, 1, 1, 1, 2]


def test_a_gap_does_not_count_and_is_no_start() -> None:
    outcome = run(RunningHours, {"running": [1.0, 1.0, 1.0]}, times=minutes(0, 6, 66))
    assert outcome.values("hours") == [0, 0.1, 0.1]
    assert outcome.values("starts") == [0, 0, 0]


def test_a_start_behind_a_bad_time_is_one_start() -> None:
    outcome = run(RunningHours, {"running": [0.0, None, 1.0, None, 1.0]}, times=minutes(*range(5)))
    assert outcome.values("starts") == [0, 0, 1, 1, 1]
    assert outcome.quality("starts")[1] == STALE
    assert outcome.quality("hours") == [Quality.GOOD, STALE, Quality.GOOD, STALE, Quality.GOOD]


def test_a_start_is_seen_over_batches_of_bad_values() -> None:
    engine = Engine(RunningHours, {}, Bindings({"running": (TagInfo(1, "a"),)}))
    starts = []
    for minute, value in enumerate([0.0, None, None, 1.0, None, 1.0]):
        batch = batch_of(RunningHours, {"running": [value]}, times=minutes(minute))
        starts += engine.process(batch).columns["starts"].values.tolist()
    assert starts == [0, 0, 0, 1, 1, 1]


def test_a_threshold_and_what_was_before() -> None:
    parameters = {"threshold": 10, "start_hours": 1000, "start_count": 7}
    outcome = run(
        RunningHours, {"running": [10.0, 10.5, 9.0]}, times=minutes(0, 6, 12), parameters=parameters
    )
    assert outcome.values("hours") == [1000, 1000, 1000.1]
    assert outcome.values("starts") == [7, 8, 8]


def test_another_tag_goes_on_with_the_meter_and_not_with_the_time_between() -> None:
    first = Engine(RunningHours, {}, Bindings({"running": (TagInfo(1, "a"),)}))
    first.process(batch_of(RunningHours, {"running": [0.0, 1.0, 1.0]}, times=minutes(0, 1, 7)))
    second = Engine(RunningHours, {}, Bindings({"running": (TagInfo(2, "b"),)}))
    second.restore(first.snapshot())
    found = second.process(batch_of(RunningHours, {"running": [1.0, 1.0]}, times=minutes(8, 14)))
    assert found.columns["hours"].values.tolist() == [0.1, 0.2]
    assert found.columns["starts"].values.tolist() == [1, 1]


def test_promises() -> None:
    values = [None if n % 11 == 0 else float(n % 3) for n in range(80)]
    check(RunningHours, batch_of(RunningHours, {"running": values}))
