"""What the pages' own JavaScript and download links fetch, behind the same gate as the pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import app
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.records import Role, Tag
from hub.services import Services
from hub.ui.exports import ledger_csv, series_json, trend_csv
from hub.ui.session import DATA_PATH, session_of
from schemas.errors import (
    ConfigError,
    ConflictError,
    ForbiddenError,
    LoginError,
    NotFoundError,
    SpindleError,
)

MAX_TAGS = 50
MAX_BUCKETS = 10_000
_STATUS: tuple[tuple[type[SpindleError], int], ...] = (
    (LoginError, 401),
    (ForbiddenError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (ConfigError, 422),
)
Answer = Callable[[Request], Awaitable[Response]]


def register(services: Services) -> None:
    """Routes below /ui-data."""

    async def trend(request: Request) -> Response:
        ids, start_ns, end_ns, buckets = _window(request)
        found = await services.data.trend(ids, start_ns, end_ns, buckets)
        return JSONResponse({"series": [series_json(item) for item in found]})

    async def trend_file(request: Request) -> Response:
        ids, start_ns, end_ns, buckets = _window(request)
        tags = await tags_by_id(services, ids)
        found = await services.data.trend(list(tags), start_ns, end_ns, buckets)
        return _csv(trend_csv(found, tags), "spindle-trend.csv")

    async def ledger_file(_: Request) -> Response:
        return _csv(ledger_csv(await services.data.ledger()), "spindle-ledger.csv")

    for path, answer in (
        ("/trend.json", trend),
        ("/trend.csv", trend_file),
        ("/ledger.csv", ledger_file),
    ):
        app.add_route(DATA_PATH + path, _explained(answer), methods=["GET"])


async def tags_by_id(services: Services, ids: list[int]) -> dict[int, Tag]:
    """The tags of these ids in this order; ids that do not exist (any more) are left out."""
    known = {tag.id: tag for tag in await services.fleet.tags()} if ids else {}
    return {tag_id: known[tag_id] for tag_id in ids if tag_id in known}


def tag_ids(text: str) -> list[int]:
    """`1,2,3` as numbers, each once, at most MAX_TAGS; anything else in it is left out."""
    found = [int(part) for part in text.split(",") if part.strip().isdecimal()]
    return list(dict.fromkeys(found))[:MAX_TAGS]


def _window(request: Request) -> tuple[list[int], int, int, int]:
    query = request.query_params
    try:
        start_ms, end_ms = int(query["from"]), int(query["to"])
        buckets = int(query.get("buckets", "600"))
    except (KeyError, ValueError) as error:
        raise ConfigError(
            "The time range is not valid.", hint="Give from and to in ms since 1970 UTC."
        ) from error
    if end_ms <= start_ms:
        raise ConfigError("The time range ends before it starts.", hint="Choose an end later on.")
    ids = tag_ids(query.get("tags", ""))
    return ids, start_ms * 1_000_000, end_ms * 1_000_000, max(1, min(buckets, MAX_BUCKETS))


def _explained(answer: Answer) -> Answer:
    """Errors as {message, hint, ...} with a fitting status."""

    async def run(request: Request) -> Response:
        try:
            session = session_of(request)
            session.services.access.require(session.user, Role.VIEWER)
            return await answer(request)
        except SpindleError as error:
            status = next((code for kind, code in _STATUS if isinstance(error, kind)), 503)
            return JSONResponse(error.as_dict(), status)

    return run


def _csv(text: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response("\ufeff" + text, media_type="text/csv; charset=utf-8", headers=headers)
