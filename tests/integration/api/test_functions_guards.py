"""What a function needs stays, and a function is changed on its own page only."""

from __future__ import annotations

import pytest

from tests.integration.api.plant_functions import good, make_tank, paths, tags_of, volume

WRITES = 'outputs = (Output("volume", unit="m3"),)\n    writes = (WritePort("out"),)'


@pytest.fixture
async def plant(engineer, spoke_id):
    """(tags of the tank by name, the use that reads `level` and may write `setpoint`)."""
    tags = await make_tank(engineer, spoke_id)
    source = volume().replace('outputs = (Output("volume", unit="m3"),)', WRITES)
    source = source.replace("import Function,", "import WritePort, Function,")
    await good(await engineer.post("/api/v1/functions", json={"source": source}), 201)
    body = {
        "name": "Tank volume",
        "function": "volume",
        "version": "1.0.0",
        "inputs": {"level": [tags["level"]]},
        "writes": {"out": tags["setpoint"]},
    }
    use = await good(await engineer.post(f"/api/v1/spokes/{spoke_id}/uses", json=body), 201)
    return tags, use["device"]


async def revision(engineer):
    return (await good(await engineer.get("/api/v1/spokes/1")))["revision"]


async def test_what_it_reads_or_writes_is_not_deleted(engineer, plant):
    tags, _ = plant
    before = await revision(engineer)
    for method, path, body in [
        ("DELETE", f"/tags/{tags['level']}", None),
        ("DELETE", f"/tags/{tags['setpoint']}", None),
        ("POST", "/tags/delete", {"ids": [tags["pressure"], tags["level"]]}),
        ("DELETE", "/devices/1", None),
    ]:
        answer = await engineer.request(method, f"/api/v1{path}", json=body)
        assert answer.status_code == 409, path
        assert "Tank volume" in answer.json()["error"]["message"]
    assert await revision(engineer) == before
    found = await good(await engineer.get("/api/v1/tags", params={"device_id": 1}))
    assert len(found) == len(tags)
    await good(await engineer.delete(f"/api/v1/tags/{tags['pressure']}"), 204)
    file = await engineer.post(
        "/api/v1/devices/1/tags/import",
        params={"name": "tags.csv", "remove": True},
        content=b"name,address,data_type\ncount,counter,int32\n",
    )
    assert file.status_code == 409, "a file that lacks the tag deletes it no more than a click"
    assert "Tank/level" in file.json()["error"]["message"]


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("level", {"store": False}, "must be stored"),
        ("level", {"data_type": "string"}, "needs Tank/level as float"),
        ("setpoint", {"access": "r"}, "must stay rw"),
    ],
)
async def test_what_it_needs_of_a_tag_stays(engineer, plant, name, change, said):
    tags, _ = plant
    found = await good(await engineer.get("/api/v1/tags", params={"device_id": 1}))
    tag = next(item for item in found if item["name"] == name)
    config = {key: tag[key] for key in tag if key not in ("id", "device_id", "device", "spoke")}
    answer = await engineer.put(f"/api/v1/tags/{tags[name]}", json=config | change)
    assert answer.status_code == 409
    assert said in answer.json()["error"]["message"]
    free = await engineer.put(f"/api/v1/tags/{tags[name]}", json=config | {"name": "other"})
    assert free.status_code == 200


async def test_a_function_that_is_gone_needs_nothing(engineer, plant):
    tags, device = plant
    await good(await engineer.delete(f"/api/v1/devices/{device['id']}"), 204)
    await good(await engineer.delete(f"/api/v1/tags/{tags['level']}"), 204)
    assert (await engineer.get(f"/api/v1/uses/{device['id']}")).status_code == 404


