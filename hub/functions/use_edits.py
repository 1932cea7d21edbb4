"""Writing a use: its device, its output tags and what it ran before, in one transaction."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from hub.fleet.changes import Changes, Edit
from hub.fleet.ports import Commands, Presence
from hub.fleet.records import config_of
from hub.function_records import FunctionVersion, UseDraft
from hub.functions.bindings import Plant, bindings_of, check_use, plant_of
from hub.functions.catalogue import Catalogue
from hub.functions.outputs import TagPlan, Wanted, plan_tags, wanted_tags
from hub.storage.config import ConfigStore
from hub.storage.database import Connection
from hub.storage.function_rows import UseRow
from schemas.config.base import explain
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.config.functions import FunctionConfig
from schemas.errors import ConfigError, ConfigErrors, ConflictError, NotFoundError, SpindleError

TRIAL_S = 600.0
"""After a change of version a fault takes a use back for so long."""
MAX_PARAMETER_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """What a use is to become."""

    config: DeviceConfig
    version: FunctionVersion
    names: Mapping[str, str] = field(default_factory=dict)
    """Of output tags, by address."""

    @property
    def function(self) -> FunctionConfig:
        return function_of(self.config)


class UseEdits(Changes):
    """What the parts of Uses share. `now_ns` is the wall clock."""

    def __init__(
        self,
        store: ConfigStore,
        presence: Presence,
        commands: Commands,
        catalogue: Catalogue,
    ) -> None:
        super().__init__(store, presence, commands)
        self._catalogue = catalogue

    async def _plant(self, spoke_id: int, conn: Connection | None = None) -> Plant:
        devices = await self._store.devices(spoke_id, conn)
        return plant_of(devices, await self._store.tags(spoke_id=spoke_id, conn=conn))

    async def _check(self, spoke_id: int, target: Target, device_id: int | None) -> None:
        """Everything that can be told before the gateway is locked: a package is started for it.

        Raises ConfigErrors with every problem.
        """
        problems = await self._problems(await self._plant(spoke_id), target, device_id)
        if problems:
            raise ConfigErrors(problems)

    async def _problems(
        self, plant: Plant, target: Target, device_id: int | None, *, start: bool = True
    ) -> list[SpindleError]:
        """`start`: also whether the function itself takes the parameters."""
        function, spec = target.function, target.version.spec
        problems = check_use(function, spec, plant, device_id)
        if problems or not start:
            return problems
        bindings = bindings_of(function, spec, plant, target.config.name)
        return await self._catalogue.parameter_problems(
            target.version, function.parameters, bindings
        )

    async def _insert(self, edit: Edit, target: Target) -> int:
        """The rows of a new use; its device id."""
        plant = await self._still_fits(edit, target, None)
        config = target.config
        row = await self._store.insert_device(
            edit.spoke_id, config.name, config.model_dump(mode="json"), edit.conn
        )
        wanted = wanted_tags(target.function, target.version.spec, plant)
        plan = await asyncio.to_thread(plan_tags, wanted, (), target.names)
        await self._write_tags(edit, row.device_id, plan)
        await self._store.put_use(row.device_id, None, 0, edit.conn)
        return row.device_id

    async def _update(
        self,
        edit: Edit,
        row: UseRow,
        target: Target,
        version: int | None = None,
        plant: Plant | None = None,
    ) -> None:
        """The rows of a use that changes; `version` is the device's that was edited, `plant` as it
        was read in this change.

        With another version of the function the one before is kept for one click back.
        """
        device_id = row.device.device_id
        plant = await self._still_fits(edit, target, device_id, plant)
        old = function_of(config_of(row.device))
        new = target.function
        config = target.config
        await self._store.update_device(
            device_id, config.name, config.model_dump(mode="json"), version, edit.conn
        )
        existing = await self._store.tags(device_id=device_id, conn=edit.conn)
        wanted = wanted_tags(new, target.version.spec, plant)
        before = await self._before(old, plant, edit.conn)
        plan = await asyncio.to_thread(plan_tags, wanted, existing, target.names, before)
        await self._write_tags(edit, device_id, plan)
        if old.package != new.package:
            until_ns = time.time_ns() + int(TRIAL_S * 1e9)
            await self._store.put_use(device_id, old.model_dump(mode="json"), until_ns, edit.conn)

    async def _still_fits(
        self, edit: Edit, target: Target, device_id: int | None, plant: Plant | None = None
    ) -> Plant:
        """Now that nobody else can change the gateway. Raises ConfigErrors, ConflictError."""
        function = target.function
        if not function.built_in:
            await self._store.hold_version(function.function, function.version, edit.conn)
        if plant is None:
            plant = await self._plant(edit.spoke_id, edit.conn)
        problems = check_use(function, target.version.spec, plant, device_id)
        if problems:
            raise ConfigErrors(problems)
        name = target.config.name
        if any(row.name == name and row.device_id != device_id for row in plant.devices.values()):
            text = f"Gateway {edit.spoke} has a device or a function {name!r} already."
            raise ConflictError(text, path="name")
        return plant

    async def _before(self, old: FunctionConfig, plant: Plant, conn: Connection) -> list[Wanted]:
        """What it made until now; nothing where its function is gone."""
        there = {
            name: tuple(tag_id for tag_id in ids if tag_id in plant.tags)
            for name, ids in old.inputs.items()
        }
        try:
            spec = await self._catalogue.spec(old, conn)
        except NotFoundError:
            return []
        return wanted_tags(old.model_copy(update={"inputs": there}), spec, plant)

    async def _write_tags(self, edit: Edit, device_id: int, plan: TagPlan) -> None:
        """Old names are free before new ones come."""
        if plan.removed:
            await self._store.delete_tags(plan.removed, edit.conn)
        if plan.renamed:
            await self._store.park_names(plan.renamed, edit.conn)
        await self._store.update_tags([(i, *_row(tag)) for i, tag in plan.changed], edit.conn)
        if plan.new:
            await self._store.add_tags(device_id, [_row(tag) for tag in plan.new], edit.conn)


def target_of(draft: UseDraft, version: FunctionVersion, old: DeviceConfig | None = None) -> Target:
    """What a draft asks for; what it does not say stays as in `old`. Raises ConfigErrors."""
    _must_be_storable(draft.parameters)
    before = None if old is None else function_of(old)
    connection: dict[str, object] = {
        "function": draft.function,
        "version": version.number if version.package else "",
        "package": version.package,
        "parameters": dict(draft.parameters),
        "inputs": {name: tuple(ids) for name, ids in draft.inputs.items() if ids},
        "writes": dict(draft.writes),
        "limits": draft.limits,
    }
    if before is not None:
        moved = before.package != version.package
        connection["lateness_ms"] = before.lateness_ms
        connection["generation"] = before.generation + moved  # a stopped one starts with it
        if before.shadow is not None and before.shadow.package != version.package:
            connection["shadow"] = before.shadow
    try:
        config = DeviceConfig.model_validate(
            {
                "name": draft.name,
                "description": draft.description,
                "enabled": draft.enabled,
                "connection": {"driver": "function", **connection},
            }
        )
    except ValidationError as error:
        raise ConfigErrors([_shown(problem) for problem in explain(error)]) from error
    return Target(config, version, dict(draft.names))


def draft_of(config: DeviceConfig, function: FunctionConfig | None = None) -> UseDraft:
    """A use as somebody would ask for it again; `function` in place of the one at work."""
    function = function or function_of(config)
    return UseDraft(
        name=config.name,
        function=function.function,
        version=function.version,
        parameters=function.parameters,
        inputs=function.inputs,
        writes=function.writes,
        limits=function.limits,
        description=config.description,
        enabled=config.enabled,
    )


def function_of(config: DeviceConfig) -> FunctionConfig:
    """Raises NotFoundError for a device that is no function."""
    if not isinstance(config.connection, FunctionConfig):
        raise NotFoundError(f"{config.name} is a device, and no function.")
    return config.connection


def _must_be_storable(parameters: Mapping[str, Any]) -> None:
    """Parameters are any JSON; PostgreSQL has no NUL, and JSON has no infinity."""
    try:
        text = json.dumps(dict(parameters), ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        text, size, reason = "", 0, f"They cannot be stored: {error}."
    else:
        reason = "The character NUL is not allowed." if "\\u0000" in text else ""
        if size > MAX_PARAMETER_BYTES:
            reason = f"They have {size:,} bytes, more than {MAX_PARAMETER_BYTES:,}."
    if reason:
        raise ConfigErrors([ConfigError(f"parameters: {reason}", path="parameters")])


def _row(tag: TagConfig) -> tuple[str, dict[str, object], str]:
    return tag.name, tag.model_dump(mode="json"), tag.kind


def _shown(problem: SpindleError) -> SpindleError:
    """`connection.function.limits.memory_mb` is `limits.memory_mb` in a draft."""
    for prefix in ("connection.function.", "connection."):
        problem.path = problem.path.removeprefix(prefix)
    return problem
