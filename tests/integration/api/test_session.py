"""Log-in, tokens, cookie, throttle, roles."""

from __future__ import annotations

import httpx
import jwt
import pytest
from argon2 import PasswordHasher

from hub.access.passwords import Passwords
from schemas.errors import LoginError


@pytest.fixture
def hasher():
    """As in production; the other files use a cheap one."""
    return PasswordHasher()


async def test_first_admin_is_made_once_with_a_random_password(hub):
    assert len(hub.admin_password) >= 20
    assert await hub.access.ensure_admin() is None
    row = await hub.store.user_by_name("ADMIN")
    assert row.role == "admin"
    assert row.password_hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    everything = str(await hub.store.audits()) + str(await hub.store.users())
    assert hub.admin_password not in everything


async def test_a_hash_with_old_parameters_is_made_anew(hub):
    old = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(hub.admin_password)
    await hub.store.update_user(1, password_hash=old)
    await hub.access.login("admin", hub.admin_password)
    assert "$m=65536,t=3,p=4$" in (await hub.store.user(1)).password_hash
    await hub.access.login("admin", hub.admin_password)


async def test_login_gives_a_token_that_opens_the_api(hub):
    async with hub.client() as client:
        body = {"name": "Admin", "password": hub.admin_password}
        answer = await client.post("/api/v1/login", json=body)
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        headers = {"Authorization": f"Bearer {answer.json()['token']}"}
        me = await client.get("/api/v1/me", headers=headers)
    assert me.json() == {"id": 1, "name": "admin", "role": "admin", "disabled": False}
    assert [(row.action, row.who) for row in await hub.store.audits(1)] == [("login", "admin")]


