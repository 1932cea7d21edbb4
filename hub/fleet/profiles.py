"""`ProfileService` is hub.services.Profiles: kinds of devices, to make many of."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from hub.bulk import Profile
from hub.fleet import words
from hub.fleet.changes import Edit
from hub.fleet.devices import insert_device
from hub.fleet.drafts import checked, draft, template_of
from hub.fleet.profile_plans import Plan, plan_rows, profile_of
from hub.fleet.profile_updates import ProfileUpdates
from hub.fleet.records import config_of, device_of
from hub.fleet.templates import NAME
from hub.records import Device, User
from schemas.config.devices import TagConfig
from schemas.errors import ConfigError, ConfigErrors, ConflictError


class ProfileService(ProfileUpdates):
    """ProfileService(store, presence, commands); besides the Protocol, `update_to_profile`."""

    async def profiles(self) -> list[Profile]:
        return [profile_of(row) for row in await self._store.profiles()]

    async def profile(self, profile_id: int, version: int | None = None) -> Profile:
        return profile_of(await self._store.profile(profile_id, version))

    async def save_profile(self, who: User, profile: Profile) -> Profile:
        """Saved without a change, for example twice, makes no new version."""
        profile = await asyncio.to_thread(checked, profile)
        content = _content(profile)
        if profile.id:
            row = await self._store.profile(profile.id)
            same = (row.version, row.name, row.content) == (profile.version, profile.name, content)
            if same:
                return profile_of(row)
        try:
            async with self._store.database.transaction() as conn:
                if profile.id:
                    number = await self._store.insert_profile_version(
                        profile.id, profile.name, profile.version, who.name, content, conn
                    )
                    profile_id, action = profile.id, "profile.change"
                else:
                    profile_id = await self._store.insert_profile(
                        profile.name, who.name, content, conn
                    )
                    number, action = 1, "profile.create"
                detail = {"profile": profile_id, "version": number}
                await self._store.insert_audit(who.name, action, profile.name, detail, conn)
        except ConflictError as error:
            if error.path:
                raise
            raise ConflictError(
                f"There is a profile {profile.name!r} already.", path="name"
            ) from error
        return await self.profile(profile_id)

    async def profile_of_device(self, device_id: int) -> Profile:
        row = await self._store.device(device_id)
        tags = await self._store.tags(device_id=device_id)
        configs = [TagConfig.model_validate(tag.config) for tag in tags]
        return draft(row.name, config_of(row), configs)

    async def delete_profile(self, who: User, profile_id: int) -> None:
        async with self._store.database.transaction() as conn:
            row = await self._store.profile(profile_id, conn=conn)
            await self._store.delete_profile(profile_id, conn)
            detail = {"profile": profile_id, "devices": row.devices}
            await self._store.insert_audit(who.name, "profile.delete", row.name, detail, conn)

    async def create_from_profile(
        self, who: User, profile_id: int, spoke_id: int, rows: Sequence[Mapping[str, str]]
    ) -> list[Device]:
        """At most MAX_ROWS devices. A `name` in a row goes before the name in the profile."""
        profile = await self.profile(profile_id)
        plans = await asyncio.to_thread(plan_rows, template_of(profile), rows)
        ids = []
        async with self._change(who, spoke_id, "device.create") as edit:
            await self._names_are_free(edit, plans)
            for plan in plans:
                device_id = await insert_device(self._store, edit, plan.config, plan.tags)
                await self._store.made_from(
                    device_id, profile.id, profile.version, plan.values, edit.conn
                )
                ids.append(device_id)
            names = [plan.config.name for plan in plans]
            edit.says(
                words.devices_made(profile.name, profile.version, names),
                devices=ids,
                profile=profile.id,
                version=profile.version,
            )
        made = {row.device_id: row for row in await self._store.devices(spoke_id)}
        return [device_of(made[number], self._presence) for number in ids if number in made]

    async def _names_are_free(self, edit: Edit, plans: Sequence[Plan]) -> None:
        taken = {row.name for row in await self._store.devices(edit.spoke_id, edit.conn)}
        problems = []
        for index, plan in enumerate(plans):
            if plan.config.name in taken:
                problems.append(
                    ConfigError(
                        f"Gateway {edit.spoke} has a device {plan.config.name!r} already.",
                        hint="Choose another name.",
                        path=f"rows.{index}.{NAME}",
                    )
                )
        if problems:
            raise ConfigErrors(problems)


def _content(profile: Profile) -> dict[str, Any]:
    return {
        "description": profile.description,
        "parameters": [asdict(item) for item in profile.parameters],
        "device": profile.device,
        "tags": list(profile.tags),
    }
