"""What is wrong with a source, and with parameters, as the editor and the form show it."""

from __future__ import annotations

import pytest

from hub.functions.loading import parameter_problems
from hub.functions.sources import bundle_of, syntax_problem
from schemas.functions import Bindings, Fault, FunctionSpec, TagInfo
from udf import Parameters
from udf.base import Function
from udf.engine import Engine
from udf.faults import FunctionFault
from udf.process.bundle import read_bundle


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("x = (\n", 1, 5),
        ("x = 1\n  y = 2\n", 2, 2),
        ("def f():\nreturn 1\n", 2, 1),
        ("a\0b", 1, 0),
        ("x = '\ud800'", 1, 0),
        ("(" * 100_000, 1, None),
    ],
)
def test_syntax_has_a_place(source: str, line: int, column: int | None) -> None:
    problem = syntax_problem(source)
    assert problem is not None
    assert problem.message
    assert problem.line == line
    if column is not None:
        assert problem.column == column


def test_a_good_source_has_no_problem() -> None:
    assert syntax_problem("x = '\\d'\n") is None  # Python warns of it, and takes it
    assert syntax_problem("") is None
    assert syntax_problem("x" * (1024**2 + 1)) is not None


def test_a_function_hides_no_module_of_python() -> None:
    bundle = read_bundle(bundle_of("x = 1\n", FunctionSpec("statistics", "1.0.0")))
    assert (bundle.module, bundle.name) == ("plant_statistics", "statistics")
    long = read_bundle(bundle_of("x = 1\n", FunctionSpec("n" * 64, "1.0.0")))
    assert len(long.module) == 64


class _Parameters(Parameters):
    window_s: float
    limits: tuple[int, ...] = ()


class _Trend(Function[_Parameters]):
    name, version = "trend", "1.0.0"
    Params = _Parameters

    def setup(self, ctx: object) -> None:
        if ctx.params.window_s > 100:  # type: ignore[attr-defined]
            raise ValueError("too wide")


@pytest.mark.parametrize(
    ("parameters", "paths"),
    [
        ({}, ["parameters.window_s"]),
        ({"window_s": "x", "limits": [1, "y"]}, ["parameters.window_s", "parameters.limits.1"]),
        ({"window_s": 1, "more": 2}, ["parameters.more"]),
        ({"window_s": 1000}, ["parameters"]),
    ],
)
def test_what_a_process_says_of_parameters_has_paths(
    parameters: dict[str, object], paths: list[str]
) -> None:
    """The fault is what an engine raises; here without the process around it."""
    with pytest.raises(FunctionFault) as caught:
        Engine(_Trend, parameters, Bindings({}, {"out": (TagInfo(1, "a"),)}))
    problems = list(parameter_problems(caught.value.fault))
    assert [problem.path for problem in problems] == paths
    assert all(problem.message for problem in problems)


def test_a_fault_without_fields_is_told_whole() -> None:
    (problem,) = parameter_problems(Fault("memory", "over 256 MB", "trend", "1.0.0"))
    assert problem.path == "parameters"
    assert "over 256 MB" in problem.message
