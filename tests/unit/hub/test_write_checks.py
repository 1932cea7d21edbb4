"""What may be written to which tag."""

from __future__ import annotations

import pytest

from hub.fleet.write_checks import check_writes
from schemas.config.devices import TagConfig
from schemas.errors import ConfigErrors
from schemas.raw import MAX_TEXT_BYTES


def tag(data_type="float32", **more):
    found = {"name": "t", "address": "HR:0", "access": "rw", "data_type": data_type}
    return TagConfig.model_validate(found | more)


def refused(config, value):
    with pytest.raises(ConfigErrors) as found:
        check_writes({5: config}, {5: value})
    (problem,) = found.value.problems
    assert problem.path == "values.5"
    assert problem.hint
    return problem.message


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        ("bool", True),
        ("bool", False),
        ("string", ""),
        ("string", "Größe"),
        ("int16", -5),
        ("int16", 5.0),
        ("uint64", 2**63 - 1),
        ("bcd16", 1234),
        ("float32", 3),
        ("float64", -1.5e300),
    ],
)
def test_a_value_of_the_right_type_passes(data_type, value):
    check_writes({5: tag(data_type)}, {5: value})


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        ("bool", 1),
        ("bool", "true"),
        ("string", 5),
        ("string", "a\0"),
        ("string", "\ud800"),
        ("string", "ä" * (MAX_TEXT_BYTES // 2 + 1)),
        ("int16", True),
        ("int16", 5.5),
        ("int16", "5"),
        ("float32", False),
        ("float32", float("nan")),
        ("float32", float("inf")),
        ("float32", 10**400),
    ],
)
def test_a_value_of_another_type_is_refused(data_type, value):
    assert "t takes" in refused(tag(data_type), value)


def test_a_scaled_integer_takes_fractions():
    check_writes({5: tag("int16", scale=0.1)}, {5: 21.5})
    check_writes({5: tag("int16", raw_low=0, raw_high=27648, low=0, high=10)}, {5: 2.5})


@pytest.mark.parametrize("value", [0, 100, 50.5])
def test_limits_are_allowed_themselves(value):
    check_writes({5: tag(write_low=0, write_high=100)}, {5: value})


@pytest.mark.parametrize(
    ("limits", "value"),
    [
        ({"write_low": 0}, -0.001),
        ({"write_high": 100}, 100.001),
        ({"low": 0, "high": 10, "clamp": True}, 11),
        ({"low": 0, "high": 10, "clamp": True, "write_high": 5}, 6),
        ({"low": 0, "high": 10, "clamp": True, "write_high": 50}, 11),
    ],
)
def test_beyond_the_limits(limits, value):
    assert "outside its write limits" in refused(tag(unit="bar", **limits), value)


def test_the_range_without_clamp_is_no_limit():
    check_writes({5: tag(low=0, high=10)}, {5: 11})


def test_read_only_and_unknown_tags():
    assert "read-only" in refused(tag(access="r"), 1.0)
    with pytest.raises(ConfigErrors) as found:
        check_writes({5: tag()}, {6: 1.0, 5: "x", 7: 1.0})
    assert [item.path for item in found.value.problems] == ["values.6", "values.5", "values.7"]
    with pytest.raises(ConfigErrors) as found:
        check_writes({}, {})
    assert found.value.path == "values"


@pytest.mark.parametrize(
    ("data_type", "scaling", "value"),
    [
        ("int16", {"scale": 1e-300}, 1e300),
        ("float64", {"scale": 1e-300}, 1e300),
        ("int16", {"raw_low": 0, "raw_high": 1, "low": -1e308, "high": 1e308}, 1.0),
    ],
)
def test_what_scaling_makes_infinite_is_refused_and_no_defect(data_type, scaling, value):
    assert "t takes" in refused(tag(data_type, **scaling), value)


def test_rounding_to_the_devices_steps_does_not_pass_a_limit():
    steps = tag("int16", scale=10, write_low=11, write_high=99)
    assert "100 is outside its write limits" in refused(steps, 99)
    assert "10 is outside its write limits" in refused(steps, 11)
    check_writes({5: steps}, {5: 94})
    for value in (0.3, 0.7):  # 3 x 0.1 is a little more than 0.3
        check_writes({5: tag("int16", scale=0.1, write_low=0.3, write_high=0.7)}, {5: value})
