"""What can be configured: the JSON Schemas that forms and scripts go by."""

from __future__ import annotations

from fastapi import APIRouter

from hub.api.deps import Viewer
from hub.api.models import DriverAnswer
from schemas.config.devices import TagConfig
from schemas.config.drivers import DRIVERS
from schemas.errors import NotFoundError

router = APIRouter(prefix="/drivers", tags=["drivers"])


def _answer(name: str) -> DriverAnswer:
    model = DRIVERS[name]
    title = (model.__doc__ or name).strip().splitlines()[0].rstrip(".")
    return DriverAnswer(
        driver=name,
        title=title,
        connection_schema=model.model_json_schema(),
        tag_schema=TagConfig.model_json_schema(),
    )


@router.get("")
async def list_drivers(_: Viewer) -> list[DriverAnswer]:
    return [_answer(name) for name in DRIVERS]


@router.get("/{name}")
async def get_driver(name: str, _: Viewer) -> DriverAnswer:
    if name not in DRIVERS:
        raise NotFoundError(
            f"There is no driver {name!r}.", hint=f"There are {', '.join(DRIVERS)}."
        )
    return _answer(name)
