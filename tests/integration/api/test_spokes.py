"""Spokes, revisions and the handshake, against real PostgreSQL."""

from __future__ import annotations

import asyncio

from schemas.config.devices import Manifest

A = {"name": "a", "address": "HR:0"}


def problems(answer):
    assert answer.status_code == 422, answer.text
    return [item["path"] for item in answer.json()["problems"]]


async def make(client, spoke_id, name="Filler", tags=()):
    connection = {"driver": "modbus", "host": "10.0.0.5"}
    body = {"name": name, "connection": connection, "tags": list(tags)}
    answer = await client.post(f"/api/v1/spokes/{spoke_id}/devices", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_spokes(hub, admin, viewer):
    made = (await admin.post("/api/v1/spokes", json={"name": "line-1"})).json()
    assert (made["name"], made["revision"], made["online"]) == ("line-1", 1, False)
    assert made["created"].endswith("Z")
    assert made["last_seen"] is None
    hub.spokes.say("line-1", 1)
    hub.spokes.seen["line-1"] = 1_700_000_000_000_000_000
    seen = (await viewer.get("/api/v1/spokes")).json()[0]
    assert seen["last_seen"] == "2023-11-14T22:13:20.000000Z"
    assert seen["online"] is True
    assert seen["applied_revision"] == 1
    assert seen["health"]["started"] == "1970-01-01T00:00:01.000000Z"
    again = await admin.post("/api/v1/spokes", json={"name": "line-1"})
    assert again.status_code == 409
    for name in ("Line 1", "a.b", "hub", "-x", "a" * 33, "*"):
        assert problems(await admin.post("/api/v1/spokes", json={"name": name})) == ["name"]
    path = f"/api/v1/spokes/{made['id']}"
    credentials = (await admin.post(f"{path}/credentials")).json()["credentials"]
    assert credentials.endswith("line-1")
    assert (await hub.store.audits(1))[0].action == "spoke.credentials"


async def test_lone_surrogates_are_refused(admin):
    headers = {"content-type": "application/json"}
    body = b'{"name": "line-1", "description": "\\ud800"}'
    assert problems(await admin.post("/api/v1/spokes", content=body, headers=headers)) == [
        "description"
    ]


async def test_deleted_spoke_takes_its_devices_along(hub, admin, engineer, spoke_id):
    device = await make(engineer, spoke_id, tags=[A])
    assert (await admin.delete(f"/api/v1/spokes/{spoke_id}")).status_code == 204
    assert (await admin.get(f"/api/v1/spokes/{spoke_id}")).status_code == 404
    assert (await admin.get(f"/api/v1/devices/{device['id']}")).status_code == 404
    assert (await admin.get("/api/v1/devices")).json() == []
    assert (await admin.get("/api/v1/tags")).json() == []
    assert (await admin.post("/api/v1/spokes", json={"name": "line-1"})).status_code == 409


async def test_handshake(hub, engineer, spoke_id):
    device = await make(engineer, spoke_id, tags=[A])
    found = await hub.fleet.manifest("line-1", 0)
    manifest = Manifest.model_validate(found)
    assert manifest.revision == 2
    assert manifest.devices[0].id == device["id"]
    assert manifest.devices[0].tags[0].name == "a"
    assert await hub.fleet.manifest("line-1", 2) is None
    assert (await hub.fleet.manifest("line-1", 1))["revision"] == 2
    restored = await hub.fleet.manifest("line-1", 40)  # the hub came back from an older backup
    assert restored["revision"] == 41
    assert restored["devices"] == found["devices"]
    assert await hub.fleet.manifest("line-1", 41) is None


async def test_changes_at_once_get_different_revisions(hub, engineer, spoke_id):
    await asyncio.gather(*(make(engineer, spoke_id, f"D{index}") for index in range(8)))
    heads = await hub.store.revisions(spoke_id)
    rows = [await hub.store.revision(spoke_id, head.number) for head in heads]
    assert [row.number for row in rows] == list(range(9, 0, -1))
    assert [len(row.manifest["devices"]) for row in rows] == list(range(8, -1, -1))


async def test_a_failed_change_leaves_nothing(hub, engineer, spoke_id):
    device = await make(engineer, spoke_id)
    before = await hub.store.audits()
    path = f"/api/v1/devices/{device['id']}/tags"
    await engineer.post(path, json={"tags": [A, A]})
    assert (await hub.store.spoke(spoke_id)).revision == 2
    assert await hub.store.tags() == []
    assert await hub.store.audits() == before
