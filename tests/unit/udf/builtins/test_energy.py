"""The built-in `energy`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from schemas.quality import Quality
from udf.builtins.energy import Energy
from udf.testing import batch_of, check, run

MINUTE = 60_000_000_000
TIMES = [0, 6 * MINUTE, 12 * MINUTE]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [0, 0.5, 2]),
        ({"unit": "W"}, [0, 0.0005, 0.002]),
        ({"unit": "MW"}, [0, 500, 2000]),
        ({"start_kwh": 100}, [100, 100.5, 102]),
        ({"gap_s": 300}, [0, 0, 0]),
    ],
)
def test_trapezoids(parameters: dict[str, Any], expected: list[float]) -> None:
    outcome = run(Energy, {"power": [0.0, 10.0, 20.0]}, times=TIMES, parameters=parameters)
    np.testing.assert_allclose(outcome["energy"].values.astype(float), expected)


def test_negative_power_is_taken_off_or_ignored() -> None:
    given = {"power": [-10.0, -10.0, 10.0]}
    assert run(Energy, given, times=TIMES).values("energy") == [0, -1, -1]
    ignored = run(Energy, given, times=TIMES, parameters={"negative": "ignore"})
    np.testing.assert_allclose(ignored["energy"].values.astype(float), [0, 0, 0.5])


def test_the_value_holds_before_a_bad_one_and_nothing_counts_after_it() -> None:
    outcome = run(Energy, {"power": [10.0, None, 20.0]}, times=TIMES)
    assert outcome.values("energy") == [0, 1, 1]
    stale = Quality.UNCERTAIN_LAST_USABLE
    assert outcome.quality("energy") == [Quality.GOOD, stale, Quality.GOOD]


def test_the_line_of_a_ramp_is_exact_whatever_the_rows() -> None:
    seconds = np.array([0, 3, 4, 10, 17, 30, 60]) * 60
    outcome = run(
        Energy,
        {"power": (seconds / 60.0).tolist()},
        times=seconds * 1_000_000_000,
        parameters={"gap_s": 3600},
    )
    np.testing.assert_allclose(float(outcome["energy"].values[-1]), 30)  # mean 30 kW for 1 h


def test_promises() -> None:
    values = [None if n % 11 == 0 else float(n % 7) - 2 for n in range(80)]
    check(Energy, batch_of(Energy, {"power": values}))
