"""Devices at work: why is this tag bad, what is on this server, and writing."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from hub.api.deps import Bundle, Engineer, Operator, Viewer
from hub.api.models_remote import (
    Browse,
    BrowseAnswer,
    DiagnosisAnswer,
    Discover,
    DiscoverAnswer,
    Trace,
    Write,
    WriteAnswer,
    WriteResultAnswer,
)
from hub.api.problems import Refusal

router = APIRouter(tags=["remote"])

_AWAY: dict[int | str, dict[str, Any]] = {
    503: {"model": Refusal, "description": "The gateway is offline or does not answer"}
}
_DEVICE = _AWAY | {502: {"model": Refusal, "description": "The device does not answer well"}}
_REFUSED = _AWAY | {409: {"model": Refusal, "description": "Refused; nothing was written"}}


@router.get("/devices/{device_id}/diagnosis", responses=_AWAY)
async def diagnose(device_id: int, _: Viewer, services: Bundle) -> DiagnosisAnswer:
    """State, plan, timing and trace of a device, as its gateway sees it now."""
    return DiagnosisAnswer.of(await services.remote.diagnose(device_id))


@router.post("/devices/{device_id}/trace", responses=_AWAY)
async def trace(device_id: int, body: Trace, _: Engineer, services: Bundle) -> DiagnosisAnswer:
    """Keep the newest requests and answers for so many seconds; 0 stops it."""
    return DiagnosisAnswer.of(await services.remote.diagnose(device_id, body.seconds))


@router.post("/devices/{device_id}/retry", responses=_AWAY)
async def retry(device_id: int, _: Operator, services: Bundle) -> DiagnosisAnswer:
    """Try to connect now, without waiting for the next planned try."""
    return DiagnosisAnswer.of(await services.remote.diagnose(device_id, retry=True))


@router.post("/devices/{device_id}/write", responses=_REFUSED)
async def write(device_id: int, body: Write, who: Operator, services: Bundle) -> WriteAnswer:
    """Each value is tried once, at once or not at all. With a problem (422, 409, 503) nothing was
    written; else there is a result for each tag."""
    results = await services.remote.write(who, device_id, body.values)
    return WriteAnswer(results=[WriteResultAnswer.of(result) for result in results])


@router.post("/spokes/{spoke_id}/discover", responses=_AWAY)
async def discover(spoke_id: int, body: Discover, _: Engineer, services: Bundle) -> DiscoverAnswer:
    """Endpoints and certificates of a server, asked by the gateway without logging in.
    The gateway's own certificate is there also with an `error`."""
    return DiscoverAnswer.of(await services.remote.discover(spoke_id, body.connection))


@router.post("/spokes/{spoke_id}/browse", responses=_DEVICE)
async def browse(spoke_id: int, body: Browse, _: Engineer, services: Bundle) -> BrowseAnswer:
    """What lies below a node of a device, asked by the gateway."""
    reply = await services.remote.browse(
        spoke_id, body.connection, body.node, deep=body.deep, device_id=body.device_id
    )
    return BrowseAnswer.of(reply)
