"""The built-in `resample`."""

from __future__ import annotations

import pytest

from schemas.quality import Quality
from udf.builtins.resample import Resample
from udf.faults import FunctionFault
from udf.testing import batch_of, check, run

S = 1_000_000_000
G, U, B = Quality.GOOD, Quality.UNCERTAIN, Quality.BAD


def times(*seconds: float) -> list[int]:
    return [round(second * S) for second in seconds]


def test_values_hold_until_the_next_one_and_a_row_on_the_grid_is_itself() -> None:
    outcome = run(Resample, {"values": [[1.0], [2.0], [3.0]]}, times=times(0.5, 2, 4.5))
    assert outcome.values("value") == [[1], [2], [2], [2]]
    stamps = outcome["value"].times
    assert stamps is not None
    assert stamps.tolist() == times(1, 2, 3, 4)


def test_linear_is_on_the_line_and_the_worse_of_both() -> None:
    outcome = run(
        Resample,
        {"values": [[0.0], [4.0], [6.0]]},
        times=times(0, 4, 6),
        parameters={"method": "linear", "period_s": 2},
        quality={"values": [[G], [G], [U]]},
    )
    assert outcome.values("value") == [[0], [2], [4], [6]]
    assert outcome.quality("value") == [[G], [G], [G], [U]]


def test_before_a_bad_value_the_last_one_holds_and_is_uncertain() -> None:
    given = {"values": [[5.0], [None], [7.0]]}
    outcome = run(Resample, given, times=times(0, 2, 4), parameters={"method": "linear"})
    assert outcome.values("value") == [[5], [5], [None], [None], [7]]
    assert outcome.quality("value") == [[G], [U], [B], [B], [G]]


def test_a_gap_is_one_bad_row() -> None:
    given = {"values": [[5.0], [7.0]]}
    outcome = run(Resample, given, times=times(0, 1000), parameters={"gap_s": 10})
    assert outcome.values("value") == [[5], [None], [7]]
    assert outcome.quality("value") == [[G], [Quality.BAD_STALE], [G]]


def test_the_offset_moves_the_grid() -> None:
    given = {"values": [[5.0], [7.0]]}
    parameters = {"period_s": 10, "offset_s": 3}
    outcome = run(Resample, given, times=times(0, 25), parameters=parameters)
    stamps = outcome["value"].times
    assert stamps is not None
    assert stamps.tolist() == times(3, 13, 23)


def test_a_grid_that_is_too_fine_for_the_gap_is_refused() -> None:
    with pytest.raises(FunctionFault, match="longer period"):
        run(Resample, {"values": [[5.0]]}, parameters={"period_s": 0.001, "gap_s": 600})


@pytest.mark.parametrize("method", ["hold", "linear"])
def test_promises(method: str) -> None:
    given = {"values": [[float(n % 7), None if n % 5 == 0 else 1.0] for n in range(60)]}
    batch = batch_of(Resample, given, times=times(*(n * 0.7 for n in range(60))))
    check(Resample, batch, {"method": method})
