"""Steps of a device: built-ins that change values before they are stored. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.functions.built_ins import built_in_problems
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.config.functions import StepConfig
from schemas.errors import ConfigError, ConfigErrors, SpindleError
from schemas.functions import Bindings, TagInfo
from schemas.kinds import Kind
from udf import builtins

_NUMBERS = frozenset({Kind.FLOAT, Kind.INT})


def check_steps(config: DeviceConfig, tags: Sequence[TagConfig]) -> None:
    """Raises ConfigErrors with every problem, at `steps.<i>.<field>`.

    A device without tags is still being written, so its patterns may match none.
    """
    problems: list[SpindleError] = []
    for index, step in enumerate(config.steps):
        for problem in _problems(step, tags):
            problem.path = f"steps.{index}.{problem.path}"
            problems.append(problem)
    if problems:
        raise ConfigErrors(problems)


def step_functions() -> list[str]:
    """Names of the built-ins that can be steps."""
    return [name for name in builtins.names() if builtins.is_step(name)]


def matched(step: StepConfig, tags: Sequence[TagConfig]) -> list[TagConfig]:
    """The numbers of the device that one of the patterns names."""
    return [tag for tag in tags if tag.kind in _NUMBERS and step.names(tag.name)]


def _problems(step: StepConfig, tags: Sequence[TagConfig]) -> Iterator[SpindleError]:
    if not builtins.is_step(step.function):
        known = step.function in builtins.names()
        reason = "cannot be a step" if known else "is no built-in function"
        yield ConfigError(
            f"{step.function} {reason}.",
            hint=f"Steps are {', '.join(step_functions())}.",
            path="function",
        )
        return
    found = matched(step, tags)
    if tags and not found:
        text = f"{step.function}: none of the device's numbers is named {', '.join(step.tags)}."
        yield ConfigError(text, hint="Name tags of kind float or int.", path="tags")
    kind = builtins.builtin(step.function)
    infos = tuple(TagInfo(index, tag.name, unit=tag.unit) for index, tag in enumerate(found, 1))
    bindings = Bindings({kind.inputs[0].name: infos}, {kind.outputs[0].name: infos})
    yield from built_in_problems(step.function, step.parameters, bindings)
