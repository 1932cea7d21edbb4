"""What authors test with: run, and check, which must find each kind of broken promise."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from schemas.errors import ConfigError
from schemas.functions import Input, Output
from schemas.kinds import Kind
from udf import Alarm, Batch, Column, Context, Function, Parameters, Result
from udf.promises import CUTS, INPUTS, RESTART, RUNS, SAME
from udf.testing import BrokenPromiseError, batch_of, check, run


class Limits(Parameters):
    limit: float = 4.0


class Sum(Function[Limits]):
    """Sum of all values so far, and an alarm above a limit."""

    name, version = "sum", "1.0.0"
    Params = Limits
    inputs = (Input("x"),)
    outputs = (Output("sum"),)

    def setup(self, ctx: Context) -> None:
        self.state = {"sum": 0.0}

    def process(self, batch: Batch, ctx: Context) -> Any:
        found, effects = np.empty(len(batch)), []
        for row, value in enumerate(batch["x"].values.tolist()):
            self.state["sum"] += value
            found[row] = self.state["sum"]
            high = found[row] > ctx.params.limit
            effects.append(Alarm("high", high, time_ns=int(batch.times[row])))
        return Result({"sum": found}, effects)


class Clock(Sum):
    COUNT = itertools.count()

    def process(self, batch: Batch, ctx: Context) -> Any:
        return {"sum": batch["x"].values + next(self.COUNT)}


class Overwrites(Sum):
    def process(self, batch: Batch, ctx: Context) -> Any:
        batch["x"].values[2:3] = 7.0  # type: ignore[call-overload]
        return {}


class Forgets(Sum):
    def process(self, batch: Batch, ctx: Context) -> Any:
        return {"sum": np.cumsum(batch["x"].values)}


class Hidden(Sum):
    """Keeps what it needs where no snapshot sees it."""

    def setup(self, ctx: Context) -> None:
        self.hidden = 0.0

    def process(self, batch: Batch, ctx: Context) -> Any:
        found = self.hidden + np.cumsum(batch["x"].values)
        self.hidden = float(found[-1])
        return {"sum": found}


class LastAlarm(Sum):
    """Looks at the last row only, so a short peak has an alarm in short batches alone."""

    def process(self, batch: Batch, ctx: Context) -> Any:
        return Result({}, [Alarm("high", bool(batch["x"].values[-1] > 2))])


class TooShort(Sum):
    def process(self, batch: Batch, ctx: Context) -> Any:
        return {"sum": batch["x"].values[:-1]}


class Unkept(Sum):
    def process(self, batch: Batch, ctx: Context) -> Any:
        self.state["kept"] = object()


class Timed(Sum):
    """A timer for the last row of a batch only."""

    def process(self, batch: Batch, ctx: Context) -> Any:
        ctx.timer("late", int(batch.times[-1]) + 1)

    def on_timer(self, name: str, at_ns: int, ctx: Context) -> Any:
        return {"sum": Column(np.ones(1), times=np.array([at_ns]))}


VALUES = {"x": [1.0, 2.0, 3.0, 1.0, 0.5]}


def test_a_good_function_keeps_all() -> None:
    checked = check(Sum, batch_of(Sum, VALUES))
    assert (checked.rows, checked.values) == (5, 5)


@pytest.mark.parametrize(
    ("kind", "promise", "where"),
    [
        (Clock, SAME, "run again"),
        (Overwrites, INPUTS, "the x of row 3"),
        (Forgets, CUTS, "in batches of 1 instead of 5: 3.0"),
        (Hidden, RESTART, "restarted after every 1 rows"),
        (LastAlarm, CUTS, "alarms, in batches of 1"),
        (TooShort, RUNS, r"rows 1 to 5, 2026-01-01T00:00:00Z to 2026-01-01T00:00:04Z"),
        (Unkept, RESTART, "object cannot be kept"),
        (Timed, CUTS, "output 'sum'"),
    ],
)
def test_each_broken_promise_is_found_and_named(kind: Any, promise: str, where: str) -> None:
    with pytest.raises(BrokenPromiseError) as caught:
        check(kind, batch_of(kind, VALUES))
    assert promise in caught.value.message
    assert where in caught.value.message
    assert caught.value.hint
    assert isinstance(caught.value, AssertionError)


def test_what_differs_little_is_the_same_unless_asked() -> None:
    class Sloppy(Sum):
        def process(self, batch: Batch, ctx: Context) -> Any:
            return {"sum": batch["x"].values + 1e-12 * len(batch)}

    batch = batch_of(Sloppy, VALUES)
    assert check(Sloppy, batch).rows == 5
    with pytest.raises(BrokenPromiseError, match="Where a batch is cut"):
        check(Sloppy, batch, tolerance=0.0)


def test_wrong_parameters_are_told() -> None:
    with pytest.raises(BrokenPromiseError, match="limit"):
        check(Sum, batch_of(Sum, VALUES), {"limit": "high"})


class TestRun:
    def test_outcome(self) -> None:
        outcome = run(Sum, {"x": [1, 2.5, None]}, times=[5, 6, 9], parameters={"limit": 3})
        assert outcome.values("sum") == [1.0, 3.5, None]
        assert outcome.quality("sum") == [192, 192, 0]
        assert outcome["sum"].times is not None
        assert outcome["sum"].times.tolist() == [5, 6, 9]
        alarms = [(item.active, item.time_ns) for item in outcome.effects]  # type: ignore[union-attr]
        assert alarms[:2] == [(False, 5), (True, 6)]

    def test_many_and_optional_inputs(self) -> None:
        class Names(Function[Any]):
            name = "names"
            inputs = (Input("x", many=True), Input("word", Kind.TEXT, required=False))
            outputs = (Output("each", per="x"), Output("sum"))

            def process(self, batch: Batch, ctx: Context) -> Any:
                assert not batch["word"].usable.any()
                values = batch["x"].values
                return {"each": values * 2, "sum": np.nansum(values, axis=1)}  # type: ignore[operator]

        outcome = run(Names, {"x": [[1.0, 2.0], [3.0, None]]})
        assert outcome.values("each") == [[2.0, 4.0], [6.0, None]]
        assert outcome.quality("sum") == [192, 0]

    @pytest.mark.parametrize(
        ("columns", "options", "said"),
        [
            ({}, {}, "misses x"),
            ({"x": [1.0], "y": [1.0]}, {}, "has y"),
            ({"x": [1.0, 2.0]}, {"times": [2, 2]}, "times do not fit"),
            ({"x": [1.0, 2.0]}, {"times": [2]}, "times do not fit"),
            ({"x": ["a"]}, {}, "'a' is in it"),
            ({"x": [[1.0]]}, {}, "has the shape"),
        ],
    )
    def test_what_is_no_batch_of_it(self, columns: Any, options: Any, said: str) -> None:
        with pytest.raises(ConfigError, match=said):
            run(Sum, columns, **options)
