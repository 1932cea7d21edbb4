"""One shape for every error: `{"error": {...}, "problems": [{...}, ...]}`.

`error` is SpindleError.as_dict(); `problems` names each wrong field with its path, such as
`tags.3.address`, and is empty when no field is to blame.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from schemas.config.drivers import DRIVERS
from schemas.errors import (
    ConfigError,
    ConfigErrors,
    ConflictError,
    DeviceError,
    ForbiddenError,
    LoginError,
    NotFoundError,
    SpindleError,
    SpokeOfflineError,
    StorageError,
    TooManyTriesError,
    WriteRefusedError,
)

log = logging.getLogger(__name__)

MAX_PROBLEMS = 1000
"""In one answer; ten thousand wrong tags usually have one cause."""

_WORDS = {
    404: "There is no such address in this API.",
    405: "This address does not know this method.",
    413: "The request is too large.",
}

# The first row whose type fits wins, so a subclass stands above its parent.
STATUS: tuple[tuple[type[SpindleError], int], ...] = (
    (TooManyTriesError, 429),
    (LoginError, 401),
    (ForbiddenError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (ConfigError, 422),
    (WriteRefusedError, 409),
    (SpokeOfflineError, 503),
    (StorageError, 503),
    (DeviceError, 502),
    (SpindleError, 500),
)


class Problem(BaseModel):
    kind: str
    message: str
    hint: str
    path: str
    retryable: bool


class Refusal(BaseModel):
    error: Problem
    problems: list[Problem] = []


def status_of(error: SpindleError) -> int:
    return next(status for kind, status in STATUS if isinstance(error, kind))


def answer(error: SpindleError, status: int | None = None) -> JSONResponse:
    """The response for an error of ours."""
    found: Sequence[SpindleError] = ()
    if isinstance(error, ConfigErrors):
        found = error.problems
    elif isinstance(error, ConfigError) and error.path:
        found = (error,)
    body = {
        "error": error.as_dict(),
        "problems": [item.as_dict() for item in found[:MAX_PROBLEMS]],
    }
    status = status or status_of(error)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(body, status, headers)


def too_large() -> JSONResponse:
    """Where no exception handler stands."""
    return answer(SpindleError(_WORDS[413], hint="Send it in several parts."), 413)


def install(api: FastAPI) -> None:
    """Every exception of a route becomes this shape."""
    api.add_exception_handler(SpindleError, _ours)
    api.add_exception_handler(RequestValidationError, _not_valid)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(Exception, _defect)


async def _ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SpindleError)
    return answer(error)


async def _not_valid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found: list[SpindleError] = []
    places = [_path(item["loc"]) for item in error.errors()]
    for item, path in zip(error.errors(), places, strict=True):
        if item["type"] == "too_short" and any(place.startswith(f"{path}.") for place in places):
            continue  # wrong items were taken out of this list, which is not too short
        message = str(item["msg"]).removeprefix("Value error, ")
        found.append(ConfigError(f"{path or 'request'}: {message}", path=path))
    return answer(ConfigErrors(found))


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    ours = SpindleError(_WORDS.get(error.status_code, str(error.detail)), hint="See /api/docs.")
    response = answer(ours, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _defect(request: Request, error: Exception) -> JSONResponse:
    """What nobody foresaw. The details go to the log (by the server), not to the caller."""
    log.error("A request failed: %s", type(error).__name__, extra={"action": "api_defect"})
    words = "The hub made a mistake with this request."
    return answer(SpindleError(words, hint="Its log has the details; please report it."), 500)


def _path(place: Sequence[Any]) -> str:
    """`("body", "connection", "modbus", "port")` is `connection.port` to the caller."""
    parts = [str(part) for part in place]
    if parts and parts[0] in ("body", "query", "path", "header", "cookie"):
        parts = parts[1:]
    kept = [
        part
        for index, part in enumerate(parts)
        if not (index and parts[index - 1] == "connection" and part in DRIVERS)
    ]
    return ".".join(kept)
