"""Profiles: kinds of devices, to make many of."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from hub.api.deps import Bundle, Engineer, Viewer
from hub.api.models import DeviceAnswer
from hub.api.models_profiles import (
    ProfileAnswer,
    ProfileChange,
    ProfileCreate,
    ProfileDevices,
    ProfileUpdate,
)
from hub.api.ports import updates_of

router = APIRouter(tags=["profiles"])


@router.get("/profiles")
async def list_profiles(_: Viewer, services: Bundle) -> list[ProfileAnswer]:
    """The newest version of each."""
    return [ProfileAnswer.of(item) for item in await services.profiles.profiles()]


@router.post("/profiles", status_code=201)
async def create_profile(body: ProfileCreate, who: Engineer, services: Bundle) -> ProfileAnswer:
    """Version 1; the problems name their place as `device...`, `tags.<i>...`."""
    return ProfileAnswer.of(await services.profiles.save_profile(who, body.profile()))


@router.get("/profiles/{profile_id}")
async def get_profile(
    profile_id: int,
    _: Viewer,
    services: Bundle,
    version: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
) -> ProfileAnswer:
    """The newest version, or an older one; versions never change."""
    return ProfileAnswer.of(await services.profiles.profile(profile_id, version))


@router.put("/profiles/{profile_id}")
async def change_profile(
    profile_id: int, body: ProfileChange, who: Engineer, services: Bundle
) -> ProfileAnswer:
    """A new version. Devices that were made from an older one stay as they are."""
    profile = body.profile(profile_id, body.version)
    return ProfileAnswer.of(await services.profiles.save_profile(who, profile))


@router.delete("/profiles/{profile_id}", status_code=204)
async def delete_profile(profile_id: int, who: Engineer, services: Bundle) -> None:
    """The devices that were made from it stay."""
    await services.profiles.delete_profile(who, profile_id)


@router.post("/profiles/{profile_id}/devices", status_code=201)
async def create_devices(
    profile_id: int, body: ProfileDevices, who: Engineer, services: Bundle
) -> list[DeviceAnswer]:
    """A device for each row, all or none, in one revision. The problems name their place as
    `rows.<i>.<parameter>`."""
    made = await services.profiles.create_from_profile(who, profile_id, body.spoke_id, body.rows)
    return [DeviceAnswer.of(device) for device in made]


@router.get("/devices/{device_id}/profile")
async def draft_profile(device_id: int, _: Viewer, services: Bundle) -> ProfileAnswer:
    """A profile drafted from a device with its tags. It is not saved, and it holds no secret."""
    return ProfileAnswer.of(await services.profiles.profile_of_device(device_id))


@router.post("/devices/update-profile")
async def update_devices(
    body: ProfileUpdate, who: Engineer, services: Bundle
) -> list[DeviceAnswer]:
    """To the newest version of their profiles, in one revision per gateway. What was changed by
    hand stays. The problems name their place as `devices.<id>...`."""
    found = await updates_of(services).update_to_profile(who, body.device_ids)
    return [DeviceAnswer.of(device) for device in found]
