"""The simple form with whole arrays: only where it gives the very bits of row by row."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udf import function
from udf.faults import FunctionFault
from udf.testing import batch_of, check, run

GRAVITY = 9.81


def scaled(level: float, rate: float, *, factor: float = 2.0, invert: bool = False) -> float:
    found = (level - rate) * factor / GRAVITY
    if invert:
        return -found
    return found


def chosen(level: float, rate: float) -> float:
    return np.where((level > 3) & (rate <= level), np.minimum(level, 50.0), abs(rate))  # type: ignore[return-value]


def high(level: float, rate: float) -> bool:
    return level > rate * math.pi


class Pair(NamedTuple):
    total: float
    above: bool


def paired(level: float, rate: float) -> Pair:
    return Pair(level + rate, above=level > rate)


def divided(level: float, rate: float) -> float:
    return 1.0 / (level - rate)


def branched(level: float, rate: float) -> float:
    return level if level > rate else rate


def averaged(level: float, rate: float) -> float:
    return level - float(np.mean(level)) + rate


def rounded(level: float, rate: float) -> float:
    return round(level, 2) + rate


def squared(level: float, rate: float) -> float:
    return level**2 + rate


def exponential(level: float, rate: float) -> float:
    return np.exp(level) + rate  # type: ignore[no-any-return]


def added_truths(level: float, rate: float) -> float:
    return ((level > 1) + (rate > 1)) * 1.0


def in_place(level: float, rate: float) -> float:
    level += rate
    return level


def summed(level: float, rate: float) -> float:
    return np.sum(level) + rate  # type: ignore[no-any-return]


CALLS: list[float] = []


def counting(level: float, rate: float) -> float:
    CALLS.append(1.0)
    return level + rate


def shadowed(level: float, rate: float) -> float:
    abs = max  # noqa: A001
    return abs(level, rate)


def integers(level: int, rate: int) -> float:
    return level * rate * 1.0


EXACT = [scaled, chosen, high, paired, divided, branched]
NOT_EXACT = [
    averaged,
    rounded,
    squared,
    exponential,
    added_truths,
    in_place,
    summed,
    counting,
    shadowed,
    integers,
]


@pytest.mark.parametrize("plain", EXACT)
def test_known_to_be_exact(plain: Any) -> None:
    assert function()(plain).exact  # type: ignore[attr-defined]


@pytest.mark.parametrize("plain", NOT_EXACT)
def test_not_known_to_be_exact(plain: Any) -> None:
    """These may agree on the first rows, and not on later ones."""
    assert not function()(plain).exact  # type: ignore[attr-defined]


def test_without_its_source_it_loops() -> None:
    namespace: dict[str, Any] = {}
    exec("def double(level: float) -> float:\n    return level * 2", namespace)
    double = function()(namespace["double"])
    assert not double.exact  # type: ignore[attr-defined]
    assert run(double, {"level": [1.0, 2.0]}).values("value") == [2.0, 4.0]


def test_a_name_of_a_closure_is_not_a_global() -> None:
    GRAVITY = [1.0]  # noqa: N806

    @function()
    def closed(level: float) -> float:
        return level * GRAVITY[0]

    @function()
    def closed_plain(level: float) -> float:
        return level * GRAVITY  # type: ignore[operator,no-any-return]

    assert not closed.exact  # type: ignore[attr-defined]
    assert not closed_plain.exact  # type: ignore[attr-defined]


NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=64)
ROWS = st.lists(
    st.tuples(NUMBERS, NUMBERS) | st.tuples(st.integers(-4, 4), st.integers(-4, 4)),
    min_size=1,
    max_size=80,
)


@pytest.mark.parametrize("plain", EXACT[:4])
@given(rows=ROWS, size=st.integers(1, 80))
def test_arrays_give_the_bits_of_rows(plain: Any, rows: list[Any], size: int) -> None:
    kind = function()(plain)
    looped = type("Looped", (kind,), {"exact": False})
    columns = {"level": [float(a) for a, _ in rows], "rate": [float(b) for _, b in rows]}
    whole, one_by_one = run(kind, columns), run(looped, columns)
    for output in kind.outputs:
        assert whole[output.name].values.tobytes() == one_by_one[output.name].values.tobytes()
        assert whole.quality(output.name) == one_by_one.quality(output.name)
    if size < len(rows):
        engine = run(kind, {name: values[:size] for name, values in columns.items()}).engine
        rest = engine.process(_cut(kind, columns, size, len(rows)))
        for output in kind.outputs:
            tail = whole[output.name].values[size:]
            assert rest.columns[output.name].values.tobytes() == tail.tobytes()


def test_arrays_really_are_used() -> None:
    kind = function()(scaled)
    outcome = run(kind, {"level": [1.0] * 64, "rate": [0.0] * 64})
    assert outcome.engine._function._arrays  # type: ignore[attr-defined]


def test_a_division_by_zero_later_falls_back_and_is_the_row_s_own_fault() -> None:
    kind = function()(divided)
    engine = run(kind, {"level": [1.0] * 64, "rate": [0.0] * 64}).engine
    with pytest.raises(FunctionFault, match="ZeroDivisionError"):
        engine.process(_cut(kind, {"level": [1.0] * 70, "rate": [0.0] * 69 + [1.0]}, 64, 70))


def test_a_branch_on_data_falls_back() -> None:
    kind = function()(branched)
    assert run(kind, {"level": [1.0], "rate": [2.0]}).values("value") == [2.0]
    assert check(kind, _batch(kind, 100)).values == 100


@pytest.mark.parametrize("plain", [*EXACT[:4], averaged, rounded, squared, exponential, in_place])
def test_promises(plain: Any) -> None:
    kind = function()(plain)
    assert check(kind, _batch(kind, 120), tolerance=0.0).rows == 120


def _columns(kind: Any, count: int) -> dict[str, list[Any]]:
    generator = np.random.default_rng(7)
    return {item.name: generator.normal(0, 3, count).tolist() for item in kind.inputs}


def _batch(kind: Any, count: int) -> Any:
    return batch_of(kind, _columns(kind, count))


def _cut(kind: Any, columns: Any, start: int, end: int) -> Any:
    return batch_of(kind, columns).cut(start, end)
