"""Gateways."""

from __future__ import annotations

from fastapi import APIRouter, Response

from hub.api.deps import Admin, Bundle, Viewer
from hub.api.models import Credentials, RevisionAnswer, SpokeAnswer, SpokeCreate

router = APIRouter(prefix="/spokes", tags=["spokes"])


@router.get("")
async def list_spokes(_: Viewer, services: Bundle) -> list[SpokeAnswer]:
    return [SpokeAnswer.of(spoke) for spoke in await services.fleet.spokes()]


@router.post("", status_code=201)
async def create_spoke(body: SpokeCreate, who: Admin, services: Bundle) -> SpokeAnswer:
    return SpokeAnswer.of(await services.fleet.create_spoke(who, body.name, body.description))


@router.get("/{spoke_id}")
async def get_spoke(spoke_id: int, _: Viewer, services: Bundle) -> SpokeAnswer:
    return SpokeAnswer.of(await services.fleet.spoke(spoke_id))


@router.delete("/{spoke_id}", status_code=204)
async def delete_spoke(spoke_id: int, who: Admin, services: Bundle) -> None:
    """With its devices; the stored values stay in SQL."""
    await services.fleet.delete_spoke(who, spoke_id)


@router.post("/{spoke_id}/credentials")
async def make_credentials(
    spoke_id: int, who: Admin, response: Response, services: Bundle
) -> Credentials:
    """A NATS credentials file for the gateway, made anew at each call and shown once."""
    response.headers["Cache-Control"] = "no-store"
    return Credentials(credentials=await services.fleet.credentials(who, spoke_id))


@router.get("/{spoke_id}/revisions")
async def list_revisions(spoke_id: int, _: Viewer, services: Bundle) -> list[RevisionAnswer]:
    """Every change of the gateway's configuration, the newest first."""
    return [RevisionAnswer.of(item) for item in await services.fleet.revisions(spoke_id)]
