"""Profiles through the API, against real PostgreSQL."""

from __future__ import annotations

import asyncio
import time

import pytest

PUMP = {
    "name": "Pump",
    "description": "with two tags",
    "parameters": [
        {"name": "host", "title": "Host"},
        {"name": "port", "default": "502"},
        {"name": "secret_free", "default": "note"},
    ],
    "device": {
        "connection": {"driver": "modbus", "host": "{host}", "port": "{port}"},
        "description": "{secret_free} of {name}",
    },
    "tags": [
        {"name": "speed", "address": "HR:0", "unit": "1/min"},
        {"name": "on", "address": "CO:0", "data_type": "bool", "access": "rw"},
    ],
}


@pytest.fixture
async def profile(engineer):
    answer = await engineer.post("/api/v1/profiles", json=PUMP)
    assert answer.status_code == 201, answer.text
    return answer.json()


def problems(answer, status=422):
    assert answer.status_code == status, answer.text
    return [item["path"] for item in answer.json()["problems"]]


async def rows(client, spoke_id, *rows, profile_id=1):
    body = {"spoke_id": spoke_id, "rows": list(rows)}
    return await client.post(f"/api/v1/profiles/{profile_id}/devices", json=body)


async def test_a_profile_and_its_versions(hub, engineer, viewer, profile):
    assert (profile["id"], profile["version"], profile["driver"]) == (1, 1, "modbus")
    assert profile["device"]["name"] == "{name}"
    assert profile["parameters"][1] == {"name": "port", "title": "", "default": "502"}
    second = PUMP | {"name": "Pump 2", "tags": PUMP["tags"][:1], "version": 1}
    saved = await engineer.put("/api/v1/profiles/1", json=second)
    assert saved.status_code == 200, saved.text
    assert (saved.json()["version"], saved.json()["name"]) == (2, "Pump 2")
    late = await engineer.put("/api/v1/profiles/1", json=second)
    assert late.status_code == 409
    assert late.json()["error"]["path"] == "version"
    old = (await viewer.get("/api/v1/profiles/1", params={"version": 1})).json()
    assert [tag["name"] for tag in old["tags"]] == ["speed", "on"]
    assert (await viewer.get("/api/v1/profiles/1", params={"version": 3})).status_code == 404
    assert [item["version"] for item in (await viewer.get("/api/v1/profiles")).json()] == [2]

    twin = await engineer.post("/api/v1/profiles", json=PUMP | {"name": "Pump 2"})
    assert (twin.status_code, twin.json()["error"]["path"]) == (409, "name")
    assert (await viewer.post("/api/v1/profiles", json=PUMP)).status_code == 403
    assert (await engineer.delete("/api/v1/profiles/1")).status_code == 204
    assert (await engineer.delete("/api/v1/profiles/1")).status_code == 404
    assert (await viewer.get("/api/v1/profiles/1")).status_code == 404
    gone = await engineer.put("/api/v1/profiles/1", json=second | {"version": 2})
    assert gone.status_code == 404
    assert (await engineer.post("/api/v1/profiles", json=second)).status_code == 422  # version
    again = await engineer.post("/api/v1/profiles", json=PUMP | {"name": "Pump 2"})
    assert again.status_code == 201, "the name is free again"
    audits = await hub.store.audits(5)
    found = [(row.action, row.target) for row in audits if row.action.startswith("profile")]
    assert found == [
        ("profile.create", "Pump 2"),
        ("profile.delete", "Pump 2"),
        ("profile.change", "Pump 2"),
        ("profile.create", "Pump"),
    ]


