"""Functions tried on stored values, versions on their way, and what happened."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from hub.api.deps import Bundle, Engineer, Viewer
from hub.api.edge import to_ns
from hub.api.models_function_runs import (
    DeploymentAnswer,
    EventAnswer,
    RecordBody,
    RolloutBody,
    TrialAnswer,
    TrialBody,
)
from hub.function_records import Trial

router = APIRouter(tags=["functions"])

_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}}
}


@router.post("/functions/try", response_class=Response, responses={200: {"model": TrialAnswer}})
async def try_function(body: TrialBody, _: Engineer, services: Bundle) -> Response:
    """Run a version, or a source that is not saved, on stored values of its inputs. Nothing is
    stored or written. The problems name their place as `inputs.<name>`, `range`, `source.<line>`.
    """
    start_ns, end_ns = to_ns(body.start, "start"), to_ns(body.end, "end")
    trial = await services.functions.try_out(body.draft(), start_ns, end_ns, body.source)
    content = await asyncio.to_thread(_json, trial)  # maybe 400,000 points
    return Response(content, media_type="application/json")


@router.post("/functions/record", response_class=Response, responses=_CSV)
async def record_inputs(body: RecordBody, _: Engineer, services: Bundle) -> Response:
    """The stored inputs of a use as a CSV for `spindle-udf run --replay`."""
    start_ns, end_ns = to_ns(body.start, "start"), to_ns(body.end, "end")
    content = await services.functions.record(body.draft(), start_ns, end_ns)
    headers = {"Content-Disposition": f'attachment; filename="{body.function}.csv"'}
    return Response(content, media_type="text/csv", headers=headers)


@router.get("/functions/{name}/rollouts")
async def list_rollouts(name: str, _: Viewer, services: Bundle) -> list[DeploymentAnswer]:
    """Newest first."""
    found = await services.functions.deployments(name)
    return [DeploymentAnswer.of(item) for item in found]


@router.post("/functions/{name}/rollouts", status_code=201)
async def roll_out(
    name: str, body: RolloutBody, who: Engineer, services: Bundle
) -> DeploymentAnswer:
    """Give a version to a share of uses, watch them, then to the others; a fault takes it back
    from all. Refused while another version of the function is on its way (409)."""
    found = await services.functions.roll_out(
        who, name, body.version, body.uses, body.share, body.watch_s
    )
    return DeploymentAnswer.of(found)


@router.post("/rollouts/{deployment_id}/cancel", status_code=204)
async def cancel_rollout(deployment_id: int, who: Engineer, services: Bundle) -> None:
    """No more uses get it; those that have it keep it."""
    await services.functions.cancel(who, deployment_id)


@router.get("/events")
async def list_events(
    _: Viewer,
    services: Bundle,
    device_id: Annotated[int | None, Query(ge=0, lt=2**31)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[EventAnswer]:
    """Newest first: faults, alarms, writes and events of functions, of one device or of all."""
    return [EventAnswer.of(item) for item in await services.functions.events(device_id, limit)]


def _json(trial: Trial) -> str:
    return TrialAnswer.of_trial(trial).model_dump_json()
