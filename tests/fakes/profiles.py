"""Profiles in memory; behaves as the Protocol `Profiles` promises.

Texts with parameters are those of the hub itself, which are pure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hub.bulk import Parameter, Profile
from hub.fleet.drafts import checked, draft, template_of
from hub.fleet.profile_plans import plan_rows
from hub.records import Device, User
from schemas.errors import ConfigError, ConfigErrors, ConflictError, NotFoundError, SpindleError
from tests.fakes.fleet import FakeFleet


class FakeProfiles:
    def __init__(self, fleet: FakeFleet, *, empty: bool = False) -> None:
        self._fleet = fleet
        self._versions: dict[int, list[Profile]] = {}
        self._made: dict[int, int] = {}
        if not empty:
            self._versions[1] = [_METER]
            self._made[1] = 3

    async def profiles(self) -> list[Profile]:
        return [await self.profile(profile_id) for profile_id in self._versions]

    async def profile(self, profile_id: int, version: int | None = None) -> Profile:
        versions = self._versions.get(profile_id, [])
        found = [item for item in versions if version in (None, item.version)]
        if not found:
            raise NotFoundError("This profile does not exist.")
        return replace(found[-1], devices=self._made.get(profile_id, 0))

    async def save_profile(self, who: User, profile: Profile) -> Profile:
        profile = checked(profile)
        if any(
            versions[-1].name == profile.name and number != profile.id
            for number, versions in self._versions.items()
        ):
            raise ConflictError(f"There is already a profile with the name {profile.name!r}.")
        if profile.id == 0:
            made = replace(profile, id=max(self._versions, default=0) + 1, version=1)
            self._versions[made.id] = [made]
            return made
        newest = await self.profile(profile.id)
        if profile.version != newest.version:
            raise ConflictError("Somebody else has saved a newer version of this profile.")
        made = replace(profile, version=newest.version + 1)
        self._versions[profile.id].append(made)
        return made

    async def profile_of_device(self, device_id: int) -> Profile:
        device = await self._fleet.device(device_id)
        tags = [tag.config for tag in await self._fleet.tags(device_id)]
        return draft(device.config.name, device.config, tags)

    async def delete_profile(self, who: User, profile_id: int) -> None:
        await self.profile(profile_id)
        del self._versions[profile_id]

    async def create_from_profile(
        self, who: User, profile_id: int, spoke_id: int, rows: Sequence[Mapping[str, str]]
    ) -> list[Device]:
        profile = await self.profile(profile_id)
        plans = plan_rows(template_of(profile), rows)
        await asyncio.sleep(0.3)  # one transaction
        taken = {item.config.name for item in await self._fleet.devices(spoke_id)}
        problems: list[SpindleError] = [
            ConfigError(
                f"There is already a device with the name {plan.config.name!r}.",
                path=f"rows.{index}.name",
            )
            for index, plan in enumerate(plans)
            if plan.config.name in taken
        ]
        if problems:
            raise ConfigErrors(problems)
        found = [
            await self._fleet.create_device(who, spoke_id, plan.config, plan.tags) for plan in plans
        ]
        for device in found:
            self._fleet.made_from(device.id, profile_id, profile.version)
        self._made[profile_id] = self._made.get(profile_id, 0) + len(found)
        return found


_METER = Profile(
    1,
    "Energy meter PM5110",
    1,
    "Three-phase meter in every sub-distribution",
    "modbus",
    (
        Parameter("name", "Name"),
        Parameter("host", "Host"),
        Parameter("unit_id", "Unit id", "1"),
    ),
    {
        "name": "{name}",
        "connection": {"driver": "modbus", "host": "{host}", "unit_id": "{unit_id}"},
        "groups": [{"name": "normal", "period_ms": 1000}],
    },
    (
        {"name": "Active power", "address": "HR:100", "data_type": "float32", "unit": "kW"},
        {"name": "Energy", "address": "HR:104", "data_type": "float32", "unit": "kWh"},
        {"name": "Load", "address": "HR:108", "data_type": "float32", "unit": "%"},
    ),
)
