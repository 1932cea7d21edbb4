"""The gate: who passes, who is sent where, and what the origin check refuses."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hub.records import User
from hub.services import Services
from hub.ui.session import COOKIE, Gate, local_path, same_origin, session_of
from schemas.errors import StorageError
from tests.fakes.services import PASSWORD, FakeAccess, fake_services


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("/devices?state=off", "/devices?state=off"),
        ("/trends?from=2026-01-01T00:00:00Z", "/trends?from=2026-01-01T00:00:00Z"),
        (None, "/"),
        ("", "/"),
        ("devices", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/login?next=/", "/"),
        ("/logout", "/"),
    ],
)
def test_only_local_paths_are_followed_after_login(wanted: str | None, path: str) -> None:
    assert local_path(wanted) == path


def test_origin_must_be_this_host() -> None:
    own = {"host": "hub:8080", "origin": "http://hub:8080"}
    assert same_origin(Headers(own))
    assert same_origin(Headers({"host": "hub:8080"}))
    for origin in ("http://evil.example", "http://hub:8081", "null"):
        assert not same_origin(Headers({"host": "hub:8080", "origin": origin}))


class Down(FakeAccess):
    async def user(self, token: str) -> User:
        raise StorageError


async def _get(services: Services, path: str, token: str = "") -> httpx.Response:
    async def page(request: Request) -> Response:
        return PlainTextResponse(session_of(request).user.name)

    async def free(_: Request) -> Response:
        return PlainTextResponse("free")

    app = Starlette(routes=[Route("/devices", page), Route("/api/v1/x", free)])
    app.add_middleware(Gate, services=services)
    transport = httpx.ASGITransport(app=app)
    headers = {"Cookie": f"{COOKIE}={token}"} if token else {}
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        return await client.get(path, headers=headers)


async def test_a_page_needs_a_session_and_knows_its_user() -> None:
    services = fake_services()
    anonymous = await _get(services, "/devices?state=off")
    assert anonymous.status_code == 303
    assert anonymous.headers["location"] == "/login?next=%2Fdevices%3Fstate%3Doff"
    token = await services.access.login("viewer", PASSWORD)
    answer = await _get(services, "/devices", token)
    assert (answer.status_code, answer.text) == (200, "viewer")
    assert answer.headers["x-frame-options"] == "DENY"
    stale = await _get(services, "/devices", "made-up")
    assert stale.headers["location"] == "/login?next=%2Fdevices&expired=1"


async def test_the_api_and_files_are_not_the_gates_business() -> None:
    assert (await _get(fake_services(), "/api/v1/x")).text == "free"


async def test_a_database_that_is_away_is_said_and_is_no_sign_out() -> None:
    services = replace(fake_services(), access=Down())
    answer = await _get(services, "/devices", "any")
    assert answer.status_code == 503
    assert "The database cannot take data now." in answer.text
    assert "Nothing is lost" in answer.text
    data = await _get(services, "/ui-data/trend.json", "any")
    assert (data.status_code, data.json()["kind"]) == (503, "StorageError")
