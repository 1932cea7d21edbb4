"""Steps of a device are checked before they are saved."""

from __future__ import annotations

from typing import Any

import pytest

from hub.functions.steps import check_steps, matched, step_functions
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.config.drivers import SimConfig
from schemas.config.functions import StepConfig
from schemas.errors import ConfigErrors
from udf import builtins

TAGS = [
    TagConfig(name="level", address="wave"),
    TagConfig(name="level[1]", address="wave"),
    TagConfig(name="count", address="counter", data_type="int32"),
    TagConfig(name="recipe", address="state", data_type="string"),
]


def device(*steps: dict[str, Any]) -> DeviceConfig:
    return DeviceConfig(name="D", connection=SimConfig(), steps=steps)


def paths(*steps: dict[str, Any], tags: list[TagConfig] | None = None) -> list[str]:
    try:
        check_steps(device(*steps), TAGS if tags is None else tags)
    except ConfigErrors as error:
        return [problem.path for problem in error.problems]
    return []


CLAMP: dict[str, Any] = {"function": "clamp", "tags": ["level"], "parameters": {"low": 0}}


def test_a_step_that_fits() -> None:
    assert paths(CLAMP, CLAMP | {"tags": ["*"]}) == []
    assert paths() == []


def test_each_problem_has_its_place() -> None:
    wrong = CLAMP | {"parameters": {"low": "x", "more": 1}}
    assert paths(CLAMP, wrong) == ["steps.1.parameters.low", "steps.1.parameters.more"]
    assert paths(CLAMP | {"tags": ["recipe"]}) == ["steps.0.tags"]
    assert paths(CLAMP | {"tags": ["nothing", "lev*"]}) == []
    assert paths(CLAMP | {"function": "nothing"}) == ["steps.0.function"]
    assert paths(CLAMP | {"tags": ["later"]}, tags=[]) == [], "the tags come later"


def test_a_pattern_has_stars_and_nothing_else() -> None:
    def names(*patterns: str) -> list[str]:
        step = StepConfig(function="clamp", tags=patterns)
        return [tag.name for tag in matched(step, TAGS)]

    assert names("level[1]") == ["level[1]"]
    assert names("level*") == ["level", "level[1]"]
    assert names("*") == ["level", "level[1]", "count"]
    assert names("l?vel", "LEVEL", "eve") == []


ROWS_OF_THEIR_OWN = {"aggregate", "interpolate", "resample", "swinging_door"}
OTHER_KINDS = {"edge", "edge_count", "lookup_text", "state_detect", "state_name", "debounce"}
OTHER_PORTS = {"durations", "energy", "expression", "oee", "running_hours", "totaliser"}


@pytest.mark.parametrize("name", builtins.names())
def test_only_one_to_one_built_ins_are_steps(name: str) -> None:
    one_to_one = name not in ROWS_OF_THEIR_OWN | OTHER_KINDS | OTHER_PORTS
    assert (name in step_functions()) == one_to_one
    assert ("steps.0.function" in paths({"function": name, "tags": ["*"]})) != one_to_one
