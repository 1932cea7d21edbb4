"""The built-in `aggregate`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from schemas.functions import Bindings, TagInfo
from schemas.quality import Quality
from udf.builtins.aggregate import AggregateWindows
from udf.engine import Engine
from udf.faults import FunctionFault
from udf.testing import START_NS, batch_of, check, run

S = 1_000_000_000
RAMP = [[float(second), 100.0] for second in range(121)]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [[29.5, 100], [89.5, 100]]),
        ({"aggregate": "average_linear"}, [[30, 100], [90, 100]]),
        ({"aggregate": "average_rows"}, [[29.5, 100], [89.5, 100]]),
        ({"aggregate": "count"}, [[60, 60], [60, 60]]),
        ({"aggregate": "sum"}, [[1770, 6000], [5370, 6000]]),
        ({"aggregate": "min"}, [[0, 100], [60, 100]]),
        ({"aggregate": "max"}, [[59, 100], [119, 100]]),
        ({"aggregate": "first"}, [[0, 100], [60, 100]]),
        ({"aggregate": "last"}, [[59, 100], [119, 100]]),
        ({"aggregate": "rate"}, [[1, 0], [1, 0]]),
        ({"aggregate": "integral"}, [[1770, 6000], [5370, 6000]]),
        ({"aggregate": "integral_linear"}, [[1800, 6000], [5400, 6000]]),
        ({"aggregate": "percentile", "percent": 50}, [[29.5, 100], [89.5, 100]]),
        ({"aggregate": "duration", "state": 100}, [[0, 60], [1, 60]]),
        ({"aggregate": "good_share"}, [[100, 100], [100, 100]]),
        ({"aggregate": "deviation"}, [[np.sqrt(305), 0], [np.sqrt(305), 0]]),
    ],
)
def test_every_aggregate(parameters: dict[str, Any], expected: list[list[float]]) -> None:
    outcome = run(AggregateWindows, {"values": RAMP}, parameters=parameters)
    np.testing.assert_allclose(outcome["value"].values, expected)
    times = outcome["value"].times
    assert times is not None
    assert times.tolist() == [START_NS + 60 * S, START_NS + 120 * S]
    check(AggregateWindows, batch_of(AggregateWindows, {"values": RAMP}), parameters)


def test_sliding_and_session_windows() -> None:
    sliding = {"window": "sliding", "size_s": 60, "step_s": 30, "aggregate": "count"}
    outcome = run(AggregateWindows, {"values": RAMP}, parameters=sliding)
    assert outcome.values("value") == [[30, 30], [60, 60], [60, 60], [60, 60]]
    assert outcome.quality("value")[0] == [Quality.UNCERTAIN] * 2
    session = {"window": "session", "pause_s": 10, "aggregate": "count"}
    times = [START_NS + second * S for second in (0, 5, 9, 30)]
    outcome = run(AggregateWindows, {"values": RAMP[:4]}, times=times, parameters=session)
    assert outcome.values("value") == [[3, 3]]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"window": "sliding", "size_s": 10, "step_s": 20}, "larger than the window"),
        ({"window": "session", "pause_s": 10, "longest_s": 5}, "shorter than its pause"),
        ({"size_s": 0.01, "gap_s": 86_400}, "may hold"),
        ({"aggregate": "mode"}, "Input should be"),
        ({"percent": 120}, "less than or equal to 100"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(FunctionFault, match=words):
        run(AggregateWindows, {"values": RAMP}, parameters=parameters)


@pytest.mark.parametrize(
    ("parameters", "tags"),
    [({"size_s": 30}, (1, 2)), ({"aggregate": "max"}, (1, 2)), ({}, (1, 3)), ({}, (1, 2, 3))],
)
def test_state_of_other_windows_or_tags_begins_anew(
    parameters: dict[str, Any], tags: tuple[int, ...]
) -> None:
    def bound(ids: tuple[int, ...]) -> Bindings:
        return Bindings({"values": tuple(TagInfo(number, str(number)) for number in ids)})

    before = Engine(AggregateWindows, {}, bound((1, 2)))
    before.process(batch_of(AggregateWindows, {"values": RAMP[:30]}))
    after, fresh = (Engine(AggregateWindows, parameters, bound(tags)) for _ in range(2))
    after.restore(before.snapshot())
    rest = [[1.0] * len(tags)] * 90
    times = [START_NS + (30 + second) * S for second in range(90)]
    batch = batch_of(AggregateWindows, {"values": rest}, times=times)
    found, expected = after.process(batch).columns, fresh.process(batch).columns
    assert found["value"].values.tobytes() == expected["value"].values.tobytes()
