"""Uses: functions at work on gateways. A use is a device, changed like one."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import ValidationError

from hub.fleet import words
from hub.fleet.changes import Edit
from hub.fleet.records import config_of, device_of
from hub.function_records import FunctionVersion, Use, UseDraft
from hub.functions.use_edits import Target, UseEdits, draft_of, function_of, target_of
from hub.records import User
from hub.storage.event_rows import EventRow, write_events
from hub.storage.function_rows import UseRow
from schemas.config.base import explain
from schemas.config.devices import DeviceConfig
from schemas.config.functions import FunctionConfig, ShadowConfig
from schemas.errors import ConfigError, ConfigErrors, ConflictError, SpindleError
from schemas.events import Event


class Uses(UseEdits):
    """Uses(store, presence, commands, catalogue): the part of FunctionService about uses."""

    async def uses(self, function: str | None = None) -> list[Use]:
        return [self._use(row) for row in await self._store.uses(function=function)]

    async def use(self, device_id: int) -> Use:
        """Raises NotFoundError, also for a device that is no function."""
        return self._use(await self._store.use(device_id))

    async def deploy(self, who: User, spoke_id: int, draft: UseDraft) -> Use:
        """A new use, with its output tags."""
        spoke_id = (await self._store.spoke(spoke_id)).spoke_id
        target = await self._target(draft)
        await self._check(spoke_id, target, None)
        async with self._change(who, spoke_id, "function.deploy") as edit:
            device_id = await self._insert(edit, target)
            edit.says(f"Function {target.config.name} added: {_named(target)}", device=device_id)
        return await self.use(device_id)

    async def change_use(self, who: User, device_id: int, draft: UseDraft, version: int) -> Use:
        """Saved without a change, for example twice: no new revision."""
        row = await self._store.use(device_id)
        old = config_of(row.device)
        if draft.function != function_of(old).function:
            text = f"{old.name} is a use of {function_of(old).function}, and stays one."
            hint = "Deploy the other function as a new use."
            raise ConfigErrors([ConfigError(text, hint=hint, path="function")])
        target = await self._target(await self._renaming(draft, device_id), old)
        if row.device.version == version and target.config == old and not target.names:
            return self._use(row)
        await self._check(row.device.spoke_id, target, device_id)
        async with self._change(who, row.device.spoke_id, "function.change") as edit:
            row = await self._store.use(device_id, edit.conn)
            old = config_of(row.device)
            target = replace(target_of(draft, target.version, old), names=target.names)
            await self._update(edit, row, target, version)
            edit.says(_changes(old, target), device=device_id)
        return await self.use(device_id)

    async def roll_back(self, who: User, device_id: int, expected: str | None = None) -> Use:
        """A second click raises ConflictError: there is no version before the one before. So does
        another version than the `expected` one: somebody has deployed a better one meanwhile."""
        row = await self._store.use(device_id)
        previous = _previous(row)
        target = await self._target(draft_of(config_of(row.device), previous))
        await self._check(row.device.spoke_id, target, device_id)
        async with self._change(who, row.device.spoke_id, "function.roll_back") as edit:
            row = await self._store.use(device_id, edit.conn)
            old = config_of(row.device)
            changed = expected is not None and function_of(old).version != expected
            if changed or _previous(row) != previous:
                raise ConflictError("Somebody else has changed this use meanwhile.")
            target = target_of(draft_of(old, previous), target.version, old)
            await self._update(edit, row, target)
            await self._store.put_use(device_id, None, 0, edit.conn)
            text = f"Function {old.name} rolled back from {function_of(old).version} to "
            edit.says(text + _named(target), device=device_id)
            words = f"Rolled back from {function_of(old).version} to {_named(target)} by {who.name}"
            event = Event(time.time_ns(), device_id, "warning", "event", words)
            await write_events(edit.conn, [EventRow(row.device.spoke_id, event)])
        return await self.use(device_id)

    async def set_versions(self, who: User, versions: Mapping[int, str], summary: str) -> None:
        """Give uses (by device id) versions of their functions, with the parameters they have.

        One revision per gateway; `summary` is what each says. Raises NotFoundError, ConfigErrors
        (paths `uses.<device id>...`) before anything is written.
        """
        by_spoke: dict[int, list[UseRow]] = defaultdict(list)
        for device_id in versions:
            row = await self._store.use(device_id)
            if function_of(config_of(row.device)).version != versions[device_id]:
                by_spoke[row.device.spoke_id].append(row)
        found = await self._versions(by_spoke, versions)
        for spoke_id, rows in by_spoke.items():
            ids = [row.device.device_id for row in rows]
            async with self._change(who, spoke_id, "function.version") as edit:
                plant = await self._plant(spoke_id, edit.conn)
                for device_id in ids:
                    row = await self._store.use(device_id, edit.conn)
                    old = config_of(row.device)
                    target = target_of(_of_version(old, versions[device_id]), found[device_id], old)
                    await self._update(edit, row, target, plant=plant)
                edit.says(summary[: words.MAX_LENGTH], devices=ids)

    async def start_again(self, who: User, device_id: int) -> Use:
        """A new generation: the gateway forgets the faults that stopped it."""
        row = await self._store.use(device_id)
        async with self._change(who, row.device.spoke_id, "function.start") as edit:
            row = await self._store.use(device_id, edit.conn)
            function = function_of(config_of(row.device))
            changed = function.model_copy(update={"generation": function.generation + 1})
            await self._put(row, changed, edit)
            edit.says(f"Function {row.device.name} started again", device=device_id)
        return await self.use(device_id)

    async def shadow(self, who: User, device_id: int, version: str | None) -> Use:
        """Raises ConfigErrors (path `version`) for a version that cannot run beside this one."""
        row = await self._store.use(device_id)
        wanted = None if version is None else await self._shadow(row, version)
        if function_of(config_of(row.device)).shadow == wanted:
            return self._use(row)
        async with self._change(who, row.device.spoke_id, "function.shadow") as edit:
            row = await self._store.use(device_id, edit.conn)
            function = function_of(config_of(row.device))
            if wanted is not None:
                await self._store.hold_version(function.function, wanted.version, edit.conn)
            await self._put(row, function.model_copy(update={"shadow": wanted}), edit)
            what = "ended" if wanted is None else f"of version {wanted.version} started"
            edit.says(f"Function {row.device.name}: shadow {what}", device=device_id)
        return await self.use(device_id)

    # --- below ----------------------------------------------------------------------------------
    async def _target(self, draft: UseDraft, old: DeviceConfig | None = None) -> Target:
        version = await self._catalogue.version(draft.function, draft.version)
        if not version.package and draft.version not in ("", version.number):
            text = f"{draft.function} comes with Spindle, in the version of the gateway."
            raise ConfigErrors([ConfigError(text, hint="Leave the version empty.", path="version")])
        return target_of(draft, version, old)

    async def _renaming(self, draft: UseDraft, device_id: int) -> UseDraft:
        """Without the names that the tags have already."""
        rows = await self._store.tags(device_id=device_id)
        known = {str(row.config["address"]): row.name for row in rows}
        names = {place: name for place, name in draft.names.items() if known.get(place) != name}
        return replace(draft, names=names)

    async def _versions(
        self, by_spoke: Mapping[int, Sequence[UseRow]], versions: Mapping[int, str]
    ) -> dict[int, FunctionVersion]:
        """By device id, when all of them suit. The same parameters start a package only once."""
        found: dict[int, FunctionVersion] = {}
        problems: list[SpindleError] = []
        started: set[str] = set()
        for spoke_id, rows in by_spoke.items():
            plant = await self._plant(spoke_id)
            for row in rows:
                device_id = row.device.device_id
                target = await self._with_version(row, versions[device_id])
                found[device_id] = target.version
                key = f"{target.function.package} {json.dumps(target.function.parameters)}"
                start = key not in started
                started.add(key)
                for problem in await self._problems(plant, target, device_id, start=start):
                    problem.path = f"uses.{device_id}.{problem.path}"
                    problems.append(problem)
        if problems:
            raise ConfigErrors(problems)
        return found

    async def _with_version(self, row: UseRow, number: str) -> Target:
        old = config_of(row.device)
        return await self._target(_of_version(old, number), old)

    async def _shadow(self, row: UseRow, number: str) -> ShadowConfig:
        old = config_of(row.device)
        function = function_of(old)
        if function.built_in:
            text = f"{function.function} comes with Spindle, in one version."
            raise ConfigErrors([ConfigError(text, hint="", path="version")])
        if number == function.version:
            text = f"Version {number} is at work already."
            raise ConfigErrors([ConfigError(text, hint="Choose another one.", path="version")])
        target = await self._with_version(row, number)
        try:
            await self._check(row.device.spoke_id, target, row.device.device_id)
            return ShadowConfig(
                version=number, package=target.version.package, parameters=function.parameters
            )
        except ConfigErrors as error:
            for problem in error.problems:
                problem.path = "version"
            raise
        except ValidationError as error:
            raise ConfigErrors(explain(error)) from error

    async def _put(self, row: UseRow, function: FunctionConfig, edit: Edit) -> None:
        config = config_of(row.device).model_copy(update={"connection": function})
        await self._store.update_device(
            row.device.device_id, config.name, config.model_dump(mode="json"), None, edit.conn
        )

    def _use(self, row: UseRow) -> Use:
        device = row.device
        function = function_of(config_of(device))
        health = self._presence.health(device.spoke)
        mine = (
            item
            for item in (health.functions if health else ())
            if item.id == device.device_id and item.version == function.version  # not of before
        )
        return Use(
            device=device_of(device, self._presence),
            function=function.function,
            version=function.version,
            health=next(iter(mine), None),
            online=self._presence.online(device.spoke),
            previous=(row.previous or {}).get("version", ""),
            trial_until_ns=row.trial_until_ns,
        )


def _previous(row: UseRow) -> FunctionConfig:
    if row.previous is None:
        text = f"{row.device.name} has no version before this one."
        raise ConflictError(text, hint="Choose a version in its settings.")
    return FunctionConfig.model_validate(row.previous)


def _of_version(config: DeviceConfig, number: str) -> UseDraft:
    """The use as it is, with another version. Only the number: its package is looked up."""
    return replace(draft_of(config), version=number)


def _changes(old: DeviceConfig, target: Target) -> str:
    """What people read of a change; a package's hash says nothing beside its version."""
    new = target.function
    before = function_of(old).model_copy(
        update={"package": new.package, "generation": new.generation}
    )
    text = words.device_change(old.model_copy(update={"connection": before}), target.config)
    return text.replace("Device ", "Function ", 1)


def _named(target: Target) -> str:
    """`level_trend 1.2.0`."""
    return f"{target.version.spec.name} {target.version.number}"