@pytest.mark.parametrize("name", ["admin", "nobody", "", "a" * 100])
async def test_every_refusal_reads_the_same(hub, name):
    async with hub.client() as client:
        answer = await client.post("/api/v1/login", json={"name": name, "password": "wrong"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json() == {"error": LoginError().as_dict(), "problems": []}


async def test_the_pages_may_pass_on_whatever_was_typed(hub):
    for name in ("x\0y", "a" * 100_000, "' OR 1=1 --"):
        with pytest.raises(LoginError):
            await hub.access.login(name, "p" * 1_000_000)


async def test_an_unknown_user_costs_a_hash_like_a_wrong_password(hub, monkeypatch):
    """Otherwise the time of the answer tells which names exist."""
    verified: list[str] = []
    verify = Passwords._verify

    def counted(self: Passwords, stored: str, password: str) -> bool:
        verified.append(stored.split("$")[1])
        return verify(self, stored, password)

    monkeypatch.setattr(Passwords, "_verify", counted)
    for name in ("admin", "nobody"):
        with pytest.raises(LoginError):
            await hub.access.login(name, "wrong")
    assert verified == ["argon2id", "argon2id"]


async def test_five_wrong_tries_pause_the_account_for_a_minute(hub):
    for _ in range(5):
        with pytest.raises(LoginError):
            await hub.access.login("admin", "wrong")
    with pytest.raises(LoginError) as paused:
        await hub.access.login("admin", hub.admin_password)
    assert paused.value.as_dict() == LoginError().as_dict()
    refusals = [row for row in await hub.store.audits() if row.action == "login.refused"]
    assert len(refusals) == 5
    hub.clock.advance(59)
    with pytest.raises(LoginError):
        await hub.access.login("admin", hub.admin_password)
    hub.clock.advance(2)
    assert await hub.access.login("admin", hub.admin_password)


async def test_too_many_tries_from_one_address(hub):
    async with hub.client(address="10.0.0.9") as client:
        codes = []
        for index in range(32):
            body = {"name": f"u{index}", "password": "x", "unknown": 1}
            codes.append((await client.post("/api/v1/login", json=body)).status_code)
        assert set(codes) == {422}  # not valid: costs no hash, counts no try
        limit = hub.app.routes[-1].app.state.login_limit
        for _ in range(30):
            limit.admit("10.0.0.9")
        answer = await client.post("/api/v1/login", json={"name": "admin", "password": "x"})
        assert answer.status_code == 429
        assert answer.json()["error"]["kind"] == "TooManyTriesError"
    async with hub.client(address="10.0.0.10") as other:
        body = {"name": "admin", "password": hub.admin_password}
        assert (await other.post("/api/v1/login", json=body)).status_code == 200


async def test_a_session_expires_after_twelve_hours(hub, admin):
    hub.clock.advance(12 * 3600 - 2)
    assert (await admin.get("/api/v1/me")).status_code == 200
    hub.clock.advance(3)
    answer = await admin.get("/api/v1/me")
    assert answer.status_code == 401
    assert answer.json()["error"]["message"] == "The session has ended."


async def test_logout_ends_the_session_and_only_this_one(hub, admin):
    other = await hub.access.login("admin", hub.admin_password)
    assert (await admin.post("/api/v1/logout")).status_code == 204
    assert (await admin.get("/api/v1/me")).status_code == 401
    assert (await hub.access.user(other)).name == "admin"


async def test_a_revocation_elsewhere_counts_within_five_seconds(hub, admin):
    assert (await admin.get("/api/v1/me")).status_code == 200
    await hub.store.revoke_sessions_of(1)
    hub.clock.advance(5.1)
    assert (await admin.get("/api/v1/me")).status_code == 401


async def test_made_up_tokens_are_refused(hub):
    good = await hub.access.login("admin", hub.admin_password)
    claims = jwt.decode(good, options={"verify_signature": False})
    forged = [
        jwt.encode(claims, "some other secret of thirty-two bytes", algorithm="HS256"),
        jwt.encode(claims, None, algorithm="none"),
        good[:-4] + "AAAA",
        "",
        "x.y.z",
        "\xff",
    ]
    secret = await hub.store.get_or_create_secret("session_key")
    forged.append(jwt.encode(claims | {"jti": "1"}, secret, algorithm="HS256"))
    forged.append(jwt.encode(claims | {"iss": "other"}, secret, algorithm="HS256"))
    for token in forged:
        with pytest.raises(LoginError):
            await hub.access.user(token)
    assert (await hub.access.user(good)).name == "admin"


async def test_cookie_needs_proof_that_the_change_is_ours(hub):
    async with hub.client() as client:
        body = {"name": "admin", "password": hub.admin_password, "cookie": True}
        answer = await client.post("/api/v1/login", json=body)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("spindle_session=")
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert (await client.get("/api/v1/me")).status_code == 200
        spoke = {"name": "line-1"}
        for headers in ({}, {"Origin": "http://evil"}, {"Sec-Fetch-Site": "cross-site"}):
            refused = await client.post("/api/v1/spokes", json=spoke, headers=headers)
            assert refused.status_code == 403
            assert "another site" in refused.json()["error"]["message"]
        for index, headers in enumerate(
            (
                {"X-Spindle-Request": "1"},
                {"Origin": "http://hub"},
                {"Sec-Fetch-Site": "same-origin"},
            )
        ):
            spoke = {"name": f"line-{index}"}
            done = await client.post("/api/v1/spokes", json=spoke, headers=headers)
            assert done.status_code == 201


async def test_roles(viewer, engineer, admin, spoke_id):
    device = {"name": "Sim", "connection": {"driver": "sim"}}
    assert (await viewer.get("/api/v1/spokes")).status_code == 200
    for client, method, path, body in [
        (viewer, "POST", f"/api/v1/spokes/{spoke_id}/devices", device),
        (viewer, "POST", f"/api/v1/spokes/{spoke_id}/test", device),
        (viewer, "POST", "/api/v1/tags/delete", {"ids": [1]}),
        (viewer, "GET", "/api/v1/users", None),
        (engineer, "GET", "/api/v1/users", None),
        (engineer, "POST", "/api/v1/spokes", {"name": "line-2"}),
        (engineer, "POST", f"/api/v1/spokes/{spoke_id}/credentials", None),
        (engineer, "DELETE", f"/api/v1/spokes/{spoke_id}", None),
    ]:
        answer = await client.request(method, path, json=body)
        assert answer.status_code == 403, (method, path)
        assert answer.json()["error"]["kind"] == "ForbiddenError"
    created = await engineer.post(f"/api/v1/spokes/{spoke_id}/devices", json=device)
    assert created.status_code == 201


async def test_no_work_before_the_login(hub):
    async with hub.client() as client:
        answer = await client.post("/api/v1/spokes", content=b"{not json")
        assert answer.status_code == 401
        assert (await client.get("/api/v1/nowhere")).status_code == 401
        bad = await client.get("/api/v1/me", headers={"Authorization": "Basic YTpi"})
        assert bad.status_code == 401


async def test_database_away_is_503_and_not_401(hub, admin):
    await hub.store.database.close()
    hub.clock.advance(6)
    answer = await admin.get("/api/v1/me")
    assert answer.status_code == 503
    assert answer.json()["error"]["retryable"] is True
    assert isinstance(admin, httpx.AsyncClient)
