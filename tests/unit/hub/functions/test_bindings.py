"""Which tags may stand at which port of a use."""

from __future__ import annotations

from typing import Any

import pytest

from hub.functions.bindings import Plant, bindings_of, check_use, plant_of
from hub.storage.records import DeviceRow, TagRow
from schemas.config.functions import FunctionConfig
from schemas.functions import FunctionSpec, Input, Output, TagInfo, WritePort
from schemas.kinds import Kind

SPEC = FunctionSpec(
    "mix",
    "1.0.0",
    inputs=(
        Input("many", many=True, required=False),
        Input("one"),
        Input("flag", Kind.BOOL, required=False),
    ),
    outputs=(Output("each", per="many"), Output("all")),
    writes=(WritePort("valve"),),
)


def tag(tag_id: int, device_id: int = 1, kind: str = "float", **config: Any) -> TagRow:
    device = f"D{device_id}"
    return TagRow(tag_id, device_id, device, 1, "line-1", f"t{tag_id}", config, None, kind)


def device(device_id: int, *inputs: int) -> DeviceRow:
    """A device, or with inputs a use of them."""
    connection: dict[str, Any] = {"driver": "sim"}
    if inputs:
        connection = {"driver": "function", "function": "mix", "inputs": {"many": list(inputs)}}
    return DeviceRow(device_id, 1, "line-1", f"D{device_id}", {"connection": connection}, 1)


def plant() -> Plant:
    """Device 1 with tags; uses 2 <- 1, 3 <- 2, 4 <- 3, whose tags are 20, 30, 40."""
    devices = [device(1), device(2, 1), device(3, 20), device(4, 30)]
    tags = [
        tag(1, unit="m"),
        tag(2, kind="int"),
        tag(3, kind="text"),
        tag(4, store=False),
        tag(5, access="rw"),
        tag(20, 2),
        tag(30, 3),
        tag(40, 4, access="rw"),
    ]
    return plant_of(devices, tags)


def config(**more: Any) -> FunctionConfig:
    return FunctionConfig.model_validate({"function": "mix", "inputs": {"one": [1]}} | more)


@pytest.mark.parametrize(
    ("more", "device_id", "paths"),
    [
        ({}, None, []),
        ({"inputs": {"one": [2], "many": [1, 2, 20], "flag": [2]}}, None, []),
        ({"inputs": {"one": [1], "many": [20]}}, 4, []),
        ({"writes": {"valve": 5}}, None, []),
        ({"inputs": {}}, None, ["inputs.one"]),
        ({"inputs": {"one": [1, 2]}}, None, ["inputs.one"]),
        ({"inputs": {"one": [1], "many": [1, 1]}}, None, ["inputs.many"]),
        ({"inputs": {"one": [99]}}, None, ["inputs.one"]),
        ({"inputs": {"one": [3]}}, None, ["inputs.one"]),
        ({"inputs": {"one": [4]}}, None, ["inputs.one"]),
        ({"inputs": {"one": [1], "flag": [1]}}, None, ["inputs.flag"]),
        ({"inputs": {"one": [1], "b": [1], "a": [1]}}, None, ["inputs.a", "inputs.b"]),
        ({"inputs": {"one": [20]}}, 2, ["inputs.one"]),  # its own output
        ({"inputs": {"one": [30]}}, 2, ["inputs.one"]),  # made of it
        ({"inputs": {"one": [40]}}, 2, ["inputs.one"]),  # over two others
        ({"inputs": {"one": [40]}}, None, []),
        ({"inputs": {"one": [20]}}, 3, []),
        ({"writes": {"valve": 1}}, None, ["writes.valve"]),
        ({"writes": {"valve": 99}}, None, ["writes.valve"]),
        ({"writes": {"valve": 40}}, None, ["writes.valve"]),  # of another function
        ({"writes": {"door": 5}}, None, ["writes.door"]),
    ],
)
def test_ports(more: dict[str, Any], device_id: int | None, paths: list[str]) -> None:
    problems = check_use(config(**more), SPEC, plant(), device_id)
    assert [problem.path for problem in problems] == paths
    assert all(problem.hint for problem in problems)


def test_a_circle_that_is_there_already_ends() -> None:
    """Not even a wrong database makes the check run for ever."""
    found = plant_of([device(1, 20), device(2, 10), device(3)], [tag(10, 1), tag(20, 2)])
    assert check_use(config(inputs={"one": [10]}), SPEC, found, 3) == []


def test_a_function_sees_its_tags() -> None:
    found = bindings_of(
        config(inputs={"one": [1], "many": [2, 20]}, writes={"valve": 5}), SPEC, plant(), "Mix"
    )
    assert found.inputs["one"] == (TagInfo(1, "t1", "D1", "m"),)
    assert found.inputs["flag"] == ()
    assert [item.name for item in found.outputs["each"]] == ["t2", "t20"]
    assert found.outputs["all"] == (TagInfo(0, "all", "Mix"),)
    assert found.writes["valve"].id == 5
