"""Devices of the gateways."""

from __future__ import annotations

from fastapi import APIRouter

from hub.api.deps import Bundle, Engineer, Viewer
from hub.api.models import Clone, DeviceAnswer, DeviceChange, DeviceCreate
from hub.api.models_remote import TestAnswer
from schemas.config.devices import DeviceConfig

router = APIRouter(tags=["devices"])


def _config(body: DeviceConfig) -> DeviceConfig:
    """Without the fields that a body has besides."""
    return DeviceConfig(**{name: getattr(body, name) for name in DeviceConfig.model_fields})


@router.get("/devices")
async def list_devices(
    _: Viewer, services: Bundle, spoke_id: int | None = None
) -> list[DeviceAnswer]:
    return [DeviceAnswer.of(device) for device in await services.fleet.devices(spoke_id)]


@router.post("/spokes/{spoke_id}/devices", status_code=201)
async def create_device(
    spoke_id: int, body: DeviceCreate, who: Engineer, services: Bundle
) -> DeviceAnswer:
    """With its tags: all or nothing."""
    device = await services.fleet.create_device(who, spoke_id, _config(body), body.tags)
    return DeviceAnswer.of(device)


@router.post("/spokes/{spoke_id}/test")
async def try_device(
    spoke_id: int, body: DeviceCreate, _: Engineer, services: Bundle
) -> TestAnswer:
    """The gateway connects to this device once and reads these tags once; nothing is stored."""
    reply = await services.fleet.test_device(spoke_id, _config(body), body.tags)
    return TestAnswer.of(reply)


@router.get("/devices/{device_id}")
async def get_device(device_id: int, _: Viewer, services: Bundle) -> DeviceAnswer:
    return DeviceAnswer.of(await services.fleet.device(device_id))


@router.put("/devices/{device_id}")
async def update_device(
    device_id: int, body: DeviceChange, who: Engineer, services: Bundle
) -> DeviceAnswer:
    """A password that is sent back masked stays as it was."""
    device = await services.fleet.update_device(who, device_id, _config(body), body.version)
    return DeviceAnswer.of(device)


@router.post("/devices/{device_id}/clone", status_code=201)
async def clone_device(
    device_id: int, body: Clone, who: Engineer, services: Bundle
) -> DeviceAnswer:
    """A copy with all tags, switched off so that it can be edited first."""
    return DeviceAnswer.of(await services.fleet.clone_device(who, device_id, body.name))


@router.delete("/devices/{device_id}", status_code=204)
async def delete_device(device_id: int, who: Engineer, services: Bundle) -> None:
    """Its stored values stay in SQL."""
    await services.fleet.delete_device(who, device_id)
