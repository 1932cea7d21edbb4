"""The text of a function as people write it in the editor: its problems and its bundle."""

from __future__ import annotations

import ast
import warnings

from hub.function_records import Checked, Problem
from hub.functions.loading import Loader
from schemas.errors import ConfigError, ConfigErrors, SpindleError
from schemas.functions import FunctionSpec
from udf.faults import FunctionFault
from udf.process.bundle import MAX_SOURCE_BYTES, source_bundle

MODULE_PREFIX = "plant_"
"""So that no function hides a module of Python: one named `statistics` is `plant_statistics`."""
_MAX_MODULE = 64


def syntax_problem(source: str) -> Problem | None:
    """The first thing that Python's parser does not understand. Nothing is executed."""
    if len(source) > MAX_SOURCE_BYTES:
        return Problem(1, f"The source has more than {MAX_SOURCE_BYTES:,} characters.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the plant's code, not ours
            ast.parse(source)
    except SyntaxError as error:
        return Problem(max(error.lineno or 1, 1), error.msg, max(error.offset or 0, 0))
    except (ValueError, RecursionError, MemoryError) as error:
        return Problem(1, f"Python cannot read this source: {error or type(error).__name__}.")
    return None


async def checked(source: str, loader: Loader) -> Checked:
    """What the source declares once it is loaded, or the problems with their lines."""
    problem = syntax_problem(source)
    if problem is not None:
        return Checked(None, (problem,))
    module = f"{MODULE_PREFIX}source"
    try:
        spec = await loader.spec(source_bundle(source, "", "", module, module))
    except FunctionFault as error:
        return Checked(None, (Problem(max(error.fault.line, 1), error.fault.message),))
    except ConfigError as error:
        return Checked(None, (Problem(1, f"{error.message} {error.hint}".strip()),))
    return Checked(spec)


def bundle_of(source: str, spec: FunctionSpec) -> bytes:
    """The bundle of a version. Raises ConfigError."""
    module = f"{MODULE_PREFIX}{spec.name}"[:_MAX_MODULE]
    return source_bundle(source, spec.name, spec.version, module, module)


def refused(problems: tuple[Problem, ...]) -> ConfigErrors:
    """The same problems for `save`, at `source.<line>`."""
    found: list[SpindleError] = [
        ConfigError(
            f"Line {item.line}: {item.message}",
            hint="Correct the line.",
            path=f"source.{item.line}",
        )
        for item in problems
    ]
    return ConfigErrors(found)


def on_first_line(error: ConfigErrors) -> tuple[Problem, ...]:
    """Problems of a whole source, for the editor."""
    return tuple(Problem(1, item.message) for item in error.problems)
