"""Texts with parameters, and what becomes of them. Pure: no I/O.

`{name}` in any text of a profile stands for a value; a number with a parameter is written as a text
(`"port": "{port}"`). `{{` and `}}` are braces themselves, and braces around anything that is no
name are left as they are. There is no arithmetic: that would be a language of its own, and a column
of the table says the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter, ValidationError

from hub.bulk import Parameter
from hub.fleet.validation import expand_and_check
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.errors import AddressError, ConfigError, ConfigErrors, SpindleError

NAME = "name"
"""The parameter that every profile has: the name of the device."""
MAX_FILLED = 2000
"""Characters of a text with its parameters; no field of a device or tag takes more."""
_HOLE = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}")
_TAGS: TypeAdapter[tuple[TagConfig, ...]] = TypeAdapter(tuple[TagConfig, ...])


@dataclass(frozen=True)
class Template:
    """A device and its tags as JSON maps, with parameters."""

    device: dict[str, Any]
    tags: tuple[dict[str, Any], ...]
    parameters: tuple[Parameter, ...] = ()

    @cached_property
    def defaults(self) -> dict[str, str]:
        """Of the parameters that have one."""
        return {item.name: item.default for item in self.parameters if item.default}

    def named(self, name: str) -> Template:
        return Template({**self.device, NAME: name}, self.tags, self.parameters)

    @cached_property
    def holes(self) -> tuple[tuple[str, str], ...]:
        """(path, parameter) of every place that a parameter fills."""
        return tuple(_holes({**self.device, "tags": list(self.tags)}))


@dataclass(frozen=True, slots=True)
class Made:
    """A device with its tags; both are None where `problems` say why not. Paths are those of the
    template: `connection.port`, `tags.3.address`."""

    device: DeviceConfig | None
    tags: tuple[TagConfig, ...]
    problems: tuple[SpindleError, ...] = ()


def fill(part: Any, values: Mapping[str, str]) -> Any:
    """A JSON value with every parameter replaced. Raises KeyError for one that has no value, and
    ConfigErrors for a text past MAX_FILLED: a few MB of holes would be gigabytes."""
    if isinstance(part, str):
        return _filled(part, values)
    if isinstance(part, dict):
        return {key: fill(item, values) for key, item in part.items()}
    if isinstance(part, list | tuple):
        return [fill(item, values) for item in part]
    return part


def _filled(text: str, values: Mapping[str, str]) -> str:
    size = len(text) + sum(len(values[found[1]]) for found in _HOLE.finditer(text) if found[1])
    if size > MAX_FILLED and "{" in text:
        words = f"A text of the profile becomes longer than {MAX_FILLED:,} characters."
        raise ConfigErrors([ConfigError(words, hint=f"It begins with {text[:40]!r}; shorten it.")])
    return _HOLE.sub(lambda found: values[found[1]] if found[1] else found[0][0], text)


def plain(part: Any) -> Any:
    """The template that gives exactly this JSON value: braces are doubled."""
    if isinstance(part, str):
        return part.replace("{", "{{").replace("}", "}}")
    if isinstance(part, dict):
        return {key: plain(item) for key, item in part.items()}
    if isinstance(part, list | tuple):
        return [plain(item) for item in part]
    return part


def _holes(part: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(part, str):
        for found in _HOLE.finditer(part):
            if found[1]:
                yield path, found[1]
    elif isinstance(part, dict):
        for key, item in part.items():
            yield from _holes(item, f"{path}.{key}" if path else str(key))
    elif isinstance(part, list | tuple):
        for index, item in enumerate(part):
            yield from _holes(item, f"{path}.{index}" if path else str(index))


def make(template: Template, values: Mapping[str, str]) -> Made:
    """A device with these values of the parameters, all of them there."""
    problems: list[SpindleError] = []
    device: DeviceConfig | None = None
    tags: tuple[TagConfig, ...] = ()
    try:
        device = DeviceConfig.model_validate(fill(template.device, values))
    except ValidationError as error:
        problems += _explain(error, template.device, "")
    try:
        tags = _TAGS.validate_python(fill(template.tags, values))
    except ValidationError as error:
        problems += _explain(error, list(template.tags), "tags")
    return Made(None if problems else device, () if problems else tags, tuple(problems))


def values_of(
    template: Template, row: Mapping[str, str]
) -> tuple[dict[str, str], list[SpindleError]]:
    """What a row gives for the parameters: (values, problems with the parameter as path). An empty
    cell takes the default."""
    known = {item.name for item in template.parameters} | {NAME}
    problems: list[SpindleError] = [
        ConfigError(
            f"There is no parameter {name!r}.",
            hint=f"The profile has {', '.join(sorted(known))}.",
            path=name,
        )
        for name in row
        if name not in known
    ]
    given = {name: text.strip() for name, text in row.items() if name in known and text.strip()}
    values = template.defaults | given
    problems += [
        ConfigError(
            f"{name}: a value is missing.",
            hint="Fill it in, or give the parameter a default in the profile.",
            path=name,
        )
        for name in sorted({name for _, name in template.holes} - values.keys())
    ]
    return values, problems


def blame(problem: SpindleError, template: Template) -> SpindleError:
    """A problem at a place that one parameter fills is a problem of that parameter: the person who
    fills in the table sees its column, not the template."""
    below = [
        name
        for path, name in template.holes
        if path == problem.path or (problem.path and path.startswith(f"{problem.path}."))
    ]
    if len(set(below)) == 1:
        problem.path = below[0]
    return problem


def check_template(template: Template) -> list[SpindleError]:
    """What is wrong with a profile whatever its parameters will be; paths are `parameters.<i>...`,
    `device...` and `tags.<i>...`."""
    problems = [*_parameter_problems(template.parameters), *_unknown(template)]
    if problems:
        return problems
    everything = dict.fromkeys((name for _, name in template.holes), "1") | template.defaults
    filled = {path for path, _ in template.holes}
    return [
        _prefixed(problem)
        for problem in _problems_with(template, everything)
        if not any(_within(path, problem.path) for path in filled)
    ]


def _problems_with(template: Template, values: Mapping[str, str]) -> Sequence[SpindleError]:
    """Those that do not come from these values. Whether registers overlap depends on all."""
    made = make(template, values)
    if made.device is None:
        return made.problems
    try:
        expand_and_check(made.device, made.tags)
    except ConfigErrors as error:
        moving = any(path.endswith(".address") for path, _ in template.holes)
        return [
            item
            for item in error.problems
            if not moving or isinstance(item, AddressError) or not item.path.endswith(".address")
        ]
    return ()


def _parameter_problems(parameters: Sequence[Parameter]) -> Iterator[SpindleError]:
    seen: set[str] = set()
    for index, item in enumerate(parameters):
        path = f"parameters.{index}.name"
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,49}", item.name):
            hint = "Use up to 50 letters, digits and underscores, such as unit_id."
            yield ConfigError(
                f"{item.name!r} cannot be the name of a parameter.", hint=hint, path=path
            )
        elif item.name in seen:
            yield ConfigError(f"There are two parameters {item.name!r}.", path=path)
        seen.add(item.name)


def _unknown(template: Template) -> Iterator[SpindleError]:
    known = {item.name for item in template.parameters} | {NAME}
    for path, name in template.holes:
        if name not in known:
            problem = ConfigError(
                f"There is no parameter {name!r}.",
                hint="Add it to the parameters; braces that mean themselves are doubled: {{ }}.",
                path=path,
            )
            yield _prefixed(problem)


def _prefixed(problem: SpindleError) -> SpindleError:
    if not problem.path.startswith("tags."):
        problem.path = f"device.{problem.path}" if problem.path else "device"
    return problem


def _within(hole: str, place: str) -> bool:
    """Is the hole at this place or below it?"""
    return not place or hole == place or hole.startswith(f"{place}.")


def _explain(error: ValidationError, part: Any, prefix: str) -> Iterator[SpindleError]:
    """One problem each; pydantic's paths without the names of the union's members, which are no
    fields of the map."""
    for item in error.errors(include_url=False, include_context=False):
        steps, here = [prefix] if prefix else [], part
        for step in item["loc"]:
            if isinstance(here, dict) and step not in here and step == here.get("driver"):
                continue
            steps.append(str(step))
            here = _below(here, step)
        path = ".".join(steps)
        message = str(item["msg"]).removeprefix("Value error, ")
        yield ConfigError(f"{path or 'device'}: {message}", path=path)


def _below(part: Any, step: int | str) -> Any:
    try:
        return part[step]
    except (KeyError, IndexError, TypeError):
        return None
