"""Devices and tags through the API, against real PostgreSQL."""

from __future__ import annotations

import time

from hub.fleet.secrets import MASK
from schemas.messages.health import DeviceHealth

MODBUS = {"driver": "modbus", "host": "10.0.0.5"}
OPCUA = {"driver": "opcua", "endpoint": "opc.tcp://10.0.0.7:4840", "username": "u"}


def tag(name: str, address: str, **more: object) -> dict[str, object]:
    return {"name": name, "address": address, "data_type": "float32", **more}


async def make(client, spoke_id, name="Filler", connection=None, tags=(), **more):
    body = {"name": name, "connection": connection or MODBUS, "tags": list(tags), **more}
    answer = await client.post(f"/api/v1/spokes/{spoke_id}/devices", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def problems(answer, status=422):
    assert answer.status_code == status, answer.text
    return [item["path"] for item in answer.json()["problems"]]


async def test_device_from_birth_to_death(hub, engineer, viewer, spoke_id):
    hub.spokes.say("line-1", 1)
    device = await make(engineer, spoke_id, tags=[tag("speed", "HR:0", unit="1/min")])
    assert (device["name"], device["spoke"], device["tags"]) == ("Filler", "line-1", 1)
    assert device["connection"]["port"] == 502
    assert hub.spokes.notices == [("line-1", 2)]
    path = f"/api/v1/devices/{device['id']}"

    hub.spokes.say("line-1", 2, DeviceHealth(device["id"], "running", last_good_ns=10**9))
    health = (await viewer.get(path)).json()["health"]
    assert (health["state"], health["last_good"]) == ("running", "1970-01-01T00:00:01.000000Z")

    change = {"name": "Filler", "connection": MODBUS | {"port": 1502}, "version": 1}
    changed = await engineer.put(path, json=change)
    assert changed.status_code == 200, changed.text
    assert changed.json()["version"] == 2
    late = await engineer.put(path, json=change | {"description": "late"})
    assert late.status_code == 409
    assert late.json()["error"]["kind"] == "ConflictError"
    twice = await engineer.put(path, json=change | {"version": 2})
    assert twice.json()["version"] == 2  # nothing changed, no revision

    clone = (await engineer.post(f"{path}/clone", json={"name": "Filler 2"})).json()
    assert (clone["enabled"], clone["tags"], clone["connection"]["port"]) == (False, 1, 1502)
    taken = await engineer.post(f"{path}/clone", json={"name": "Filler"})
    assert taken.status_code == 409
    assert taken.json()["error"]["path"] == "name"

    assert (await engineer.delete(path)).status_code == 204
    assert (await engineer.get(path)).status_code == 404
    assert (await engineer.delete(path)).status_code == 404
    await make(engineer, spoke_id)  # the name is free again
    revisions = (await viewer.get(f"/api/v1/spokes/{spoke_id}/revisions")).json()
    assert [(item["number"], item["summary"]) for item in revisions] == [
        (6, "Device Filler added"),
        (5, "Device Filler deleted"),
        (4, "Device Filler 2 cloned from Filler"),
        (3, "Device Filler: port 502 -> 1502"),
        (2, "Device Filler added with tag speed"),
        (1, "Gateway added"),
    ]
    assert {item["author"] for item in revisions} == {"admin", "some-engineer"}
    actions = [row.action for row in await hub.store.audits(6)]
    assert actions[:2] == ["device.create", "device.delete"]


async def test_what_is_wrong_with_a_device_is_named_by_path(engineer, spoke_id):
    async def post(**body):
        body = {"name": "Filler", "connection": MODBUS} | body
        return problems(await engineer.post(f"/api/v1/spokes/{spoke_id}/devices", json=body))

    assert await post(connection=MODBUS | {"port": 70000}) == ["connection.port"]
    assert await post(connection=MODBUS | {"colour": "red"}) == ["connection.colour"]
    assert await post(connection={"driver": "profibus"}) == ["connection"]
    assert await post(name="  ") == ["name"]
    assert await post(unknown=1) == ["unknown"]
    assert await post(groups=[]) == ["groups"]
    assert await post(groups=[{"name": "a"}, {"name": "a"}]) == [""]
    assert await post(tags=[tag("a", "XX:1"), tag("b", "HR:99999")]) == [
        "tags.0.address",
        "tags.1.address",
    ]
    assert await post(tags=[tag("a", "nonsense"), tag("b", "HR:0"), tag("c", "HR:1")]) == [
        "tags.0.address",
        "tags.2.address",
    ]
    assert await post(tags=[tag("a", "HR:0"), tag("a", "HR:2")]) == ["tags.1.name"]
    assert await post(tags=[tag("a", "HR:0", group="fast")]) == ["tags.0.group"]
    assert await post(tags=[tag("a", "HR:0", scale=0)]) == ["tags.0"]
    assert await post(tags=[tag("a", "HR:0", data_type="int3")]) == ["tags.0.data_type"]
    assert await post(connection=OPCUA | {"password": MASK}) == ["connection.password"]
    assert await post(description="a\0b") == [""]
    assert await post(tags=[tag("a", "HR:0", unit="\0")]) == ["tags.0"]
    assert await post(connection={"driver": "modbus", "host": "h\0"}) == ["connection"]
    assert (await engineer.get("/api/v1/devices")).json() == []
    body = {"name": "Filler", "connection": MODBUS}
    assert (await engineer.post("/api/v1/spokes/99/devices", json=body)).status_code == 404
    broken = await engineer.post(
        f"/api/v1/spokes/{spoke_id}/devices",
        content=b"{",
        headers={"content-type": "application/json"},
    )
    assert broken.status_code == 422
    assert broken.json()["error"]["kind"] == "ConfigErrors"


async def test_tags(hub, engineer, viewer, spoke_id):
    device = await make(engineer, spoke_id, tags=[tag("a", "HR:0")])
    path = f"/api/v1/devices/{device['id']}/tags"
    made = await engineer.post(path, json={"tags": [tag("b", "HR:2"), tag("c", "HR:4")]})
    assert made.status_code == 201
    b, c = made.json()
    assert (b["name"], b["device"], b["address"], c["id"]) == ("b", "Filler", "HR:2", b["id"] + 1)

    async def post(*tags):
        return problems(await engineer.post(path, json={"tags": list(tags)}))

    assert await post(tag("d", "HR:10"), tag("b", "HR:12")) == ["tags.1.name"]
    assert await post(tag("d", "HR:3")) == ["tags.0.address"]  # across b
    assert await post(tag("d", "HR:10", colour=1)) == ["tags.0.colour"]
    assert await post() == ["tags"]
    assert len((await viewer.get("/api/v1/tags")).json()) == 3

    changed = await engineer.put(f"/api/v1/tags/{c['id']}", json=tag("c", "HR:6", unit="bar"))
    assert changed.json()["unit"] == "bar"
    for body, where in [
        (tag("c", "HR:3"), "address"),
        (tag("a", "HR:6"), "name"),
        (tag("c", "HR:6", group="no"), "group"),
    ]:
        assert problems(await engineer.put(f"/api/v1/tags/{c['id']}", json=body)) == [where]
    assert (await engineer.put("/api/v1/tags/999", json=tag("x", "HR:9"))).status_code == 404

    page = await viewer.get("/api/v1/tags", params={"limit": 1, "offset": 1})
    assert [item["name"] for item in page.json()] == ["b"]
    gone = await engineer.post("/api/v1/tags/delete", json={"ids": [b["id"], c["id"], 999]})
    assert gone.json() == {"deleted": 2}
    assert (await engineer.delete(f"/api/v1/tags/{b['id']}")).status_code == 404
    left = await viewer.get("/api/v1/tags", params={"device_id": device["id"]})
    assert [item["name"] for item in left.json()] == ["a"]
    newest = (await hub.store.revisions(spoke_id, 1))[0]
    assert newest.summary == "Device Filler: 2 tags (b, c) deleted"


async def test_the_type_is_fixed_after_the_first_sample(hub, engineer, spoke_id):
    device = await make(engineer, spoke_id, tags=[tag("a", "HR:0")])
    one = (await engineer.get("/api/v1/tags", params={"device_id": device["id"]})).json()[0]
    path = f"/api/v1/tags/{one['id']}"
    assert (await engineer.put(path, json=tag("a", "HR:0", data_type="int32"))).status_code == 200
    async with hub.store.database.transaction() as conn:
        await conn.execute("UPDATE tag SET wire = '<i4'")  # as the ingest does
    refused = await engineer.put(path, json=tag("a", "HR:0"))
    assert refused.status_code == 409
    assert refused.json()["error"]["path"] == "data_type"
    scaled = await engineer.put(path, json=tag("a", "HR:0", data_type="int32", scale=0.1))
    assert scaled.status_code == 409
    moved = await engineer.put(path, json=tag("b", "HR:8", data_type="int32"))
    assert moved.status_code == 200


async def test_a_change_of_the_device_must_fit_its_tags(engineer, spoke_id):
    groups = [{"name": "normal"}, {"name": "fast", "period_ms": 100}]
    tags = [tag("a", "40001"), tag("b", "HR:50", group="fast")]
    device = await make(engineer, spoke_id, tags=tags, groups=groups)
    path = f"/api/v1/devices/{device['id']}"
    body = {"name": "Filler", "connection": MODBUS, "groups": groups, "version": 1}
    assert problems(await engineer.put(path, json=body | {"groups": groups[:1]})) == ["groups"]
    s7 = {"driver": "s7", "host": "10.0.0.5"}
    assert problems(await engineer.put(path, json=body | {"connection": s7})) == [
        "tags.0.address",
        "tags.1.address",
    ]
    assert (await engineer.get(path)).json()["version"] == 1


async def test_passwords_are_masked_everywhere_but_in_the_manifest(hub, engineer, spoke_id):
    secret = "Tr0ub4dor and three"
    device = await make(engineer, spoke_id, connection=OPCUA | {"password": secret})
    path = f"/api/v1/devices/{device['id']}"
    assert device["connection"]["password"] == MASK
    clone = (await engineer.post(f"{path}/clone", json={"name": "Copy"})).json()
    assert clone["connection"]["password"] == MASK

    kept = {"name": "Filler", "connection": OPCUA | {"password": MASK}, "version": 1}
    kept["connection"]["timeout_s"] = 9
    changed = await engineer.put(path, json=kept)
    assert changed.json()["connection"]["password"] == MASK
    hub.spokes.say("line-1", 1)
    tested = await engineer.post(
        f"/api/v1/spokes/{spoke_id}/test",
        json={"name": "Filler", "connection": OPCUA | {"password": MASK}},
    )
    assert tested.status_code == 200
    assert hub.spokes.tests[0].device["connection"]["password"] == secret
    manifest = await hub.fleet.manifest("line-1", 0)
    assert [item["connection"]["password"] for item in manifest["devices"]] == [secret, secret]

    new = kept | {"connection": OPCUA | {"password": "another one"}, "version": 2}
    await engineer.put(path, json=new)
    told = [
        (await engineer.get("/api/v1/devices")).text,
        (await engineer.get(f"/api/v1/spokes/{spoke_id}/revisions")).text,
        tested.text,
        str(await hub.store.audits()),
    ]
    assert "password changed" in told[1]
    for text in told:
        assert secret not in text
        assert "another one" not in text


async def test_a_test_reads_on_the_spoke(hub, engineer, spoke_id):
    path = f"/api/v1/spokes/{spoke_id}/test"
    body = {"name": "New", "connection": MODBUS, "tags": [tag("a", "HR:0"), tag("b", "HR:2")]}
    away = await engineer.post(path, json=body)
    assert away.status_code == 503
    assert away.json()["error"]["kind"] == "SpokeOfflineError"
    hub.spokes.say("line-1", 1)
    answer = (await engineer.post(path, json=body)).json()
    assert answer["error"] is None
    assert [item["tag"] for item in answer["values"]] == ["a", "b"]
    assert [item["id"] for item in hub.spokes.tests[0].device["tags"]] == [1, 2]
    bad = body | {"tags": [tag("a", "nonsense")]}
    assert problems(await engineer.post(path, json=bad)) == ["tags.0.address"]
    assert (await engineer.get("/api/v1/devices")).json() == []


async def test_ten_thousand_tags_in_one_call(hub, engineer, spoke_id):
    device = await make(
        engineer, spoke_id, connection={"driver": "opcua", "endpoint": "opc.tcp://h"}
    )
    tags = [tag(f"t{index}", f"ns=2;s=Line.Tag{index}") for index in range(10_000)]
    started = time.perf_counter()
    answer = await engineer.post(f"/api/v1/devices/{device['id']}/tags", json={"tags": tags})
    taken_s = time.perf_counter() - started
    assert answer.status_code == 201
    ids = [item["id"] for item in answer.json()]
    assert ids == list(range(ids[0], ids[0] + 10_000))
    assert len((await hub.fleet.manifest("line-1", 0))["devices"][0]["tags"]) == 10_000
    print(f"10,000 tags in {taken_s:.2f} s")
    assert taken_s < 6