async def test_versions_at_once(engineer, profile):
    same = await engineer.put("/api/v1/profiles/1", json=PUMP | {"version": 1})
    assert (same.status_code, same.json()["version"]) == (200, 1), "no change, no version"
    body = PUMP | {"version": 1, "description": "new"}
    answers = await asyncio.gather(
        *(engineer.put("/api/v1/profiles/1", json=body) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]


async def test_what_is_wrong_with_a_profile(engineer):
    async def post(**more):
        return problems(await engineer.post("/api/v1/profiles", json=PUMP | more))

    assert await post(tags=[{"name": "a", "address": "XX:1"}]) == ["tags.0.address"]
    assert await post(device={"connection": {"driver": "modbus", "host": "{hots}"}}) == [
        "device.connection.host"
    ]
    assert await post(name="") == ["name"]
    assert await post(parameters=[{"name": "a", "titel": "b"}]) == ["parameters.0.titel"]
    assert (await engineer.get("/api/v1/profiles")).json() == []


async def test_thirty_of_these_in_one_revision(hub, engineer, viewer, spoke_id, profile):
    wanted = [{"name": f"Pump {n}", "host": f"10.0.0.{n}"} for n in range(30)]
    wanted[3]["port"] = 1502
    answer = await rows(engineer, spoke_id, *wanted)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert [item["name"] for item in made] == [f"Pump {n}" for n in range(30)]
    assert [item["connection"]["port"] for item in made[:5]] == [502, 502, 502, 1502, 502]
    assert made[7]["description"] == "note of Pump 7"
    assert {(item["profile_id"], item["profile_version"], item["tags"]) for item in made} == {
        (1, 1, 2)
    }
    (newest, _) = (await viewer.get(f"/api/v1/spokes/{spoke_id}/revisions")).json()
    assert newest["summary"] == (
        "30 devices (Pump 0, Pump 1, Pump 2, ...) made from version 1 of profile Pump"
    )
    manifest = await hub.fleet.manifest("line-1", 0)
    assert len(manifest["devices"]) == 30
    assert manifest["devices"][0]["tags"][1]["access"] == "rw"
    assert (await viewer.get("/api/v1/profiles/1")).json()["devices"] == 30
    await engineer.put("/api/v1/profiles/1", json=PUMP | {"version": 1, "description": "v2"})
    one = (await viewer.get("/api/v1/devices/1")).json()
    assert one["profile_version"] == 1, "it stays what it is"
    await engineer.delete("/api/v1/profiles/1")
    one = (await viewer.get("/api/v1/devices/1")).json()
    assert (one["profile_id"], one["profile_version"]) == (None, None)


async def test_all_or_none(hub, engineer, viewer, spoke_id, profile):
    good = {"name": "A", "host": "h"}
    assert problems(await rows(engineer, spoke_id, good, {"name": "B", "port": "x"})) == [
        "rows.1.host"
    ]
    assert problems(await rows(engineer, spoke_id, good, good)) == ["rows.1.name"]
    assert (await viewer.get("/api/v1/devices")).json() == []
    assert (await rows(engineer, spoke_id, good)).status_code == 201
    assert problems(await rows(engineer, spoke_id, good | {"name": "B"}, good)) == ["rows.1.name"]
    assert len((await viewer.get("/api/v1/devices")).json()) == 1
    assert (await hub.store.spoke(spoke_id)).revision == 2
    assert problems(await rows(engineer, spoke_id)) == ["rows"]
    assert (await rows(engineer, 99, good | {"name": "C"})).status_code == 404
    assert (await rows(engineer, spoke_id, good, profile_id=9)).status_code == 404
    assert (await rows(viewer, spoke_id, good)).status_code == 403


async def test_a_profile_of_a_device(engineer, viewer, spoke_id):
    secret = "Tr0ub4dor and three"
    connection = {
        "driver": "opcua", "endpoint": "opc.tcp://h", "login": "password", "username": "u",
        "password": secret,
    }  # fmt: skip
    tags = [{"name": "a", "address": "ns=2;s={A}"}]
    body = {"name": "Mixer", "connection": connection, "tags": tags}
    await engineer.post(f"/api/v1/spokes/{spoke_id}/devices", json=body)
    answer = await viewer.get("/api/v1/devices/1/profile")
    assert answer.status_code == 200
    assert secret not in answer.text
    draft = answer.json()
    assert (draft["id"], draft["name"], draft["version"]) == (0, "Mixer", 0)
    assert [item["name"] for item in draft["parameters"]] == ["name", "endpoint", "password"]
    fields = ("name", "description", "parameters", "device", "tags")
    saved = await engineer.post("/api/v1/profiles", json={name: draft[name] for name in fields})
    assert saved.status_code == 201, saved.text
    made = await rows(
        engineer, spoke_id, {"name": "Twin", "endpoint": "opc.tcp://h", "password": secret}
    )
    assert made.status_code == 201, made.text
    assert secret not in made.text
    twin = (await viewer.get("/api/v1/tags", params={"device_id": made.json()[0]["id"]})).json()
    assert twin[0]["address"] == "ns=2;s={A}"
    assert (await viewer.get("/api/v1/devices/9/profile")).status_code == 404


async def test_a_hundred_devices_of_a_hundred_tags(engineer, spoke_id):
    tags = [{"name": f"t{n}", "address": f"HR:{n * 2}"} for n in range(100)]
    await engineer.post("/api/v1/profiles", json=PUMP | {"tags": tags})
    started = time.perf_counter()
    answer = await rows(engineer, spoke_id, *({"name": f"P{n}", "host": "h"} for n in range(100)))
    took_s = time.perf_counter() - started
    assert answer.status_code == 201
    assert sum(item["tags"] for item in answer.json()) == 10_000
    print(f"100 devices with 10,000 tags in {took_s:.2f} s")
    assert took_s < 8
