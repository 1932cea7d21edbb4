"""The built-in `durations`."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.quality import Quality
from udf.builtins.durations import Durations
from udf.faults import FunctionFault
from udf.testing import batch_of, check, run

S = 1_000_000_000


def test_seconds_per_state_are_split_at_the_window() -> None:
    outcome = run(
        Durations,
        {"state": [1.0, 2.0, 1.0, 3.0]},
        times=[0, 4 * S, 8 * S, 20 * S],
        parameters={"states": [1, 2, 7], "size_s": 10},
    )
    assert outcome.values("seconds_1") == [6, 10]
    assert outcome.values("seconds_2") == [4, 0]
    assert outcome.values("seconds_3") == [0, 0]
    assert "seconds_4" not in outcome.emission.columns
    stamps = outcome["seconds_1"].times
    assert stamps is not None
    assert stamps.tolist() == [10 * S, 20 * S]


def test_the_present_state_counts_from_its_first_value() -> None:
    outcome = run(Durations, {"state": [1.0, 1.0, 2.0, None, 2.0, 1.0]})
    assert outcome.values("present") == [0, 1, 0, None, 2, 0]


def test_the_present_state_begins_anew_after_a_gap() -> None:
    times = [0, 5 * S, 100 * S, 101 * S]
    outcome = run(Durations, {"state": [1.0] * 4}, times=times, parameters={"gap_s": 10})
    assert outcome.values("present") == [0, 5, 0, 1]


def test_bad_time_is_in_no_state_and_makes_the_result_uncertain() -> None:
    outcome = run(
        Durations,
        {"state": [1.0, None, 1.0]},
        times=[0, 4 * S, 10 * S],
        parameters={"size_s": 10},
    )
    assert outcome.values("seconds_1") == [4]
    assert outcome.quality("seconds_1") == [Quality.UNCERTAIN]


def test_states_are_one_to_eight() -> None:
    for states in ([], list(range(9))):
        with pytest.raises(FunctionFault, match="states"):
            run(Durations, {"state": [1.0]}, parameters={"states": states})


def test_promises() -> None:
    values = np.repeat([1.0, 2.0, np.nan, 2.0, 3.0], 17)
    given = [None if np.isnan(value) else value for value in values.tolist()]
    check(Durations, batch_of(Durations, {"state": given}), {"size_s": 10, "states": [1, 2]})
