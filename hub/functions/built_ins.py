"""Built-in functions as the hub needs them: what they declare, and their parameters. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from schemas.config.base import explain
from schemas.errors import ConfigError, SpindleError
from schemas.functions import Bindings, FunctionSpec
from udf import builtins
from udf.engine import Engine
from udf.execution import spec_of
from udf.faults import FunctionFault


def built_in_spec(name: str) -> FunctionSpec:
    """Raises NotFoundError."""
    return spec_of(builtins.builtin(name))


def built_in_problems(
    name: str, parameters: Mapping[str, Any], bindings: Bindings
) -> list[SpindleError]:
    """What a built-in's own model says, then its setup."""
    kind = builtins.builtin(name)
    try:
        kind.Params.model_validate(dict(parameters))
    except ValidationError as error:
        return [*explain(error, "parameters")]
    try:
        Engine(kind, parameters, bindings)
    except FunctionFault as error:
        return [ConfigError(error.fault.message, path="parameters")]
    return []
