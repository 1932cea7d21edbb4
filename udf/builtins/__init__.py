"""The functions that come with Spindle, by name; a module is imported when one is asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from schemas.errors import NotFoundError
from schemas.functions import FunctionSpec
from schemas.kinds import Kind
from udf.base import Function
from udf.builtins.tagwise import Tagwise
from udf.execution import spec_of

_MODULES: dict[str, str] = {
    "aggregate": "aggregate",
    "clamp": "clamp",
    "convert": "convert",
    "counter_delta": "counter",
    "deadband": "deadband",
    "debounce": "debounce",
    "durations": "durations",
    "edge": "edges",
    "edge_count": "edges",
    "energy": "energy",
    "expression": "expression",
    "interpolate": "interpolate",
    "linearise": "scale",
    "lookup_table": "lookup",
    "lookup_text": "lookup",
    "low_pass": "low_pass",
    "moving_average": "moving",
    "moving_median": "median",
    "oee": "oee",
    "rate_of_change": "rate",
    "resample": "resample",
    "running_hours": "running_hours",
    "scale": "scale",
    "state_detect": "states",
    "state_name": "states",
    "swinging_door": "swinging_door",
    "totaliser": "totaliser",
}
"""Module of this folder by function name; the class is the one of that `name`."""


def names() -> list[str]:
    return sorted(_MODULES)


@cache
def builtin(name: str) -> type[Function[Any]]:
    """Raises NotFoundError."""
    if name not in _MODULES:
        raise NotFoundError(
            f"There is no built-in function {name!r}.", hint=f"There are {', '.join(names())}."
        )
    module = import_module(f"udf.builtins.{_MODULES[name]}")
    for found in vars(module).values():
        known = isinstance(found, type) and issubclass(found, Function)
        if known and vars(found).get("name") == name:
            kind: type[Function[Any]] = found
            return kind
    raise NotFoundError(f"The module of the built-in {name!r} does not have it.")


def specs() -> list[FunctionSpec]:
    """What all of them declare, for the Functions page; imports them all."""
    return [spec_of(builtin(name)) for name in names()]


def is_step(name: str) -> bool:
    """Whether a built-in can stand before the store: one number in and one out, for each tag and
    each row, so that a tag's type and its times stay. False for a name that is none."""
    if name not in _MODULES:
        return False
    kind = builtin(name)
    if not issubclass(kind, Tagwise) or len(kind.inputs) != 1 or len(kind.outputs) != 1:
        return False
    return kind.inputs[0].kind is Kind.FLOAT and kind.outputs[0].kind is Kind.FLOAT
