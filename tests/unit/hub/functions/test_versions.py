"""The order of versions, what may follow which, and what a package may declare."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.functions.versions import (
    check_declared,
    check_next,
    convertible,
    incompatible,
    newest_first,
    spec_from,
    spec_map,
)
from schemas.errors import ConfigErrors
from schemas.functions import FunctionSpec, Input, Output, WritePort
from schemas.kinds import Kind

SPEC = FunctionSpec(
    "trend",
    "1.2.0",
    inputs=(Input("values", many=True), Input("limit", required=False)),
    outputs=(Output("slope", per="values"), Output("alarm", Kind.BOOL)),
    writes=(WritePort("valve"),),
    parameters={"properties": {"window_s": {"type": "number"}}},
)


def test_versions_are_numbers() -> None:
    assert newest_first(["1.9.0", "1.10.0", "0.99.0"]) == ["1.10.0", "1.9.0", "0.99.0"]


def test_a_spec_comes_back_from_json() -> None:
    assert spec_from(spec_map(SPEC)) == SPEC


@pytest.mark.parametrize(
    ("wanted", "takes"),
    [
        (Kind.FLOAT, {Kind.FLOAT, Kind.INT, Kind.BOOL}),
        (Kind.INT, {Kind.INT, Kind.BOOL}),
        (Kind.BOOL, {Kind.BOOL, Kind.INT}),
        (Kind.TEXT, set(Kind)),
    ],
)
def test_what_an_input_takes(wanted: Kind, takes: set[Kind]) -> None:
    assert {kind for kind in Kind if convertible(kind, wanted)} == takes


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"inputs": (*SPEC.inputs, Input("more", required=False))}, []),
        ({"outputs": (*SPEC.outputs, Output("more"))}, []),
        ({"parameters": {}}, []),
        ({"inputs": (Input("values", many=True),)}, ["'limit' is gone"]),
        ({"inputs": (*SPEC.inputs, Input("more"))}, ["'more' is new and required"]),
        ({"inputs": (SPEC.inputs[0], Input("limit"))}, ["'limit' is required now"]),
        ({"inputs": (Input("values"), SPEC.inputs[1])}, ["takes one tag now"]),
        ({"inputs": (Input("values", Kind.BOOL, many=True), SPEC.inputs[1])}, ["is bool now"]),
        ({"inputs": (Input("values", Kind.TEXT, many=True), SPEC.inputs[1])}, []),
        ({"outputs": SPEC.outputs[:1]}, ["'alarm' is gone"]),
        ({"outputs": (Output("slope"), SPEC.outputs[1])}, ["is float now"]),
        ({"outputs": (SPEC.outputs[0], Output("alarm", Kind.INT))}, ["was bool, and is int"]),
        ({"writes": ()}, ["'valve' is gone"]),
    ],
)
def test_what_fits_where_the_old_one_works(change: dict[str, object], said: list[str]) -> None:
    new = replace(SPEC, version="1.3.0", **change)  # type: ignore[arg-type]
    reasons = list(incompatible(SPEC, new))
    assert len(reasons) == len(said)
    assert all(text in reason for text, reason in zip(said, reasons, strict=True))
    check_next(SPEC, replace(new, version="2.0.0"), "source")  # anything goes
    if said:
        with pytest.raises(ConfigErrors, match=said[0]) as caught:
            check_next(SPEC, new, "source")
        assert "2.0.0" in caught.value.hint


@pytest.mark.parametrize("number", ["1.2.0", "1.1.9", "0.9.0"])
def test_a_version_only_goes_up(number: str) -> None:
    with pytest.raises(ConfigErrors, match="not newer") as caught:
        check_next(SPEC, replace(SPEC, version=number), "source")
    assert caught.value.path == "source"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "Trend"}, "The name 'Trend'"),
        ({"version": "1.2"}, "The version '1.2'"),
        ({"version": "1.2.0\n"}, "The version"),
        ({"inputs": ()}, "no input"),
        ({"outputs": (), "writes": ()}, "neither an output"),
        ({"inputs": (Input("values", many=True), Input("values"))}, "declared 2 times"),
        ({"inputs": (Input("values", many=True, trigger=False),)}, "None of its inputs"),
        ({"outputs": (Output("slope", per="limit"),)}, "no input with many tags"),
        ({"outputs": (Output("slope", passes="values"),)}, "no input with one tag"),
        ({"outputs": (Output("slope", per="nothing"),)}, "no input with many tags"),
        ({"outputs": (Output("a b"),)}, "The port 'a b'"),
        ({"outputs": tuple(Output(f"o{n}") for n in range(300))}, "more than 200"),
        ({"title": "x" * 300_000}, "more than 262,144"),
        ({"title": "a\0b"}, "NUL"),
        ({"title": "\ud800"}, "cannot be stored"),
        ({"parameters": {"x": float("inf")}}, "cannot be stored"),
    ],
)
def test_what_cannot_be_declared(change: dict[str, object], said: str) -> None:
    check_declared(SPEC, "source")
    with pytest.raises(ConfigErrors) as caught:
        check_declared(replace(SPEC, **change), "source")  # type: ignore[arg-type]
    assert any(said in problem.message for problem in caught.value.problems)
    assert {problem.path for problem in caught.value.problems} == {"source"}
