"""How the hub itself is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from hub.api.deps import Bundle, Viewer
from hub.api.models import DeadLetterAnswer, HealthAnswer, LedgerAnswer, SystemAnswer

router = APIRouter(tags=["system"])


@router.get("/health")
async def health(request: Request) -> HealthAnswer:
    """For load balancers and container health checks; needs no login and always answers 200."""
    return HealthAnswer(status=await request.app.state.health.status())


@router.get("/system")
async def system(_: Viewer, services: Bundle) -> SystemAnswer:
    return SystemAnswer.of(await services.data.system())


@router.get("/ledger")
async def ledger(_: Viewer, services: Bundle) -> list[LedgerAnswer]:
    """Completeness per gateway and epoch of its stream; `missing` must be 0."""
    return [LedgerAnswer.of(row) for row in await services.data.ledger()]


@router.get("/dead-letters")
async def dead_letters(
    _: Viewer, services: Bundle, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[DeadLetterAnswer]:
    """Messages that could not be decoded or stored, the newest first."""
    return [DeadLetterAnswer.of(item) for item in await services.data.dead_letters(limit)]