async def test_calculated_tags_change_in_what_people_read(engineer, plant):
    _, device = plant
    tag = (await tags_of(engineer, device["id"]))["volume"]
    url = f"/api/v1/tags/{tag['id']}"
    config = {key: tag[key] for key in tag if key not in ("id", "device_id", "device", "spoke")}
    await good(await engineer.put(url, json=config | {"name": "Content", "unit": "l"}))
    for field, value in [("address", "other"), ("data_type", "int32"), ("access", "rw")]:
        answer = await engineer.put(url, json=config | {field: value})
        assert paths(answer) == [field]
    assert (await engineer.delete(url)).status_code == 422
    more = {"tags": [{"name": "more", "address": "more"}]}
    path = f"/api/v1/devices/{device['id']}/tags"
    assert (await engineer.post(path, json=more)).status_code == 422


async def test_a_use_is_no_device_to_copy_or_import(engineer, spoke_id, plant):
    _, device = plant
    number = device["id"]
    connection = {"connection": device["connection"]}
    file = {"params": {"name": "t.csv"}, "content": b"name,address\na,b\n"}
    for answer in [
        await engineer.post(f"/api/v1/devices/{number}/clone", json={"name": "Copy"}),
        await engineer.get(f"/api/v1/devices/{number}/profile"),
        await engineer.post(f"/api/v1/devices/{number}/tags/preview", **file),
        await engineer.post(f"/api/v1/devices/{number}/tags/import", **file),
        await engineer.post(f"/api/v1/spokes/{spoke_id}/devices", json={"name": "D"} | connection),
        await engineer.post(f"/api/v1/spokes/{spoke_id}/test", json={"name": "D"} | connection),
        await engineer.put("/api/v1/devices/1", json={"name": "Tank", "version": 1} | connection),
    ]:
        assert answer.status_code == 422, answer.request.url
        assert "is a function" in answer.json()["error"]["message"]
    drivers = await good(await engineer.get("/api/v1/drivers"))
    assert "function" not in [item["driver"] for item in drivers]


async def test_name_and_switch_change_as_with_any_device(engineer, plant):
    _, device = plant
    url = f"/api/v1/devices/{device['id']}"
    fields = ("connection", "groups", "steps", "description", "enabled", "name")
    config = {key: device[key] for key in fields} | {"version": device["version"]}
    off = await good(await engineer.put(url, json=config | {"enabled": False, "name": "Off"}))
    assert (off["name"], off["enabled"]) == ("Off", False)
    other = config | {"version": 2, "connection": device["connection"] | {"lateness_ms": 1}}
    assert paths(await engineer.put(url, json=other)) == ["connection"]


@pytest.mark.parametrize(
    ("step", "places"),
    [
        ({"function": "clamp", "tags": ["l*"], "parameters": {"low": 0, "high": 1}}, []),
        ({"function": "clamp", "tags": ["l*"], "parameters": {"low": "x"}}, ["parameters.low"]),
        ({"function": "clamp", "tags": ["nothing*"], "parameters": {"low": 0}}, ["tags"]),
        ({"function": "clamp", "tags": ["recipe"], "parameters": {"low": 0}}, ["tags"]),
        ({"function": "volume", "tags": ["*"]}, ["function"]),
    ],
)
async def test_steps_are_built_ins_that_fit(engineer, spoke_id, step, places):
    body = {
        "name": "Stepped",
        "connection": {"driver": "sim"},
        "steps": [step],
        "tags": [
            {"name": "level", "address": "wave", "data_type": "float32"},
            {"name": "recipe", "address": "state", "data_type": "string"},
        ],
    }
    answer = await engineer.post(f"/api/v1/spokes/{spoke_id}/devices", json=body)
    if not places:
        device = await good(answer, 201)
        change = {key: body[key] for key in ("name", "connection")} | {"version": 1}
        wrong = await engineer.put(
            f"/api/v1/devices/{device['id']}", json=change | {"steps": [step | {"tags": ["zz"]}]}
        )
        assert paths(wrong) == ["steps.0.tags"]
        return
    assert paths(answer) == [f"steps.0.{place}" for place in places]
