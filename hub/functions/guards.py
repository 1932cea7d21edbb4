"""What a use needs stays: its inputs and the tags that it writes.

Called with the whole configuration of a gateway before any change of it is committed, so no way of
changing tags can be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hub.functions.bindings import Plant, is_use, plant_of
from hub.functions.versions import convertible, spec_from
from hub.storage.config import ConfigStore
from hub.storage.database import Connection
from hub.storage.records import DeviceRow, TagRow
from schemas.config.devices import Access
from schemas.config.functions import FunctionConfig
from schemas.errors import ConflictError
from schemas.functions import Input
from schemas.kinds import Kind
from udf import builtins

_HINT = "Change or delete this function first, on the Functions page."


async def keep_uses_whole(
    store: ConfigStore, devices: Sequence[DeviceRow], tags: Sequence[TagRow], conn: Connection
) -> None:
    """Raises ConflictError, naming the use, when a tag that it needs is gone or does not do any
    more."""
    if not any(is_use(row) for row in devices):
        return
    plant = plant_of(devices, tags)
    packages = [config.package for config in plant.uses.values() if config.package]
    specs = await store.function_specs(packages, conn)
    inputs = {package: spec_from(found).inputs for package, found in specs.items()}
    for device_id, config in plant.uses.items():
        missing = [tag_id for tag_id in _ids(config) if tag_id not in plant.tags]
        use = plant.devices[device_id].name
        if missing:
            names = await store.names_of_tags(missing, conn)
            name = names.get(missing[0], str(missing[0]))
            raise ConflictError(f"The function {use} needs the tag {name}.", hint=_HINT)
        for reason in _unfit(config, _inputs(config, inputs), plant):
            raise ConflictError(f"The function {use} {reason}", hint=_HINT)


def _ids(config: FunctionConfig) -> Iterator[int]:
    for ids in config.inputs.values():
        yield from ids
    yield from config.writes.values()


def _unfit(config: FunctionConfig, inputs: Sequence[Input], plant: Plant) -> Iterator[str]:
    ports = {port.name: port for port in inputs}
    for name, ids in config.inputs.items():
        for row in (plant.tags[tag_id] for tag_id in ids):
            if not row.config.get("store", True):
                yield f"reads {row.device}/{row.name}, so it must be stored."
            if name in ports and not convertible(Kind(row.kind), ports[name].kind):
                yield f"needs {row.device}/{row.name} as {ports[name].kind}, not {row.kind}."
    for row in (plant.tags[tag_id] for tag_id in config.writes.values()):
        if row.config.get("access") != Access.READ_WRITE:
            yield f"writes {row.device}/{row.name}, so its access must stay rw."


def _inputs(config: FunctionConfig, of_packages: Mapping[str, Sequence[Input]]) -> Sequence[Input]:
    if config.package:
        return of_packages.get(config.package, ())
    known = config.function in builtins.names()
    return builtins.builtin(config.function).inputs if known else ()
