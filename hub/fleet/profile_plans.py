"""Rows of parameter values as devices that are to be made. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hub.bulk import Parameter, Profile
from hub.fleet.secrets import unmasked
from hub.fleet.templates import NAME, Template, blame, make, values_of
from hub.fleet.validation import expand_and_check
from hub.functions.steps import check_steps
from hub.storage.records import ProfileRow
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.errors import ConfigError, ConfigErrors, SpindleError

MAX_ROWS = 1000
MAX_TAGS = 100_000
"""Of all devices that one call makes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A device that is to be made."""

    config: DeviceConfig
    tags: Sequence[TagConfig]
    """Arrays are taken apart."""
    values: dict[str, str]


def plan_rows(template: Template, rows: Sequence[Mapping[str, str]]) -> list[Plan]:
    """Raises ConfigErrors with every problem of every row, at `rows.<i>.<parameter or field>`."""
    if not 0 < len(rows) <= MAX_ROWS or len(rows) * len(template.tags) > MAX_TAGS:
        raise _too_many()
    count = 0
    plans: list[Plan] = []
    problems: list[SpindleError] = []
    names: set[str] = set()
    for index, row in enumerate(rows):
        found: Sequence[SpindleError] = ()
        try:
            plan = plan_row(template, row)
        except ConfigErrors as error:
            found = error.problems
        else:
            plans.append(plan)
            count += len(plan.tags)
            if count > MAX_TAGS:  # with the elements of their arrays
                raise _too_many()
            if plan.config.name in names:
                found = [ConfigError(f"There are two devices {plan.config.name!r}.", path=NAME)]
            names.add(plan.config.name)
        for problem in found:
            problem.path = f"rows.{index}.{problem.path}".rstrip(".")
            problems.append(problem)
    if problems:
        raise ConfigErrors(problems)
    return plans


def plan_row(template: Template, row: Mapping[str, str]) -> Plan:
    """One device. Raises ConfigErrors; paths are parameters, or fields that no parameter fills."""
    values, problems = values_of(template, row)
    if problems:
        raise ConfigErrors(problems)
    if NAME in values:
        template = template.named(f"{{{NAME}}}")
    made = make(template, values)
    if made.device is None:
        raise ConfigErrors(_once(blame(item, template) for item in made.problems))
    try:
        config = unmasked(made.device, None)
        tags = expand_and_check(config, made.tags)
        check_steps(config, tags)
    except ConfigErrors as error:
        raise ConfigErrors(_once(blame(item, template) for item in error.problems)) from error
    except ConfigError as error:
        raise ConfigErrors([blame(error, template)]) from error
    return Plan(config, tags, values)


def profile_of(row: ProfileRow) -> Profile:
    content = row.content
    return Profile(
        id=row.profile_id,
        name=row.name,
        version=row.version,
        description=content["description"],
        driver=content["device"]["connection"]["driver"],
        parameters=tuple(Parameter(**item) for item in content["parameters"]),
        device=content["device"],
        tags=tuple(content["tags"]),
        devices=row.devices,
    )


def _too_many() -> ConfigErrors:
    text = f"Make 1 to {MAX_ROWS:,} devices with at most {MAX_TAGS:,} tags at a time."
    return ConfigErrors([ConfigError(text, hint="Make them in several steps.", path="rows")])


def _once(problems: Iterable[SpindleError]) -> list[SpindleError]:
    """One wrong parameter in a hundred tags is one problem."""
    found: dict[str, SpindleError] = {}
    for problem in problems:
        found.setdefault(problem.path, problem)
    return list(found.values())
