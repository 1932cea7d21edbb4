"""The function in a bundle: found, imported and checked, in its own process."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any

from schemas.functions import NAME, VERSION, Fault, FunctionSpec
from udf.base import Function
from udf.execution import spec_of
from udf.faults import FunctionFault, fault_of


def load(
    entry: str, name: str, version: str, home: str
) -> tuple[type[Function[Any]], FunctionSpec]:
    """`entry` is `module:Class`, or `module` for the one function that it has; an empty `name` or
    `version` is not checked. Raises FunctionFault of kind start, also for SystemExit."""
    module, _, wanted = entry.partition(":")
    try:
        found = import_module(module)
        kind = _named(found, wanted) if wanted else _only(found)
        spec = spec_of(kind)
    except _WrongError as error:
        raise FunctionFault(Fault("start", str(error))) from error
    except BaseException as error:
        raise FunctionFault(replace(fault_of(error, home=home), kind="start")) from error
    _check(spec, name, version)
    return kind, spec


class _WrongError(Exception):
    """There is no function where one should be."""


def _named(module: Any, wanted: str) -> type[Function[Any]]:
    kind = getattr(module, wanted, None)
    if not isinstance(kind, type) or not issubclass(kind, Function):
        raise _WrongError(f"{wanted} in {module.__name__} is not a Function")
    return kind


def _only(module: Any) -> type[Function[Any]]:
    kinds = {
        value: None
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Function)
        and value.__module__ == module.__name__
        and isinstance(getattr(value, "name", None), str)
    }
    if len(kinds) != 1:
        names = ", ".join(kind.name for kind in kinds) or "none"
        raise _WrongError(f"one function belongs in a file, and this one has {names}")
    return next(iter(kinds))


def _check(spec: FunctionSpec, name: str, version: str) -> None:
    problem = ""
    if not isinstance(spec.name, str) or not NAME.fullmatch(spec.name):
        problem = f"its name {spec.name!r} is not like level_trend"
    elif not isinstance(spec.version, str) or not VERSION.fullmatch(spec.version):
        problem = f"its version {spec.version!r} is not like 1.2.0"
    elif name and spec.name != name:
        problem = f"the class says {spec.name!r}, and its package {name!r}"
    elif version and spec.version != version:
        problem = f"the class says version {spec.version}, and its package {version}"
    if problem:
        raise FunctionFault(Fault("start", problem))
