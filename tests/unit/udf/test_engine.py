"""The engine: timers at their time whatever the cut, quality, shapes refused, effects, state."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from schemas.functions import Bindings, Input, Output, TagInfo
from schemas.kinds import Kind
from schemas.quality import Quality
from udf import Alarm, Batch, Column, Context, Function, Result, Write
from udf.engine import Engine
from udf.faults import FunctionFault

GOOD, BAD, UNCERTAIN = int(Quality.GOOD), int(Quality.BAD), int(Quality.UNCERTAIN)


def rows(*values: float, quality: list[int] | None = None, first: int = 1) -> Batch:
    times = np.arange(first, first + len(values), dtype=np.int64)
    codes = None if quality is None else np.array(quality, dtype=np.uint8)
    return Batch(times, {"x": Column(np.array(values, dtype=np.float64), codes)})


def merged(engine: Engine, batch: Batch, *cuts: int) -> list[tuple[int, float]]:
    """Times and values of the output `y`, over all batches."""
    bounds = [0, *cuts, len(batch)]
    found: list[tuple[int, float]] = []
    for start, end in pairwise(bounds):
        column = engine.process(batch.cut(start, end)).columns.get("y")
        if column is not None:
            assert column.times is not None
            found += zip(column.times.tolist(), column.values.tolist(), strict=True)
    return found


class Idle(Function[Any]):
    """Says when nothing larger than zero came for three ns; with `seen` values before."""

    name = "idle"
    inputs = (Input("x"),)
    outputs = (Output("y"),)

    def setup(self, ctx: Context) -> None:
        self.state = {"seen": 0}

    def process(self, batch: Batch, ctx: Context) -> None:
        for time, value in zip(batch.times.tolist(), batch["x"].values.tolist(), strict=True):
            if value > 0:
                self.state["seen"] += 1
                ctx.event(f"seen {self.state['seen']}")
                ctx.timer("idle", time + 3)

    def on_timer(self, name: str, at_ns: int, ctx: Context) -> Result:
        times = np.array([at_ns])
        return Result({"y": Column(np.array([self.state["seen"]], float), times=times)})


class TestTimers:
    VALUES = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0)
    WANTED = ((4, 1.0), (10, 3.0))

    @pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 11])
    def test_fire_at_their_time_whatever_the_cut(self, size: int) -> None:
        engine = Engine(Idle, {}, Bindings())
        batch = rows(*self.VALUES)
        assert merged(engine, batch, *range(size, len(batch), size)) == list(self.WANTED)

    def test_a_part_that_runs_again_leaves_nothing_twice(self) -> None:
        emission = Engine(Idle, {}, Bindings()).process(rows(*self.VALUES))
        assert [note.message for note in emission.effects] == ["seen 1", "seen 2", "seen 3"]  # type: ignore[union-attr]

    def test_survive_a_restart(self) -> None:
        first, second = Engine(Idle, {}, Bindings()), Engine(Idle, {}, Bindings())
        first.process(rows(1.0))
        second.restore(first.snapshot())
        assert merged(second, rows(0.0, 0.0, 0.0, first=3)) == [(4, 1.0)]

    def test_one_that_is_not_after_its_row_is_a_fault(self) -> None:
        class Wrong(Idle):
            def process(self, batch: Batch, ctx: Context) -> None:
                ctx.timer("idle", int(batch.times[-1]))

        for count in (1, 4):
            with pytest.raises(FunctionFault, match="is not after"):
                Engine(Wrong, {}, Bindings()).process(rows(*[1.0] * count))

    def test_one_that_sets_itself_for_ever_is_a_fault(self) -> None:
        class Endless(Idle):
            def on_timer(self, name: str, at_ns: int, ctx: Context) -> Any:
                ctx.timer(name, at_ns + 1)

        batch = Batch(np.array([1, 10**6]), {"x": Column(np.array([1.0, 0.0]))})
        with pytest.raises(FunctionFault, match="10001 times in one batch"):
            Engine(Endless, {}, Bindings()).process(batch)

    def test_now_is_the_timer_s_time(self) -> None:
        class Now(Idle):
            def on_timer(self, name: str, at_ns: int, ctx: Context) -> Result:
                assert ctx.now_ns == at_ns
                return Result({}, [Alarm("idle", active=True)])

        emission = Engine(Now, {}, Bindings()).process(rows(1.0, 0.0, 0.0, 0.0, 0.0))
        assert [item.time_ns for item in emission.effects if isinstance(item, Alarm)] == [4]


class Returns(Function[Any]):
    """Returns what the test puts in `answer`."""

    name = "returns"
    inputs = (Input("x"), Input("many", many=True, required=False))
    outputs = (
        Output("y"),
        Output("count", Kind.INT),
        Output("flag", Kind.BOOL),
        Output("words", Kind.TEXT),
        Output("each", per="many"),
    )
    answer: Any = None

    def process(self, batch: Batch, ctx: Context) -> Any:
        return self.answer


def emit(answer: Any, batch: Batch | None = None, bindings: Bindings | None = None) -> Any:
    kind = type("Answer", (Returns,), {"answer": answer})
    return Engine(kind, {}, bindings or Bindings()).process(batch or rows(1.0, 2.0))


class TestQuality:
    def test_an_array_has_the_worst_of_its_row(self) -> None:
        batch = Batch(
            np.array([1, 2, 3]),
            {
                "x": Column(np.ones(3), np.array([192, 64, 192], np.uint8)),
                "many": Column(np.ones((3, 2)), np.array([[192, 192], [68, 192], [24, 192]], "u1")),
            },
        )
        tags = Bindings({"many": (TagInfo(1, "a"), TagInfo(2, "b"))})
        columns = emit({"y": np.ones(3), "each": np.ones((3, 2))}, batch, tags).columns
        assert columns["y"].quality.tolist() == [192, 64, 24]
        # per tag: its own and the other input's
        assert columns["each"].quality.tolist() == [[192, 192], [64, 64], [24, 192]]

    def test_a_column_says_its_own(self) -> None:
        batch = rows(1.0, 2.0, quality=[0, 0])
        assert emit({"y": Column(np.ones(2))}, batch).columns["y"].quality is None

    def test_an_optional_input_without_a_tag_is_no_reason(self) -> None:
        batch = rows(1.0, 2.0)
        nothing = Column(np.full((2, 1), np.nan), np.zeros((2, 1), np.uint8))
        with_many = Batch(batch.times, {**batch.columns, "many": nothing})
        assert emit({"y": np.ones(2)}, with_many).columns["y"].quality is None

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_what_is_not_finite_is_bad(self, value: float) -> None:
        column = emit({"y": np.array([1.0, value])}).columns["y"]
        assert column.quality.tolist() == [192, Quality.BAD_OUT_OF_RANGE]
        assert np.isnan(column.values[1])

    def test_a_reason_that_is_there_stays(self) -> None:
        quality = np.array([192, Quality.BAD_TIMEOUT], np.uint8)
        column = emit({"y": Column(np.array([1.0, np.nan]), quality)}).columns["y"]
        assert column.quality.tolist() == [192, Quality.BAD_TIMEOUT]


class TestShapes:
    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            ({"y": np.ones(3)}, r"shape \(3,\), and \(2,\) belong there"),
            ({"y": np.ones((2, 1))}, "shape"),
            ({"y": 1.0}, "shape"),
            ({"each": np.ones(2)}, "shape"),
            ({"z": np.ones(2)}, "not one of its outputs"),
            ([1.0, 2.0], "returned a list"),
            ({"count": np.array([1.5, 2.0])}, "is int, not float64"),
            ({"flag": np.array([1.0, 0.0])}, "is bool, not float64"),
            ({"y": np.array(["a", "b"])}, "is float, not <U1"),
            ({"words": np.array([1.0, 2.0])}, "is text, not float64"),
            ({"words": np.array(["a", 2], dtype=object)}, "2 is in it"),
            ({"words": np.array(["a", None], dtype=object)}, "None is in it"),
            ({"y": Column(np.ones(2), np.ones(1, np.uint8))}, "quality of 'y' has the shape"),
            (Result({}, ["alarm"]), "neither an Alarm nor a Write"),  # type: ignore[list-item]
        ],
    )
    def test_what_does_not_fit_is_a_fault(self, answer: Any, said: str) -> None:
        with pytest.raises(FunctionFault, match=said) as caught:
            emit(answer)
        assert caught.value.fault.kind == "shape"
        assert caught.value.fault.function == "returns"

    def test_what_fits_is_made_its_kind(self) -> None:
        columns = emit(
            {
                "y": [1, 2],
                "count": np.array([True, False]),
                "flag": np.array([1, 0]),
                "words": np.array(["a", "bc"]),
            }
        ).columns
        assert [columns[name].values.dtype.str for name in ("y", "count", "flag", "words")] == [
            "<f8",
            "<i8",
            "|b1",
            "|O",
        ]
        assert columns["words"].values.tolist() == ["a", "bc"]


class TestEffects:
    def test_order_and_time(self) -> None:
        effects = emit(Result({}, [Alarm("high", active=True), Write("valve", 1.0)])).effects
        assert effects == (Alarm("high", active=True, time_ns=2), Write("valve", 1.0))

    def test_too_many_lines_are_counted(self) -> None:
        class Chatty(Returns):
            def process(self, batch: Batch, ctx: Context) -> None:
                for _ in range(1005):
                    ctx.log("again")

        log = Engine(Chatty, {}, Bindings()).process(rows(1.0)).log
        assert len(log) == 1001
        assert log[-1].message.startswith("5 more lines")

    def test_a_fault_leaves_nothing_behind(self) -> None:
        class Half(Returns):
            def process(self, batch: Batch, ctx: Context) -> Any:
                ctx.event("before")
                if batch["x"].values[0] > 1:
                    raise ValueError("no")
                return None

        engine = Engine(Half, {}, Bindings())
        with pytest.raises(FunctionFault, match="ValueError: no") as caught:
            engine.process(rows(2.0))
        assert caught.value.fault.line > 0
        assert len(engine.process(rows(1.0, first=5)).effects) == 1

    def test_wrong_parameters_are_a_fault_of_the_start(self) -> None:
        with pytest.raises(FunctionFault) as caught:
            Engine(Returns, {"unknown": 1}, Bindings())
        assert caught.value.fault.kind == "start"


def test_last_values_survive_a_restart_texts_too() -> None:
    class Looks(Function[Any]):
        name = "looks"
        inputs = (Input("x"), Input("word", Kind.TEXT))
        outputs = ()

        def process(self, batch: Batch, ctx: Context) -> None:
            ctx.log(repr(ctx.last("word")))

    class Asks(Looks):
        def setup(self, ctx: Context) -> None:
            self.asked = ctx

    words = Column(np.array(["on", "off"], dtype=object), np.array([192, 64], np.uint8))
    batch = Batch(np.array([1, 2]), {"x": Column(np.ones(2)), "word": words})
    engine, second = Engine(Looks, {}, Bindings()), Engine(Asks, {}, Bindings())
    assert engine.process(batch).log[0].message == repr(("off", Quality.UNCERTAIN))
    second.restore(engine.snapshot())
    context: Context = second._function.asked  # type: ignore[attr-defined]
    assert context.last("word") == ("off", Quality.UNCERTAIN)
    assert context.last("never") == (None, Quality.BAD)
