"""The tags that a use makes: one per output, or one for each tag of an input. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from hub.functions.bindings import Plant
from hub.storage.records import TagRow
from schemas.addresses.function import address
from schemas.config.base import explain
from schemas.config.devices import TagConfig
from schemas.config.functions import FunctionConfig
from schemas.errors import ConfigError, ConfigErrors, SpindleError
from schemas.functions import FunctionSpec, Output
from schemas.kinds import DataType, Kind

_TYPES = {
    Kind.FLOAT: DataType.FLOAT64,
    Kind.INT: DataType.INT64,
    Kind.BOOL: DataType.BOOL,
    Kind.TEXT: DataType.STRING,
}
MAX_NAME = 100
MAX_UNIT = 30
MAX_DESCRIPTION = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tag that a use makes. `names` are its possible names, best first."""

    address: str
    data_type: DataType
    unit: str
    description: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TagPlan:
    """What becomes of the tags of a use."""

    new: tuple[TagConfig, ...] = ()
    changed: tuple[tuple[int, TagConfig], ...] = ()
    removed: tuple[int, ...] = ()
    renamed: tuple[int, ...] = ()
    """Those of `changed` whose names become others."""


def wanted_tags(config: FunctionConfig, spec: FunctionSpec, plant: Plant) -> list[Wanted]:
    """In the order of the outputs, and of the tags of their inputs."""
    return [item for output in spec.outputs for item in _of_output(output, config, spec, plant)]


def plan_tags(
    wanted: Sequence[Wanted],
    existing: Sequence[TagRow] = (),
    names: Mapping[str, str] | None = None,
    before: Sequence[Wanted] = (),
) -> TagPlan:
    """Tags that stay keep their ids, and what people changed of them.

    `names` are by address. `before` is what the use made until now: where a tag still has the unit
    from then, it takes the new one. Raises ConfigErrors at `names.<address>`.
    """
    names = dict(names or {})
    units = {item.address: item.unit for item in before}
    known = {str(row.config["address"]): row for row in existing}
    # A tag's type never changes: one of another type is a new tag with the old one's name.
    stay = {
        item.address: known[item.address]
        for item in wanted
        if item.address in known and known[item.address].config["data_type"] == item.data_type
    }
    taken = {names.get(place) or row.name for place, row in stay.items()} | set(names.values())
    configs: dict[str, dict[str, object]] = {}
    for item in wanted:
        place = item.address
        if place in stay:
            configs[place] = _kept(stay[place], item, names, units)
            continue
        name = names.get(place) or (known[place].name if place in known else "")
        configs[place] = _fresh(item, name or _free(item.names, taken))
        taken.add(str(configs[place]["name"]))
    tags = _validated(configs, names)
    return TagPlan(
        new=tuple(tag for place, tag in tags.items() if place not in stay),
        changed=tuple(
            (stay[place].tag_id, tag)
            for place, tag in tags.items()
            if place in stay and tag != TagConfig.model_validate(stay[place].config)
        ),
        removed=tuple(row.tag_id for place, row in known.items() if place not in stay),
        renamed=tuple(row.tag_id for place, row in stay.items() if tags[place].name != row.name),
    )


def _of_output(
    output: Output, config: FunctionConfig, spec: FunctionSpec, plant: Plant
) -> Iterator[Wanted]:
    kind = _TYPES[output.kind]
    description = output.description[:MAX_DESCRIPTION]
    if not output.per:
        unit = output.unit[:MAX_UNIT]
        yield Wanted(address(output.name), kind, unit, description, (output.name,))
        return
    several = sum(other.per == output.per for other in spec.outputs) > 1
    for tag_id in config.inputs.get(output.per, ()):
        row = plant.tags[tag_id]
        names: tuple[str, ...] = (
            f"{row.name} {output.name}",
            f"{row.device} {row.name} {output.name}",
        )
        if not several:
            names = (row.name, f"{row.device} {row.name}", *names)
        unit = (output.unit or str(row.config.get("unit", "")))[:MAX_UNIT]
        yield Wanted(address(output.name, tag_id), kind, unit, description, names)


def _kept(
    row: TagRow, item: Wanted, names: Mapping[str, str], units: Mapping[str, str]
) -> dict[str, object]:
    config: dict[str, object] = dict(row.config)
    if config.get("unit", "") == units.get(item.address):
        config["unit"] = item.unit
    config["name"] = names.get(item.address) or row.name
    return config


def _fresh(item: Wanted, name: str) -> dict[str, object]:
    return {
        "name": name,
        "address": item.address,
        "data_type": item.data_type,
        "unit": item.unit,
        "description": item.description,
    }


def _free(names: Sequence[str], taken: set[str]) -> str:
    """The first that nobody has; else the last with a number."""
    for name in names:
        if name[:MAX_NAME] not in taken:
            return name[:MAX_NAME]
    number = 2
    while f"{names[-1][: MAX_NAME - 8]} {number}" in taken:
        number += 1
    return f"{names[-1][: MAX_NAME - 8]} {number}"


def _validated(
    configs: Mapping[str, dict[str, object]], names: Mapping[str, str]
) -> dict[str, TagConfig]:
    problems: list[SpindleError] = [
        ConfigError(
            f"There is no output {place!r}.",
            hint=f"There are {', '.join(list(configs)[:10])}." if configs else "There are none.",
            path=f"names.{place}",
        )
        for place in names
        if place not in configs
    ]
    found: dict[str, TagConfig] = {}
    seen: set[str] = set()
    for place, config in configs.items():
        try:
            tag = TagConfig.model_validate(config)
        except ValidationError as error:
            for problem in explain(error):
                problem.path = f"names.{place}"
                problems.append(problem)
            continue
        if tag.name in seen:
            text = f"Two outputs would have the name {tag.name!r}."
            hint = "Tag names are unique in their device; choose another one."
            problems.append(ConfigError(text, hint=hint, path=f"names.{place}"))
        seen.add(tag.name)
        found[place] = tag
    if problems:
        raise ConfigErrors(problems)
    return found
