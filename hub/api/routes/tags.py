"""Tags of the devices."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from hub.api.deps import Bundle, Engineer, Viewer
from hub.api.models import Deleted, TagAnswer, TagsCreate, TagsDelete
from schemas.config.devices import TagConfig
from schemas.errors import NotFoundError

router = APIRouter(tags=["tags"])


@router.get("/tags")
async def list_tags(
    _: Viewer,
    services: Bundle,
    device_id: int | None = None,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 10_000,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> list[TagAnswer]:
    """In the order of their ids."""
    tags = sorted(await services.fleet.tags(device_id), key=lambda tag: tag.id)
    return [TagAnswer.of(tag) for tag in tags[offset : offset + limit]]


@router.post("/devices/{device_id}/tags", status_code=201)
async def create_tags(
    device_id: int, body: TagsCreate, who: Engineer, services: Bundle
) -> list[TagAnswer]:
    """All or none; the problems name their place as `tags.<i>.<field>`."""
    tags = await services.fleet.create_tags(who, device_id, body.tags)
    return [TagAnswer.of(tag) for tag in tags]


@router.put("/tags/{tag_id}")
async def update_tag(tag_id: int, body: TagConfig, who: Engineer, services: Bundle) -> TagAnswer:
    """The data type is fixed from the first sample on (409)."""
    return TagAnswer.of(await services.fleet.update_tag(who, tag_id, body))


@router.delete("/tags/{tag_id}", status_code=204)
async def delete_tag(tag_id: int, who: Engineer, services: Bundle) -> None:
    """Its stored values stay in SQL."""
    if not await services.fleet.delete_tags(who, [tag_id]):
        raise NotFoundError(f"There is no tag {tag_id} (any more).")


@router.post("/tags/delete")
async def delete_tags(body: TagsDelete, who: Engineer, services: Bundle) -> Deleted:
    """Many at once; ids that do not exist (any more) are not counted."""
    return Deleted(deleted=await services.fleet.delete_tags(who, body.ids))
