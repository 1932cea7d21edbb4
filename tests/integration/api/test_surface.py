"""OpenAPI, users, values, system: the rest of the surface."""

from __future__ import annotations

import pytest

from hub.api.guard import OPEN
from hub.api.problems import MAX_PROBLEMS

METHODS = ("get", "post", "put", "patch", "delete")


async def test_every_route_but_two_needs_a_login(hub, admin):
    document = (await admin.get("/api/openapi.json")).json()
    opened = set()
    async with hub.client() as nobody:
        for path, operations in document["paths"].items():
            for method in METHODS:
                answer = await nobody.request(method, "/api" + path.format_map(_Ones()))
                if method in operations and answer.status_code != 401:
                    opened.add((method.upper(), path))
                elif method not in operations:
                    assert answer.status_code in (401, 405)
        for path in ("/api/docs", "/api/openapi.json", "/api", "/api/v1/health/x"):
            assert (await nobody.get(path, follow_redirects=True)).status_code == 401
    # an empty login is refused by validation, which is no 401
    assert opened == {("POST", "/v1/login"), ("GET", "/v1/health")} == set(OPEN)


class _Ones(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "1"


async def test_openapi_is_complete(admin):
    document = (await admin.get("/api/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    operations = [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]
    assert len(operations) >= 30
    names = [operation["operationId"] for _, _, operation in operations]
    assert len(set(names)) == len(names)
    for path, method, operation in operations:
        assert operation["tags"], path
        closed = (method.upper(), path) not in OPEN
        assert bool(operation["security"]) is closed
        good = next(answer for code, answer in operation["responses"].items() if code[0] == "2")
        if "content" in good:
            assert all("schema" in item for item in good["content"].values()), path
    assert _dangling(document, document) == []


def _dangling(part, document):
    if isinstance(part, list):
        return [bad for item in part for bad in _dangling(item, document)]
    if not isinstance(part, dict):
        return []
    bad = [item for value in part.values() for item in _dangling(value, document)]
    target = part.get("$ref")
    if isinstance(target, str) and target.startswith("#/"):
        found = document
        for step in target[2:].split("/"):
            found = found.get(step, {})
        if not found:
            bad.append(target)
    return bad


async def test_docs_need_no_foreign_site(admin):
    answer = await admin.get("/api/docs")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert "https://" not in answer.text
    assert "/api/v1/devices/{device_id}/tags" in answer.text


async def test_users(hub, admin):
    body = {"name": "Eva", "password": "a long enough one", "role": "engineer"}
    eva = (await admin.post("/api/v1/users", json=body)).json()
    assert eva == {"id": 2, "name": "Eva", "role": "engineer", "disabled": False}
    twin = await admin.post("/api/v1/users", json=body | {"name": "eva"})
    assert twin.status_code == 409
    assert "password" not in (await admin.get("/api/v1/users")).text
    for bad, where in [
        ({"password": "short"}, "password"),
        ({"name": "administrator", "password": "administrator"}, "password"),
        ({"password": "aaaaaaaaaaaaaa"}, "password"),
        ({"name": " "}, "name"),
        ({"role": "king"}, "role"),
    ]:
        answer = await admin.post("/api/v1/users", json=body | {"name": "Ann"} | bad)
        assert answer.status_code == 422
        assert [item["path"] for item in answer.json()["problems"]] == [where]

    async with hub.client(await hub.access.login("eva", body["password"])) as client:
        assert (await client.get("/api/v1/me")).json()["role"] == "engineer"
        await admin.patch("/api/v1/users/2", json={"role": "viewer"})
        assert (await client.get("/api/v1/me")).json()["role"] == "viewer"  # at once
        wrong = {"old": "no", "new": "another long one"}
        assert (await client.post("/api/v1/me/password", json=wrong)).status_code == 401
        right = {"old": body["password"], "new": "another long one"}
        assert (await client.post("/api/v1/me/password", json=right)).status_code == 204
        assert (await client.get("/api/v1/me")).status_code == 401
    async with hub.client(await hub.access.login("eva", "another long one")) as client:
        assert (await client.get("/api/v1/me")).status_code == 200
        await admin.patch("/api/v1/users/2", json={"disabled": True})
        assert (await client.get("/api/v1/me")).status_code == 401
        answer = await client.post("/api/v1/login", json={"name": "eva", "password": right["new"]})
        assert answer.status_code == 401
    reset = {"new": "yet another long one"}
    assert (await admin.post("/api/v1/users/2/password", json=reset)).status_code == 204
    await admin.patch("/api/v1/users/2", json={"disabled": False})
    assert await hub.access.login("Eva", reset["new"])
    actions = {row.action for row in await hub.store.audits()}
    assert {"user.create", "user.change", "user.password", "login", "login.refused"} <= actions


async def test_the_last_admin_stays(hub, admin):
    for change in ({"role": "viewer"}, {"disabled": True}):
        answer = await admin.patch("/api/v1/users/1", json=change)
        assert answer.status_code == 409
    body = {"name": "second", "password": "a long enough one", "role": "admin"}
    await admin.post("/api/v1/users", json=body)
    assert (await admin.patch("/api/v1/users/1", json={"role": "viewer"})).status_code == 200


async def test_drivers_tell_their_form(viewer):
    drivers = (await viewer.get("/api/v1/drivers")).json()
    assert [item["driver"] for item in drivers] == ["modbus", "s7", "opcua", "sim"]
    assert drivers[0]["connection_schema"]["properties"]["port"]["maximum"] == 65535
    assert "data_type" in drivers[0]["tag_schema"]["properties"]
    assert (await viewer.get("/api/v1/drivers/sim")).json()["title"].startswith("Simulated")
    assert (await viewer.get("/api/v1/drivers/none")).status_code == 404


async def test_values(viewer):
    latest = (await viewer.get("/api/v1/latest", params={"tag_id": [3, 4]})).json()
    assert latest[0] == {
        "tag_id": 3,
        "time": "2023-11-14T22:13:20.123456789Z",
        "value": 21.5,
        "quality": 192,
        "words": "good",
    }
    window = {"tag_id": 3, "start": "2026-01-01T00:00:00Z", "end": "2026-01-02T01:00:00+01:00"}
    series = (await viewer.get("/api/v1/trend", params=window)).json()[0]
    assert series["times"] == ["2026-01-01T00:00:00.000000Z", "2026-01-02T00:00:00.000000Z"]
    assert series["average"] == [2.0, None]
    table = await viewer.get("/api/v1/trend.csv", params=window)
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.splitlines()[1] == "3,2026-01-01T00:00:00.000000Z,1.0,2.0,3.0,"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"start": "2026-01-03T00:00:00Z"}, "end"),
        ({"start": "2026-01-01T00:00:00"}, "start"),  # whose midnight?
        ({"start": "1960-01-01T00:00:00Z"}, "start"),
        ({"buckets": 0}, "buckets"),
        ({"tag_id": "x"}, "tag_id.0"),
        ({"tag_id": list(range(30))}, "tag_id"),
    ],
)
async def test_wrong_windows(viewer, change, path):
    window = {"tag_id": 3, "start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
    answer = await viewer.get("/api/v1/trend", params=window | change)
    assert answer.status_code == 422
    assert [item["path"] for item in answer.json()["problems"]] == [path]


async def test_system(hub, viewer):
    assert (await viewer.get("/api/v1/system")).json()["database"] == "PostgreSQL 18"
    assert (await viewer.get("/api/v1/ledger")).json()[0]["missing"] == 0
    letters = await viewer.get("/api/v1/dead-letters", params={"limit": 5})
    assert letters.json()[0]["reason"] == "not msgpack"


async def test_health_needs_no_login_and_says_no_more_than_it_must(hub):
    async with hub.client() as nobody:
        assert (await nobody.get("/api/v1/health")).json() == {"status": "ok"}
        hub.data.database_ok = False
        check = hub.app.routes[-1].app.state.health
        check._asked_s -= 10
        assert (await nobody.get("/api/v1/health")).json() == {"status": "degraded"}


async def test_other_errors_have_the_same_shape(hub, admin, engineer, spoke_id):
    for method, path, status in [
        ("GET", "/api/v1/nowhere", 404),
        ("PUT", "/api/v1/me", 405),
        ("GET", "/api/v1/spokes/999", 404),
        ("GET", "/api/v1/spokes/x", 422),
    ]:
        answer = await admin.request(method, path)
        assert answer.status_code == status
        assert set(answer.json()) == {"error", "problems"}
        assert set(answer.json()["error"]) == {"kind", "message", "hint", "path", "retryable"}
    large = await admin.post("/api/v1/spokes", content=b" " * (33 * 1024 * 1024))
    assert large.status_code == 413
    assert "too large" in large.json()["error"]["message"]

    async def chunks():
        for _ in range(33):
            yield b" " * (1024 * 1024)

    headers = {"content-type": "application/json"}
    streamed = await admin.post("/api/v1/spokes", content=chunks(), headers=headers)
    assert streamed.status_code == 413
    assert set(streamed.json()) == {"error", "problems"}
    tags = [{"name": f"t{index}", "address": "?"} for index in range(MAX_PROBLEMS + 5)]
    body = {"name": "D", "connection": {"driver": "modbus", "host": "h"}, "tags": tags}
    many = await engineer.post(f"/api/v1/spokes/{spoke_id}/devices", json=body)
    assert len(many.json()["problems"]) == MAX_PROBLEMS


async def test_a_defect_tells_the_caller_nothing(hub, admin, monkeypatch):
    async def broken() -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(hub.data, "ledger", broken)
    answer = await admin.get("/api/v1/ledger")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert answer.json()["error"]["kind"] == "SpindleError"
