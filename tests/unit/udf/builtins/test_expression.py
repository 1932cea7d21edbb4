"""The built-in `expression`: what it calculates, what it refuses, and that nothing gets out."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest

from schemas.quality import Quality
from udf.builtins.expression import NAMES, Expression
from udf.builtins.formula import MAX_DEPTH, MAX_LENGTH, FormulaError, parse
from udf.faults import FunctionFault
from udf.testing import Outcome, batch_of, check, run

G, U, B = Quality.GOOD, Quality.UNCERTAIN, Quality.BAD


def calculate(text: str, codes: dict[str, Any] | None = None, **columns: list[Any]) -> Outcome:
    return run(Expression, columns, parameters={"expression": text}, quality=codes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a * 1.8 + 32", [33.8, 35.6]),
        ("-a + +b", [3, 4]),
        ("b // a + b % a + a ** 2", [5, 7]),
        ("7 / a", [7, 3.5]),
        ("a < b", [1, 1]),
        ("1 < a <= 2", [0, 1]),
        ("a == 1 or b == 99", [1, 0]),
        ("a == 2 and b == 6", [0, 1]),
        ("not a == 2", [1, 0]),
        ("a != 2", [1, 0]),
        ("a if a > 1 else b", [4, 2]),
        ("where(a > 1, a, b)", [4, 2]),
        ("abs(-a)", [1, 2]),
        ("min(a, b, 1.5) + max(a, b)", [5, 7.5]),
        ("sqrt(a * a)", [1, 2]),
        ("exp(log(a))", [1, 2]),
        ("log10(a * 10 / a)", [1, 1]),
        ("sin(0) + cos(0) + tan(0)", [1, 1]),
        ("floor(a / 2) + ceil(a / 2)", [1, 2]),
        ("round(a * pi, 2)", [3.14, 6.28]),
        ("round(2.5 * a)", [2, 5]),
        ("clip(b, 0, 5)", [4, 5]),
        ("isgood(a) + True", [2, 2]),
        ("42", [42, 42]),
    ],
)
def test_it_calculates_whole_columns(text: str, expected: list[float]) -> None:
    found = calculate(text, a=[1.0, 2.0], b=[4.0, 6.0])
    np.testing.assert_allclose(found["value"].values.astype(float), expected)
    assert found.quality("value") == [G, G]


@pytest.mark.parametrize(
    "text",
    [
        "1 / a",
        "1 / a > 5",  # a comparison does not make a number of what is not known
        "1 / (1 / a)",
        "a % a",
        "log(a)",
        "log(a - 1)",
        "sqrt(a - 1)",
        "10.0 ** (a + 400)",
        "exp(a + 1000) * 0",
        "where(1 / a, 1, 2)",
        "not (1 / a)",
        "min(1, 1 / a)",
    ],
)
def test_what_is_no_number_is_bad(text: str) -> None:
    assert calculate(text, a=[0.0]).quality("value") == [B]


def test_a_bad_input_makes_a_bad_result_for_its_reason() -> None:
    codes = {"a": [Quality.BAD_TIMEOUT, G, U], "b": [G, G, G]}
    found = calculate("a + b", codes, a=[None, 1.0, 2.0], b=[1.0, 1.0, 1.0])
    assert found.values("value") == [None, 2, 3]
    assert found.quality("value") == [Quality.BAD_TIMEOUT, G, U]


def test_a_result_that_stands_in_spite_of_a_bad_input_is_uncertain() -> None:
    columns = {"a": [None, None, 0.0], "b": [2.0, 0.0, 2.0]}
    found = calculate("a > 1 or b > 1", **columns)
    assert found.values("value") == [1, None, 1]  # unknown or true is true
    assert found.quality("value") == [U, B, G]
    found = calculate("a > 1 and b > 1", **columns)
    assert found.values("value") == [None, 0, 0]
    assert found.quality("value") == [B, U, G]


def test_who_asks_isgood_decides_on_the_quality() -> None:
    found = calculate("where(isgood(a), a, b)", {"a": [G, B, U]}, a=[1.0, None, 3.0], b=[7.0] * 3)
    assert found.values("value") == [1, 7, 7]
    assert found.quality("value") == [G, G, G]


def test_inputs_that_are_not_used_do_not_matter() -> None:
    assert calculate("a", {"b": [B]}, a=[1.0], b=[None]).quality("value") == [G]


def test_a_used_input_must_be_bound() -> None:
    with pytest.raises(FunctionFault, match="uses b, c, and no tag is bound there"):
        calculate("a + b + c", a=[1.0])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a +", "invalid syntax"),
        ("a b", "column .: invalid syntax"),
        ("", "invalid syntax"),
        ("a + x", "column 5: 'x' is not known; there are a, b, c, d, e, f, g, h, pi"),
        ("1 + foo(a)", "column 5: 'foo' is no function"),
        ("a + abs", "column 5: abs is a function"),
        ("sqrt(a, b)", "column 1: sqrt takes 1 argument.s., and has 2 here"),
        ("round(a, b)", "column 10: the digits"),
        ("round(a, 10**9)", "digits"),
        ("isgood(a + 1)", "isgood asks one input"),
        ("min(a, key=b)", "no named arguments"),
        ("min(*a)", "a star"),
        ("a.__class__", "no attributes"),
        ("(1).__class__.__bases__", "no attributes"),
        ("a[0]", "square brackets"),
        ("[x for x in a]", "a loop"),
        ("(x for x in a)", "a loop"),
        ("{x: 1 for x in a}", "not possible"),
        ("f'{a}'", "a text"),
        ("'abc'", "not a number"),
        ("'x' * 10 ** 9", "not a number"),
        ("b'x'", "not a number"),
        ("None", "not a number"),
        ("...", "not a number"),
        ("1j", "not a number"),
        ("(y := a)", "an assignment"),
        ("a = 1", "invalid syntax"),
        ("a; b", "invalid syntax"),
        ("a\nb", "one line"),
        ("import os", "invalid syntax"),
        ("__import__('os')", "no function"),
        ("eval('1')", "no function"),
        ("(lambda: 1)()", "no function"),
        ("lambda: 1", "lambda"),
        ("a & b", "BitAnd"),
        ("a << 9999", "LShift"),
        ("~a", "Invert"),
        ("a @ b", "MatMult"),
        ("a is b", "Is is not known"),
        ("a in b", "In is not known"),
        ("[a, b]", "List"),
        ("(a, b)", "Tuple"),
        ("1e999", "too large"),
        ("9" * 900, "too large"),
        ("await a", "not possible|syntax"),
        ("a" + " + a" * MAX_LENGTH, "characters"),
        ("-" * (MAX_DEPTH + 5) + "a", "nested deeper"),
        ("(" * 300 + "a" + ")" * 300, "nested|parentheses"),
        ("abs(" * 150 + "a" + ")" * 150, "nested"),
        ("min(" + ",".join(["a"] * 21) + ")", "1 to 20"),
        (" or ".join(["a"] * 166), None),
        ("<".join(["a"] * 400), "parts"),
    ],
)
def test_what_is_not_in_the_language_is_refused_in_words(text: str, words: str | None) -> None:
    if words is None:  # long, and allowed
        assert parse(text, NAMES).uses == {"a"}
        return
    with pytest.raises(FormulaError, match=words):
        parse(text, NAMES)


def test_a_wrong_expression_is_refused_with_the_parameters() -> None:
    with pytest.raises(FunctionFault, match="column 5: 'x' is not known"):
        calculate("a + x", a=[1.0])


@pytest.mark.parametrize("text", ["9**9**9**9", "10**(10**(10**a))", "2.0**a**99", "9e9**9e9**9"])
def test_power_bombs_are_a_bad_value_at_once(text: str) -> None:
    began = time.process_time()
    assert calculate(text, a=[9.0] * 1000).quality("value") == [B] * 1000
    assert time.process_time() - began < 1


def test_integers_of_python_do_not_grow() -> None:
    found = calculate("2 ** 62 * 4", a=[1.0])
    assert found.values("value") == [2.0**64]
    assert found["value"].values.dtype == np.float64


def test_a_million_rows_have_no_call_for_each() -> None:
    batch = {"a": np.arange(10_000.0), "b": np.ones(10_000)}
    formula = parse("where(a > 5000 and b, sqrt(a) * 2, a - b)", NAMES)
    good = {name: np.ones(10_000, np.bool_) for name in batch}
    formula.evaluate(batch, good, 10_000)
    began = time.process_time()
    for _ in range(100):
        formula.evaluate(batch, good, 10_000)
    assert time.process_time() - began < 1  # measured 0.06 s; one Python call per value: above 1 s


def test_promises() -> None:
    columns = {
        "a": [float(n) for n in range(50)],
        "b": [None if n % 7 == 3 else 2.0 for n in range(50)],
    }
    check(
        Expression, batch_of(Expression, columns), {"expression": "a / (b - 2 + a) if a > 3 else 1"}
    )


def test_pi() -> None:
    assert calculate("pi", a=[0.0]).values("value") == [math.pi]
