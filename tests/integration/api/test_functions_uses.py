"""Uses: functions at work on a gateway, as devices with calculated tags."""

from __future__ import annotations

import pytest

from schemas.config.devices import Manifest
from schemas.messages.health import FunctionHealth, SpokeHealth
from tests.integration.api.plant_functions import (
    good,
    make_tank,
    mirror,
    paths,
    save,
    tags_of,
    volume,
)
from tests.integration.api.plant_functions import use_of_volume as body


@pytest.fixture
async def tags(engineer, spoke_id):
    return await make_tank(engineer, spoke_id)


@pytest.fixture
async def use(engineer, spoke_id, tags):
    """Version 1.0.0 of `volume` at work; 1.1.0 is there, too."""
    await save(engineer, volume())
    await save(engineer, volume("1.1.0"))
    path = f"/api/v1/spokes/{spoke_id}/uses"
    return await good(await engineer.post(path, json=body(tags)), 201)


async def manifest(hub, spoke="line-1"):
    found = await hub.fleet.manifest(spoke, 0)
    return Manifest.model_validate(found)


async def test_a_use_is_a_device_with_calculated_tags(hub, engineer, spoke_id, tags, use):
    assert (use["function"], use["version"], use["previous"]) == ("volume", "1.0.0", "")
    assert use["trial_until"] is None
    made = await tags_of(engineer, use["device"]["id"])
    assert list(made) == ["volume"]
    tag = made["volume"]
    assert (tag["name"], tag["unit"], tag["data_type"]) == ("volume", "m3", "float64")
    runs = next(item for item in (await manifest(hub)).devices if item.name == "Tank volume")
    connection = runs.connection
    function = await good(await engineer.get("/api/v1/functions/volume"))
    assert connection.package == function["versions"][1]["package"]
    assert connection.parameters == {"area": 3.0}
    assert connection.inputs == {"level": (tags["level"],)}
    assert [item.id for item in runs.tags] == [tag["id"]]
    revisions = await good(await engineer.get(f"/api/v1/spokes/{spoke_id}/revisions"))
    assert revisions[0]["summary"] == "Function Tank volume added: volume 1.0.0"
    assert revisions[0]["author"] == "some-engineer"
    listed = await good(await engineer.get("/api/v1/uses", params={"function": "volume"}))
    assert [item["device"]["id"] for item in listed] == [use["device"]["id"]]
    assert await good(await engineer.get("/api/v1/uses", params={"function": "scale"})) == []


async def test_a_built_in_makes_a_tag_for_each_tag_of_its_input(engineer, spoke_id, tags):
    draft = {"name": "Smooth", "function": "moving_average", "parameters": {"rows": 5}}
    spec = (await good(await engineer.get("/api/v1/functions/moving_average")))["versions"][0]
    (port,) = spec["spec"]["inputs"]
    (output,) = spec["spec"]["outputs"]
    draft["inputs"] = {port["name"]: [tags["level"], tags["pressure"]]}
    places = {name: f"{output['name']}:{tags[name]}" for name in tags}
    draft["names"] = {places["level"]: "Smooth level"}
    path = f"/api/v1/spokes/{spoke_id}/uses"
    use = await good(await engineer.post(path, json=draft), 201)
    assert use["version"] == ""
    number = use["device"]["id"]
    first = await tags_of(engineer, number)
    assert {place: (tag["name"], tag["unit"]) for place, tag in first.items()} == {
        places["level"]: ("Smooth level", "m"),
        places["pressure"]: ("pressure", "bar"),
    }
    draft["inputs"] = {port["name"]: [tags["pressure"], tags["count"]]}
    change = draft | {"names": {}, "device_version": 1}
    await good(await engineer.put(f"/api/v1/uses/{number}", json=change))
    second = await tags_of(engineer, number)
    assert set(second) == {places["pressure"], places["count"]}
    assert second[places["pressure"]]["id"] == first[places["pressure"]]["id"], "the id stays"
    assert second[places["count"]]["name"] == "count"
    swapped = {places["pressure"]: "count", places["count"]: "pressure"}
    change = draft | {"names": swapped, "device_version": 2}
    await good(await engineer.put(f"/api/v1/uses/{number}", json=change))
    third = await tags_of(engineer, number)
    assert {tag["id"]: tag["name"] for tag in third.values()} == {
        second[places["pressure"]]["id"]: "count",
        second[places["count"]]["id"]: "pressure",
    }


