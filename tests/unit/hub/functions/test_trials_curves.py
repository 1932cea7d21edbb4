"""Curves of a trial: few points, and no extreme is lost."""

from __future__ import annotations

import numpy as np
import pytest

from hub.functions.trial_curves import MAX_POINTS, Curves, Place, thin
from schemas.quality import Quality

RANDOM = np.random.default_rng(7)
GOOD = Quality.GOOD


def _good(count: int) -> np.ndarray:
    return np.full(count, GOOD, dtype=np.uint8)


def test_few_values_stay_as_they_are() -> None:
    curves = Curves()
    quality = np.array([GOOD, Quality.BAD_TIMEOUT, GOOD], dtype=np.uint8)
    place = Place("level", "tank", "m")
    curves.add(place, np.array([10, 20, 30]), np.array([1.5, 0.0, np.inf]), quality)
    (curve,) = curves.thinned()
    assert (curve.port, curve.name, curve.unit) == ("level", "tank", "m")
    assert curve.times_ns == [10, 20, 30]
    assert curve.values == [1.5, None, None]
    assert curve.quality == [GOOD, Quality.BAD_TIMEOUT, GOOD]
    assert curves.values == 3


def test_every_extreme_of_a_long_curve_stays() -> None:
    values = RANDOM.normal(size=100_000)
    spikes = RANDOM.choice(100_000, 20, replace=False)
    values[spikes[:10]], values[spikes[10:]] = 50.0, -50.0
    kept = thin(values, _good(len(values)), MAX_POINTS)
    assert len(kept) <= MAX_POINTS
    assert bool((np.diff(kept) > 0).all())
    assert {50.0, -50.0} <= set(values[kept].tolist())
    assert values[kept].max() == values.max()
    for start in range(0, 100_000, 1_000):  # stretches of ten buckets, not along their bounds
        mine = kept[(kept >= start) & (kept < start + 1_000)]
        assert len(mine) >= 10


def test_a_bad_value_among_thousands_is_seen() -> None:
    values, quality = RANDOM.normal(size=50_000), _good(50_000)
    quality[31_234] = Quality.BAD
    assert 31_234 in thin(values, quality, 300).tolist()
    quality[:] = Quality.BAD
    assert len(thin(values, quality, 300)) == 100


@pytest.mark.parametrize("dtype", [bool, object])
def test_steps_keep_both_sides_of_their_changes(dtype: type) -> None:
    values = np.zeros(10_000, dtype=dtype)
    if dtype is object:
        values[:] = "off"
    values[5_000:5_002] = True if dtype is bool else "on"
    kept = thin(values, _good(10_000), 60)
    assert kept.tolist() == [0, 4_999, 5_000, 5_001, 5_002, 9_999]


def test_a_text_that_always_changes_is_thinned_too() -> None:
    values = np.array([str(number) for number in range(10_000)], dtype=object)
    assert 50 < len(thin(values, _good(10_000), 300)) <= 300


def test_many_curves_have_fewer_points_each() -> None:
    curves = Curves()
    for number in range(1_000):
        place = Place("many", f"t{number}")
        curves.add(place, np.arange(1_000), RANDOM.normal(size=1_000), None)
    found = curves.thinned()
    assert len(found) == 1_000
    assert sum(len(curve.times_ns) for curve in found) <= 200_000
    assert curves.values == 1_000_000


def test_parts_of_a_curve_are_joined_in_time_and_integers_stay_exact() -> None:
    curves = Curves()
    place = Place("count", "n")
    large = 2**62 + 1
    curves.add(place, np.array([30, 40]), np.array([3, large], dtype=np.int64), None)
    curves.add(place, np.array([10, 20]), np.array([1, 2], dtype=np.int64), None)
    (curve,) = curves.thinned()
    assert curve.times_ns == [10, 20, 30, 40]
    assert curve.values == [1, 2, 3, large]
