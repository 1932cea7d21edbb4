"""Functions in versions, and where they are at work."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from hub.api.deps import Bundle, Engineer, Viewer
from hub.api.models_functions import (
    CheckAnswer,
    FunctionAnswer,
    LookAnswer,
    ShadowBody,
    SourceCheck,
    SourceSave,
    UseAnswer,
    UseBody,
    UseChange,
)
from hub.api.uploads import BODY, LARGE, upload

router = APIRouter(tags=["functions"])


@router.get("/functions")
async def list_functions(_: Viewer, services: Bundle) -> list[FunctionAnswer]:
    """Built-ins and the plant's own, with all versions but without their sources."""
    return [FunctionAnswer.of_function(item) for item in await services.functions.functions()]


@router.post("/functions", status_code=201)
async def save_function(body: SourceSave, who: Engineer, services: Bundle) -> FunctionAnswer:
    """A new version of the function that the source names. The same source again makes none;
    another one with the same version is refused (409). Problems are at `source.<line>`."""
    return FunctionAnswer.of_function(await services.functions.save(who, body.source, body.notes))


@router.post("/functions/check")
async def check_function(body: SourceCheck, _: Engineer, services: Bundle) -> CheckAnswer:
    """Load a source in a process of its own, as on a gateway. Nothing is saved."""
    return CheckAnswer.of_checked(await services.functions.check(body.source))


@router.post("/functions/upload", status_code=201, openapi_extra=BODY, responses=LARGE)
async def upload_function(
    request: Request,
    who: Engineer,
    services: Bundle,
    name: Annotated[str, Query(max_length=255, description="As in `trend-1.0.0.whl`.")] = "",
    notes: Annotated[str, Query(max_length=2000, description="What is new.")] = "",
) -> FunctionAnswer:
    """A wheel, or a bundle that `spindle-udf package` made. Problems are at `file`."""
    name, content = await upload(request, name)
    return FunctionAnswer.of_function(await services.functions.upload(who, name, content, notes))


@router.get("/functions/{name}")
async def get_function(name: str, _: Viewer, services: Bundle) -> FunctionAnswer:
    """With the sources of its versions."""
    return FunctionAnswer.of_function(await services.functions.function(name))


@router.delete("/functions/{name}", status_code=204)
async def delete_function(name: str, who: Engineer, services: Bundle) -> None:
    """Refused while it is in use (409)."""
    await services.functions.delete_function(who, name)


@router.get("/uses")
async def list_uses(
    _: Viewer,
    services: Bundle,
    function: Annotated[str | None, Query(max_length=64)] = None,
) -> list[UseAnswer]:
    """Functions at work, all or those of one function."""
    return [UseAnswer.of_use(item) for item in await services.functions.uses(function)]


@router.post("/spokes/{spoke_id}/uses", status_code=201)
async def deploy_function(
    spoke_id: int, body: UseBody, who: Engineer, services: Bundle
) -> UseAnswer:
    """A function at work on a gateway, with a tag for each output. The problems name their place
    as `inputs.<name>`, `parameters.<name>`, `writes.<name>`, `names.<address>`."""
    return UseAnswer.of_use(await services.functions.deploy(who, spoke_id, body.draft()))


@router.get("/uses/{device_id}")
async def get_use(device_id: int, _: Viewer, services: Bundle) -> UseAnswer:
    """`device_id` is that of the use as a device; deleting the device ends the use."""
    return UseAnswer.of_use(await services.functions.use(device_id))


@router.put("/uses/{device_id}")
async def change_use(device_id: int, body: UseChange, who: Engineer, services: Bundle) -> UseAnswer:
    """Other parameters, inputs or version. Output tags that stay keep their ids."""
    use = await services.functions.change_use(who, device_id, body.draft(), body.device_version)
    return UseAnswer.of_use(use)


@router.post("/uses/{device_id}/roll-back")
async def roll_back_use(device_id: int, who: Engineer, services: Bundle) -> UseAnswer:
    """To the version before, with its parameters and inputs; 409 without one."""
    return UseAnswer.of_use(await services.functions.roll_back(who, device_id))


@router.post("/uses/{device_id}/start-again")
async def start_use_again(device_id: int, who: Engineer, services: Bundle) -> UseAnswer:
    """After it was stopped for too many faults."""
    return UseAnswer.of_use(await services.functions.start_again(who, device_id))


@router.post("/uses/{device_id}/shadow")
async def shadow_use(
    device_id: int, body: ShadowBody, who: Engineer, services: Bundle
) -> UseAnswer:
    """Run another version beside the one at work: compared, never stored."""
    return UseAnswer.of_use(await services.functions.shadow(who, device_id, body.version))


@router.get("/uses/{device_id}/look")
async def look_at_use(
    device_id: int,
    _: Viewer,
    services: Bundle,
    log_after: Annotated[
        int, Query(ge=0, lt=2**63, description="Number of the last log line that is known.")
    ] = 0,
) -> LookAnswer:
    """Live log, faults and the shadow compared, asked of the gateway; 503 when it is offline."""
    return LookAnswer.of_look(await services.functions.look(device_id, log_after))