@pytest.mark.parametrize(
    ("change", "places"),
    [
        ({"inputs": {}}, ["inputs.level"]),
        ({"inputs": {"level": ["recipe"]}}, ["inputs.level"]),
        ({"inputs": {"level": ["quick"]}}, ["inputs.level"]),
        ({"inputs": {"level": ["level", "pressure"]}}, ["inputs.level"]),
        ({"inputs": {"level": [999]}}, ["inputs.level"]),
        ({"inputs": {"level": ["level"], "rate": ["level"]}}, ["inputs.rate"]),
        ({"writes": {"out": "setpoint"}}, ["writes.out"]),
        ({"parameters": {"area": -1}}, ["parameters.area"]),
        ({"parameters": {"area": "x", "more": 1}}, ["parameters.area", "parameters.more"]),
        ({"version": ""}, ["version"]),
        ({"version": "9.0.0"}, ["version"]),
        ({"function": "nothing"}, ["function"]),
        ({"names": {"volume": "a\u0007"}}, ["names.volume"]),
        ({"names": {"other": "A"}}, ["names.other"]),
        ({"limits": {"memory_mb": 1}}, ["limits.memory_mb"]),
        ({"name": " "}, ["name"]),
    ],
)
async def test_a_wrong_use_is_refused(engineer, spoke_id, tags, change, places):
    await save(engineer, volume())
    if "inputs" in change:
        known = {**tags, 999: 999}
        change = {"inputs": {k: [known[t] for t in ids] for k, ids in change["inputs"].items()}}
    if "writes" in change:
        change = {"writes": {name: tags[tag] for name, tag in change["writes"].items()}}
    answer = await engineer.post(f"/api/v1/spokes/{spoke_id}/uses", json=body(tags, **change))
    assert paths(answer) == places
    assert len(await good(await engineer.get("/api/v1/devices"))) == 1, "nothing was written"


async def test_parameters_of_a_built_in_have_paths_too(engineer, spoke_id, tags):
    draft = {
        "name": "Low",
        "function": "clamp",
        "inputs": {"values": [tags["level"]]},
        "parameters": {"nonsense": 1},
    }
    answer = await engineer.post(f"/api/v1/spokes/{spoke_id}/uses", json=draft)
    assert "parameters.nonsense" in paths(answer)


async def test_tags_of_another_gateway_are_no_inputs(admin, engineer, tags):
    await save(engineer, volume())
    other = await good(await admin.post("/api/v1/spokes", json={"name": "line-2"}), 201)
    answer = await engineer.post(f"/api/v1/spokes/{other['id']}/uses", json=body(tags))
    assert paths(answer) == ["inputs.level"]


async def test_a_circle_is_refused(engineer, spoke_id, tags):
    await save(engineer, mirror())
    path = f"/api/v1/spokes/{spoke_id}/uses"
    draft = {"function": "mirror", "version": "1.0.0"}
    ids, made = [], tags["level"]
    for name in ("A", "B", "C"):
        use = await good(
            await engineer.post(path, json=draft | {"name": name, "inputs": {"values": [made]}}),
            201,
        )
        ids.append(use["device"]["id"])
        (tag,) = (await tags_of(engineer, ids[-1])).values()
        made = tag["id"]
    change = draft | {"name": "A", "device_version": 1}
    for own in (made, next(iter((await tags_of(engineer, ids[0])).values()))["id"]):
        inputs = {"values": [tags["level"], own]}
        answer = await engineer.put(f"/api/v1/uses/{ids[0]}", json=change | {"inputs": inputs})
        assert paths(answer) == ["inputs.values"]


async def test_health_is_the_gateways(hub, engineer, use):
    number = use["device"]["id"]
    health = FunctionHealth(number, "running", "1.0.0", values_out=7, cpu_s=0.5)
    hub.spokes.healths["line-1"] = SpokeHealth("line-1", "0.1.0", 2, 1, 1, functions=(health,))
    found = await good(await engineer.get(f"/api/v1/uses/{number}"))
    assert found["online"] is True
    assert (found["health"]["state"], found["health"]["values_out"]) == ("running", 7)
    seen = await good(await engineer.get(f"/api/v1/uses/{number}/look", params={"log_after": 5}))
    assert seen["log"] == [{"number": 1, "message": "hello"}]
    (asked,) = hub.spokes.looks
    assert (asked.function_id, asked.log_after) == (number, 5)
    del hub.spokes.healths["line-1"]
    assert (await engineer.get(f"/api/v1/uses/{number}/look")).status_code == 503
    assert (await engineer.get("/api/v1/uses/1")).status_code == 404, "a device is no use"
