"""Puts the API together. It is an application of its own below `/api`, so that its error answers,
its guard and its size limit touch no page."""

from __future__ import annotations

from fastapi import FastAPI

from hub.api import problems
from hub.api.guard import SESSION_COOKIE, Guard, secured
from hub.api.health import HealthCheck
from hub.api.limits import AddressLimit, BodyLimit
from hub.api.routes import (
    devices,
    docs,
    drivers,
    function_runs,
    functions,
    profiles,
    remote,
    session,
    spokes,
    system,
    tag_files,
    tags,
    users,
    values,
)
from hub.services import Services

__all__ = ["SESSION_COOKIE", "create", "mount"]

API_VERSION = "1.0"

_ROUTES = (
    session,
    users,
    spokes,
    devices,
    tags,
    tag_files,
    remote,
    profiles,
    drivers,
    functions,
    function_runs,
    values,
    system,
)


def mount(app: FastAPI, services: Services) -> None:
    """Serve the API of `services` under /api of `app`; call it before anything that takes all."""
    app.mount("/api", create(services))


def create(services: Services) -> FastAPI:
    """The API as an application whose root is `/api`."""
    api = FastAPI(
        title="Spindle",
        version=API_VERSION,
        summary="Gateways, devices, tags, values and users of this hub.",
        openapi_url=None,  # served by routes/docs.py, behind the guard and without a foreign site
        docs_url=None,
        redoc_url=None,
        responses={
            401: {"model": problems.Refusal, "description": "Not logged in"},
            403: {"model": problems.Refusal, "description": "The role does not allow it"},
            422: {"model": problems.Refusal, "description": "Not valid; problems have paths"},
        },
    )
    api.state.services = services
    api.state.login_limit = AddressLimit()
    api.state.health = HealthCheck(services.data)
    problems.install(api)
    for routes in _ROUTES:
        api.include_router(routes.router, prefix="/v1")
    api.include_router(docs.router)
    secured(api)
    api.add_middleware(BodyLimit)
    api.add_middleware(Guard, access=services.access)  # added last, so it stands first
    return api
