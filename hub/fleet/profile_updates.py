"""Devices go to the newest version of their profile; what was changed by hand stays."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from hub.bulk import Profile
from hub.fleet import words
from hub.fleet.changes import Changes, Edit
from hub.fleet.drafts import secret_parameters, shown_secrets, template_of
from hub.fleet.merge import merged, merged_by_name
from hub.fleet.profile_plans import Plan, plan_row, profile_of
from hub.fleet.records import config_of, device_of
from hub.fleet.secrets import masked, unmasked
from hub.fleet.templates import NAME
from hub.fleet.validation import check_device, check_wire
from hub.records import Device, User
from hub.storage.records import DeviceRow, TagRow
from schemas.config.base import explain
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.errors import ConfigError, ConfigErrors, ConflictError, SpindleError


@dataclass(frozen=True, slots=True)
class Update:
    """What becomes of a device."""

    row: DeviceRow
    profile: Profile
    """In its newest version."""
    config: DeviceConfig
    values: dict[str, str]
    new: tuple[TagConfig, ...]
    changed: tuple[tuple[int, TagConfig], ...]
    removed: tuple[int, ...]


class ProfileUpdates(Changes):
    """The part of ProfileService that changes devices which exist."""

    async def update_to_profile(self, who: User, device_ids: Sequence[int]) -> list[Device]:
        """One revision per spoke; devices that have the newest version already stay untouched.

        Raises NotFoundError, and ConfigErrors with the path `devices.<id>...`: a device without a
        profile, a parameter without a value, or what does not fit together any more.
        """
        by_spoke: dict[int, list[int]] = defaultdict(list)
        for device_id in dict.fromkeys(device_ids):
            by_spoke[(await self._store.device(device_id)).spoke_id].append(device_id)
        for spoke_id, ids in by_spoke.items():
            await self._update_on(who, spoke_id, ids)
        return [
            device_of(await self._store.device(device_id), self._presence)
            for device_id in dict.fromkeys(device_ids)
        ]

    async def _update_on(self, who: User, spoke_id: int, device_ids: Sequence[int]) -> None:
        if not await self._outdated(device_ids):
            return
        async with self._change(who, spoke_id, "device.profile") as edit:
            updates = await self._plan(edit, device_ids)
            if not updates:
                raise ConflictError("Somebody else has updated these devices meanwhile.")
            for update in updates:
                await self._apply(edit, update)
            names = [update.row.name for update in updates]
            profile = updates[0].profile
            edit.says(
                words.devices_updated(profile.name, profile.version, names),
                devices=[update.row.device_id for update in updates],
                profiles=sorted({update.profile.id for update in updates}),
            )

    async def _outdated(self, device_ids: Sequence[int]) -> bool:
        """Is there anything to do? Devices without a profile count, because they are a mistake."""
        newest = {row.profile_id: row.version for row in await self._store.profiles()}
        rows = [await self._store.device(device_id) for device_id in device_ids]
        return any(
            row.profile_id is None or row.profile_version != newest.get(row.profile_id)
            for row in rows
        )

    async def _plan(self, edit: Edit, device_ids: Sequence[int]) -> list[Update]:
        values = await self._store.profile_values(list(device_ids), edit.conn)
        found: list[Update] = []
        problems: list[SpindleError] = []
        for device_id in device_ids:
            row = await self._store.device(device_id, edit.conn)
            try:
                update = await self._plan_one(edit, row, values.get(device_id, {}))
            except ConfigErrors as error:
                for problem in error.problems:
                    problem.path = f"devices.{device_id}.{problem.path}".rstrip(".")
                    problems.append(problem)
            else:
                found += [update] if update else []
        if problems:
            raise ConfigErrors(problems)
        return found

    async def _plan_one(self, edit: Edit, row: DeviceRow, values: dict[str, str]) -> Update | None:
        """None for a device that has the newest version."""
        if row.profile_id is None or row.profile_version is None:
            text = f"{row.name} was not made from a profile, or the profile is deleted."
            raise ConfigErrors([ConfigError(text, hint="Take it out of the selection.")])
        conn = edit.conn
        new = profile_of(await self._store.profile(row.profile_id, conn=conn))
        if new.version == row.profile_version:
            return None
        old = profile_of(await self._store.profile(row.profile_id, row.profile_version, conn))
        tags = await self._store.tags(device_id=row.device_id, conn=conn)
        return await asyncio.to_thread(plan_update, row, tags, old, new, values)

    async def _apply(self, edit: Edit, update: Update) -> None:
        row, conn = update.row, edit.conn
        config = update.config.model_dump(mode="json")
        await self._store.update_device(row.device_id, row.name, config, None, conn)
        if update.removed:
            await self._store.delete_tags(update.removed, conn)
        for tag_id, tag in update.changed:
            await self._store.update_tag(
                tag_id, tag.name, tag.model_dump(mode="json"), tag.kind, conn
            )
        rows = [(tag.name, tag.model_dump(mode="json"), tag.kind) for tag in update.new]
        await self._store.insert_tags(row.device_id, rows, conn)
        profile = update.profile
        await self._store.made_from(row.device_id, profile.id, profile.version, update.values, conn)


def plan_update(
    row: DeviceRow, tags: Sequence[TagRow], old: Profile, new: Profile, values: dict[str, str]
) -> Update:
    """Merge a device with what the new version makes of its parameters. Raises ConfigErrors."""
    _no_secret_shown(old, new)
    named = values | {NAME: values.get(NAME) or row.name}
    base = plan_row(template_of(old), named)
    kept = {item.name for item in new.parameters} | {NAME}
    theirs = plan_row(template_of(new), {key: text for key, text in named.items() if key in kept})
    config = _merged_device(base, row, theirs)
    _no_secret_sent_away(config, row)
    mine = {tag.name: tag for tag in tags}
    wanted = _merged_tags(base, tags, theirs)
    check_device(config, wanted)
    changed = []
    for index, tag in enumerate(wanted):
        known = mine.get(tag.name)
        if known is None or known.config == tag.model_dump(mode="json"):
            continue
        try:
            check_wire(known.wire, TagConfig.model_validate(known.config), tag)
        except ConflictError as error:
            error.path = f"tags.{index}.{error.path}"
            raise ConfigErrors([error]) from error
        changed.append((known.tag_id, tag))
    names = {tag.name for tag in wanted}
    return Update(
        row=row,
        profile=new,
        config=config,
        values=theirs.values,
        new=tuple(tag for tag in wanted if tag.name not in mine),
        changed=tuple(changed),
        removed=tuple(tag.tag_id for name, tag in mine.items() if name not in names),
    )


def _no_secret_shown(old: Profile, new: Profile) -> None:
    """What was typed in as a password stays one, whatever a later version does with its name."""
    names = secret_parameters(template_of(old), old.driver)
    problems = list(shown_secrets(template_of(new), new.driver, names))
    if problems:
        raise ConfigErrors(problems)


def _no_secret_sent_away(config: DeviceConfig, row: DeviceRow) -> None:
    """As with a change by hand: a password goes nowhere else, nor less protected."""
    try:
        unmasked(masked(config), config_of(row))
    except ConfigError as error:
        error.hint = "Change this device by hand, with its password."
        raise ConfigErrors([error]) from error


def _merged_device(base: Plan, row: DeviceRow, theirs: Plan) -> DeviceConfig:
    maps = [
        base.config.model_dump(mode="json"),
        DeviceConfig.model_validate(row.config).model_dump(mode="json"),
        theirs.config.model_dump(mode="json"),
    ]
    groups = merged_by_name(*(found.pop("groups") for found in maps))
    found = merged(*maps) | {"groups": groups, NAME: row.name}
    try:
        return DeviceConfig.model_validate(found)
    except ValidationError as error:
        raise ConfigErrors(explain(error)) from error


def _merged_tags(base: Plan, tags: Sequence[TagRow], theirs: Plan) -> list[TagConfig]:
    old, new = ([tag.model_dump(mode="json") for tag in plan.tags] for plan in (base, theirs))
    mine: list[dict[str, Any]] = [
        TagConfig.model_validate(tag.config).model_dump(mode="json") for tag in tags
    ]
    found = merged_by_name(old, mine, new)
    try:
        return [TagConfig.model_validate(tag) for tag in found]
    except ValidationError as error:
        raise ConfigErrors(explain(error, "tags")) from error
