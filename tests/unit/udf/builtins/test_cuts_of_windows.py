"""Built-ins with time in them: cut anywhere and restarted there, not one bit is different."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.functions import Bindings, TagInfo
from schemas.kinds import Kind
from udf.base import Batch, Column, Function
from udf.builtins import builtin
from udf.engine import Emission, Engine

TICK = 100_000_000
CASES: list[tuple[str, dict[str, Any]]] = [
    ("aggregate", {"size_s": 2.0, "gap_s": 3.0}),
    ("aggregate", {"aggregate": "percentile", "window": "sliding", "size_s": 2.0, "step_s": 0.5}),
    ("aggregate", {"aggregate": "integral_linear", "window": "session", "pause_s": 1.0}),
    ("durations", {"states": [1.0, 2.0], "size_s": 2.0, "gap_s": 3.0}),
    ("energy", {"gap_s": 3.0}),
    ("energy", {"negative": "ignore", "unit": "MW"}),
    ("expression", {"expression": "where(isgood(a), a / b, c) + (a > b or c < 1)"}),
    ("interpolate", {"limit_s": 1.5}),
    ("oee", {"ideal_cycle_s": 0.05, "size_s": 3.0, "gap_s": 3.0}),
    ("resample", {"period_s": 0.3, "gap_s": 3.0}),
    ("resample", {"period_s": 0.3, "method": "linear", "gap_s": 3.0, "offset_s": 0.1}),
    ("running_hours", {"threshold": 1.5, "gap_s": 3.0}),
]


@st.composite
def batch_for(draw: st.DrawFn, name: str) -> Batch:
    steps = draw(st.lists(st.sampled_from([1, 2, 3, 5, 11, 60]), min_size=1, max_size=40))
    times = np.cumsum(np.array(steps, np.int64)) * TICK
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    columns = {}
    for item in builtin(name).inputs:
        shape = (len(times), 3) if item.many else (len(times),)
        quality = random.choice(np.array([192, 192, 192, 192, 64, 0], np.uint8), shape)
        values: Any = random.integers(-2, 4, shape) + random.choice([0.0, 0.0, 1 / 3], shape)
        if item.kind is Kind.BOOL:
            values = values > 0
        elif item.kind is Kind.INT:
            values = np.cumsum(np.abs(values)).astype(np.int64) % 60
        blank = np.nan if values.dtype.kind == "f" else values.dtype.type(0)
        columns[item.name] = Column(np.where(quality < 64, blank, values), quality)
    return Batch(times, columns)


def bindings_of(kind: type[Function[Any]]) -> Bindings:
    tags = tuple(TagInfo(number, str(number)) for number in range(1, 4))
    return Bindings({item.name: tags if item.many else tags[:1] for item in kind.inputs})


def bits(parts: list[Emission]) -> dict[str, tuple[bytes, bytes, bytes]]:
    found = {}
    for name in sorted({name for part in parts for name in part.columns}):
        columns = [part.columns[name] for part in parts if name in part.columns]
        found[name] = (
            np.concatenate([column.times for column in columns if column.times is not None]),
            np.concatenate([column.values for column in columns]),
            np.concatenate([column.qualities() for column in columns]),
        )
    return {name: tuple(array.tobytes() for array in arrays) for name, arrays in found.items()}  # type: ignore[misc]


@pytest.mark.parametrize(("name", "parameters"), CASES, ids=lambda case: str(case)[:40])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_cuts_and_restarts_change_not_one_bit(
    name: str, parameters: dict[str, Any], data: st.DataObject
) -> None:
    kind = builtin(name)
    batch = data.draw(batch_for(name))
    bindings = bindings_of(kind)
    whole = [Engine(kind, parameters, bindings).process(batch)]
    cuts = data.draw(st.lists(st.integers(1, max(1, len(batch) - 1)), max_size=6, unique=True))
    engine, parts = Engine(kind, parameters, bindings), []
    for start, end in pairwise([0, *sorted(cuts), len(batch)]):
        if start < end:
            parts.append(engine.process(batch.cut(start, end)))
        state = engine.snapshot()
        engine = Engine(kind, parameters, bindings)
        engine.restore(state)
    assert bits(parts) == bits(whole)


@pytest.mark.parametrize(("name", "parameters"), CASES, ids=lambda case: str(case)[:40])
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_what_is_bad_is_nothing_and_what_is_usable_is_a_number(
    name: str, parameters: dict[str, Any], data: st.DataObject
) -> None:
    kind = builtin(name)
    batch = data.draw(batch_for(name))
    emission = Engine(kind, parameters, bindings_of(kind)).process(batch)
    for column in emission.columns.values():
        if column.values.dtype.kind == "f":
            assert np.array_equal(np.isfinite(column.values), column.usable)


@pytest.mark.parametrize(("name", "parameters"), CASES, ids=lambda case: str(case)[:40])
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_the_batch_is_left_as_it_was(
    name: str, parameters: dict[str, Any], data: st.DataObject
) -> None:
    kind = builtin(name)
    batch = data.draw(batch_for(name))
    before = {key: (c.values.copy(), c.qualities()) for key, c in batch.columns.items()}
    Engine(kind, parameters, bindings_of(kind)).process(batch)
    for key, (values, quality) in before.items():
        assert batch[key].values.tobytes() == values.tobytes()
        assert batch[key].qualities().tobytes() == quality.tobytes()
