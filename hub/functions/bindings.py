"""Which tags stand at which port of a use, and whether they may. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from hub.functions.versions import convertible
from hub.storage.records import DeviceRow, TagRow
from schemas.config.devices import Access
from schemas.config.functions import FunctionConfig
from schemas.errors import ConfigError, SpindleError
from schemas.functions import Bindings, FunctionSpec, Input, TagInfo
from schemas.kinds import Kind

MAX_TAGS = 20_000
"""At all inputs of a use together."""
FUNCTION = "function"
"""The driver of a use."""


@dataclass(frozen=True)
class Plant:
    """The devices and tags of one gateway."""

    devices: Mapping[int, DeviceRow]
    tags: Mapping[int, TagRow]

    @cached_property
    def uses(self) -> dict[int, FunctionConfig]:
        """By device id."""
        return {
            row.device_id: FunctionConfig.model_validate(row.config["connection"])
            for row in self.devices.values()
            if is_use(row)
        }


def plant_of(devices: Sequence[DeviceRow], tags: Sequence[TagRow]) -> Plant:
    return Plant({row.device_id: row for row in devices}, {row.tag_id: row for row in tags})


def is_use(row: DeviceRow) -> bool:
    """Whether this device is a function at work."""
    connection = row.config.get("connection")
    return isinstance(connection, dict) and connection.get("driver") == FUNCTION


def check_use(
    config: FunctionConfig, spec: FunctionSpec, plant: Plant, device_id: int | None = None
) -> list[SpindleError]:
    """Every problem, at `inputs.<name>` and `writes.<name>`; `device_id` of a use that exists."""
    found: list[SpindleError] = [*_unknown(config, spec)]
    for port in spec.inputs:
        path = f"inputs.{port.name}"
        texts = _input_problems(port, config.inputs.get(port.name, ()), plant, device_id)
        found += [ConfigError(text, hint=hint, path=path) for text, hint in texts]
    if sum(len(ids) for ids in config.inputs.values()) > MAX_TAGS:
        text = f"A use has at most {MAX_TAGS:,} tags at its inputs."
        found.append(ConfigError(text, hint="Make several uses of it.", path="inputs"))
    for name, tag_id in config.writes.items():
        text = _write_problem(tag_id, plant, device_id)
        if text:
            hint = "Choose a tag of this gateway with access rw."
            found.append(ConfigError(f"{name}: {text}", hint=hint, path=f"writes.{name}"))
    return found


def bindings_of(
    config: FunctionConfig, spec: FunctionSpec, plant: Plant, device: str = ""
) -> Bindings:
    """What the function gets to know of its tags. Outputs that have no tag yet have id 0."""
    inputs = {
        port.name: tuple(_info(plant.tags[i]) for i in config.inputs.get(port.name, ()))
        for port in spec.inputs
    }
    outputs = {
        port.name: tuple(TagInfo(0, tag.name, device, port.unit) for tag in inputs[port.per])
        if port.per
        else (TagInfo(0, port.name, device, port.unit),)
        for port in spec.outputs
    }
    writes = {name: _info(plant.tags[tag_id]) for name, tag_id in config.writes.items()}
    return Bindings(inputs, outputs, writes)


def _unknown(config: FunctionConfig, spec: FunctionSpec) -> Iterator[SpindleError]:
    for what, given, ports in (
        ("input", config.inputs, [port.name for port in spec.inputs]),
        ("write port", config.writes, [port.name for port in spec.writes]),
    ):
        for name in sorted(given.keys() - set(ports)):
            hint = f"It has {', '.join(ports)}." if ports else "It has none."
            path = f"{'inputs' if what == 'input' else 'writes'}.{name}"
            yield ConfigError(f"{spec.name} has no {what} {name!r}.", hint=hint, path=path)


def _input_problems(
    port: Input, ids: Sequence[int], plant: Plant, device_id: int | None
) -> Iterator[tuple[str, str]]:
    """(what, what to do)."""
    if not ids:
        if port.required:
            yield f"{port.name}: this input needs a tag.", "Choose one."
        return
    if len(ids) > 1 and not port.many:
        yield f"{port.name}: this input takes one tag, not {len(ids)}.", "Choose one."
    if len(set(ids)) < len(ids):
        yield f"{port.name}: a tag stands there twice.", "Take one of them away."
    for tag_id in dict.fromkeys(ids):
        row = plant.tags.get(tag_id)
        if row is None:
            yield (
                f"{port.name}: this gateway has no tag {tag_id}.",
                "Choose tags of the gateway where the function works.",
            )
            continue
        yield from _tag_problems(port, row, plant, device_id)


def _tag_problems(
    port: Input, row: TagRow, plant: Plant, device_id: int | None
) -> Iterator[tuple[str, str]]:
    name = f"{row.device}/{row.name}"
    if not row.config.get("store", True):
        yield (
            f"{port.name}: {name} is not stored, and functions read what is stored.",
            f"Switch Store on for {row.name}.",
        )
    if not convertible(Kind(row.kind), port.kind):
        yield (
            f"{port.name}: {name} is {row.kind}, and the input takes {port.kind}.",
            "Choose another.",
        )
    if device_id is None:
        return
    if row.device_id == device_id:
        yield f"{port.name}: {name} is an output of this use itself.", "Choose another tag."
    elif _depends(row.device_id, device_id, plant):
        yield (
            f"{port.name}: {name} is made of this use's own outputs; that is a circle.",
            "Choose a tag that does not depend on it.",
        )


def _depends(device_id: int, target: int, plant: Plant) -> bool:
    """Whether a use gets, over any number of uses, what `target` makes."""
    seen, waiting = {device_id}, [device_id]
    while waiting:
        config = plant.uses.get(waiting.pop())
        if config is None:
            continue
        for tag_id in (tag_id for ids in config.inputs.values() for tag_id in ids):
            row = plant.tags.get(tag_id)
            if row is None or row.device_id in seen:
                continue
            if row.device_id == target:
                return True
            seen.add(row.device_id)
            waiting.append(row.device_id)
    return False


def _write_problem(tag_id: int, plant: Plant, device_id: int | None) -> str:
    row = plant.tags.get(tag_id)
    if row is None:
        return f"this gateway has no tag {tag_id}."
    name = f"{row.device}/{row.name}"
    if row.device_id == device_id or is_use(plant.devices[row.device_id]):
        return f"{name} is the output of a function, and nobody writes it."
    if row.config.get("access") != Access.READ_WRITE:
        return f"{name} cannot be written."
    return ""


def _info(row: TagRow) -> TagInfo:
    return TagInfo(row.tag_id, row.name, row.device, row.config.get("unit", ""))
