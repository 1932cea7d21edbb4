"""Scale, linearise, clamp, convert, lookup: values in, values out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from schemas.quality import Quality
from udf.builtins import builtin
from udf.builtins.table import counts, places
from udf.faults import FunctionFault
from udf.testing import run


def row(name: str, values: list[Any], parameters: dict[str, Any]) -> list[Any]:
    return list(run(builtin(name), {"values": [values]}, parameters=parameters).values("value")[0])


def test_scale_and_offset() -> None:
    assert row("scale", [1.0, None, -2.0], {"scale": 2, "offset": 0.5}) == [2.5, None, -3.5]


def test_a_linear_range_goes_on_outside() -> None:
    found = row(
        "scale",
        [0.0, 27648.0, -27648.0],
        {"raw_low": 0, "raw_high": 27648, "low": -50, "high": 150},
    )
    assert found == pytest.approx([-50, 150, -250])


def test_a_result_past_the_largest_number_is_bad() -> None:
    outcome = run(builtin("scale"), {"values": [[1e308, 1.0]]}, parameters={"scale": 1e10})
    assert outcome.quality("value") == [[Quality.BAD_OUT_OF_RANGE, Quality.GOOD]]


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("scale", {"raw_low": 0}, "all four"),
        ("scale", {"scale": 2, "raw_low": 0, "raw_high": 1, "low": 0, "high": 1}, "not both"),
        ("scale", {"raw_low": 1, "raw_high": 1, "low": 0, "high": 1}, "no line"),
        ("scale", {"scale": 0}, "scale of 0"),
        ("linearise", {"points": [[0, 0], [0, 1]]}, "must ascend"),
        ("clamp", {}, "low, high or both"),
        ("clamp", {"low": 3, "high": 3}, "must be below"),
        ("deadband", {}, "either a deadband or a percentage"),
        ("deadband", {"band": 1, "percent": 1}, "either a deadband or a percentage"),
        ("deadband", {"percent": 1}, "needs the low and the high"),
        ("lookup_table", {"table": [[1, 1], [1, 2]]}, "twice"),
        ("rate_of_change", {"interval_s": 60, "gap_s": 10}, "never be a rate"),
        ("moving_average", {}, "either a number of rows or a window"),
        ("moving_average", {"rows": 3, "window_s": 1}, "either a number of rows or a window"),
        ("state_detect", {"thresholds": [2, 1]}, "must ascend"),
        ("state_name", {"thresholds": [1], "names": ["a", "b", "c"]}, "2 states, and there are 3"),
        ("convert", {"from_unit": "degC", "to_unit": "bar"}, "same quantity"),
        ("convert", {"from_unit": "blub", "to_unit": "bar"}, "'blub' is not known"),
        ("convert", {"from_unit": "m**9**9**9", "to_unit": "m"}, "is not a unit"),
        ("convert", {"from_unit": "9**9**9", "to_unit": "m"}, "is not a unit"),
        ("convert", {"from_unit": "dBm", "to_unit": "W"}, "no straight line"),
        ("convert", {"from_unit": "m)(", "to_unit": "m"}, "'m)('"),
        ("convert", {"from_unit": "__import__('os')", "to_unit": "m"}, "is not a unit"),
    ],
)
def test_parameters_that_make_no_sense_are_explained(
    name: str, parameters: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        builtin(name).Params.model_validate(parameters)
    assert words in str(caught.value)


def test_a_curve_is_exact_at_its_points_and_straight_between() -> None:
    points = [[0, 1], [10, 5], [20, 35]]
    given = [0.0, 5.0, 10.0, 15.0, 20.0, -10.0, 30.0, None]
    clamped = row("linearise", given, {"points": points})
    assert clamped == [1, 3, 5, 20, 35, 1, 35, None]
    beyond = row("linearise", given, {"points": points, "ends": "extrapolate"})
    assert beyond == [1, 3, 5, 20, 35, -3, 65, None]


@pytest.mark.parametrize("size", [2, 10, 24, 25, 200])
def test_a_curve_is_that_of_numpy(size: int) -> None:
    random = np.random.default_rng(size)
    x, y = np.sort(random.normal(0, 10, size)), random.normal(0, 10, size)
    values = np.concatenate((random.normal(0, 12, 500), x))
    points = np.stack((x, y), axis=1).tolist()
    found = row("linearise", values.tolist(), {"points": points})
    assert found == pytest.approx(np.interp(values, x, y).tolist(), rel=1e-12, abs=1e-12)


def test_a_clamped_value_is_uncertain_and_one_at_the_end_is_good() -> None:
    outcome = run(
        builtin("clamp"),
        {"values": [[0.0, 5.0, 5.1, -0.1, None, 9.0]]},
        quality={"values": [[192, 192, 192, 192, 36, 64]]},
        parameters={"low": 0, "high": 5},
    )
    assert outcome.values("value") == [[0, 5, 5, 0, None, 5]]
    clamped = Quality.UNCERTAIN_CLAMPED
    assert outcome.quality("value") == [[192, 192, clamped, clamped, 36, 64]]


@pytest.mark.parametrize(
    ("source", "target", "values", "wanted"),
    [
        ("degC", "degF", [0.0, 100.0, -40.0], [32.0, 212.0, -40.0]),
        ("°F", "°C", [32.0, 212.0], [0.0, 100.0]),
        ("degC", "K", [0.0, 25.0], [273.15, 298.15]),
        ("delta_degC", "delta_degF", [10.0], [18.0]),
        ("bar", "psi", [1.0], [14.503773773020923]),
        ("m3/h", "l/s", [3.6], [1.0]),
        ("m^3/h", "m3/s", [3600.0], [1.0]),
        ("kWh", "MJ", [1.0], [3.6]),
        ("%", "1", [50.0], [0.5]),
        ("rpm", "rad/s", [60.0], [2 * np.pi]),
        ("kg/(m2*s)", "g/(cm2*s)", [10.0], [1.0]),
        ("inH2O", "Pa", [1.0], [249.08891]),
        ("µm", "mm", [1000.0], [1.0]),
    ],
)
def test_units(source: str, target: str, values: list[float], wanted: list[float]) -> None:
    found = row("convert", values, {"from_unit": source, "to_unit": target})
    assert found == pytest.approx(wanted, rel=1e-12)


def test_temperatures_have_no_rounding_at_their_fixed_points() -> None:
    assert row("convert", [0.0, 100.0], {"from_unit": "degC", "to_unit": "degF"}) == [32.0, 212.0]


def test_a_table_of_numbers_and_of_texts() -> None:
    table = [[3, 30.5], [1, 10.0]]
    assert row("lookup_table", [1.0, 3.0, 2.0, 4.0, None], {"table": table}) == [
        10.0,
        30.5,
        None,
        None,
        None,
    ]
    assert row("lookup_table", [1.0, 2.0, 0.5], {"table": table, "default": -1}) == [10, -1, -1]
    texts = {"table": [[0, "off"], [1, "on"]]}
    assert row("lookup_text", [0.0, 1.0, 7.0, None], texts) == ["off", "on", None, None]
    assert row("lookup_text", [7.0], {**texts, "default": "?"}) == ["?"]
    long = {"table": [[k, 2 * k] for k in range(300)]}
    assert row("lookup_table", [0.0, 299.0, 299.5, -1.0, 300.0], long) == [0, 598, None, None, None]


def test_counting_is_searching() -> None:
    table = np.sort(np.random.default_rng(1).normal(size=24))
    values = np.append(np.random.default_rng(2).normal(size=500), [*table, np.nan])
    wanted = np.where(np.isnan(values), 0, np.searchsorted(table, values, side="right"))
    assert places(table, values).tolist() == counts(table, values).tolist() == wanted.tolist()
    longer = np.append(table, [5.0, 6.0])
    assert places(longer, values)[-1] == 0


def test_too_large_a_window_is_refused_before_it_runs() -> None:
    with pytest.raises(FunctionFault, match="take fewer rows"):
        run(
            builtin("moving_average"),
            {"values": [[1.0] * 50]},
            parameters={"rows": 100_000},
        )
