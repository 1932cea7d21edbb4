"""Operators, functions and names of the expression language, each on columns of float64."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

MAX_VALUES = 20
"""Of min and max."""


def known(value: Any) -> Any:
    """The same, with NaN for what is infinite."""
    return np.where(np.isfinite(value), value, np.nan)


def truth(value: Any) -> Any:
    """1 for what is not 0, else 0; NaN stays."""
    return np.where(np.isnan(value), np.nan, np.not_equal(value, 0.0))


def where(condition: Any, yes: Any, no: Any) -> Any:
    """`yes` where the condition is true, else `no`; not known where the condition is not."""
    chosen = np.where(np.not_equal(condition, 0.0), yes, no)
    return np.where(np.isnan(condition), np.nan, chosen)


def _round(value: Any, digits: Any = 0.0) -> Any:
    return np.round(value, int(digits))


def _least(*values: Any) -> Any:
    return reduce(np.minimum, values)


def _most(*values: Any) -> Any:
    return reduce(np.maximum, values)


def _clip(value: Any, low: Any, high: Any) -> Any:
    return np.minimum(np.maximum(value, low), high)


def _not(value: Any) -> Any:
    return 1.0 - truth(value)


FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "abs": (np.abs, 1, 1),
    "ceil": (np.ceil, 1, 1),
    "clip": (_clip, 3, 3),
    "cos": (np.cos, 1, 1),
    "exp": (np.exp, 1, 1),
    "floor": (np.floor, 1, 1),
    "log": (np.log, 1, 1),
    "log10": (np.log10, 1, 1),
    "max": (_most, 1, MAX_VALUES),
    "min": (_least, 1, MAX_VALUES),
    "round": (_round, 1, 2),
    "sin": (np.sin, 1, 1),
    "sqrt": (np.sqrt, 1, 1),
    "tan": (np.tan, 1, 1),
    "where": (where, 3, 3),
}
"""The function, and how many values it takes at least and at most. Angles are in radians."""

NAMES: dict[str, Any] = {"pi": np.float64(np.pi)}

OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
    ast.UAdd: np.positive,
    ast.USub: np.negative,
    ast.Not: _not,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
