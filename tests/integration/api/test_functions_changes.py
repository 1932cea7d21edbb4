"""Changes of uses: other versions, back again, shadows, and two people at once."""

from __future__ import annotations

import asyncio

import pytest

from schemas.errors import ConfigErrors
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


async def test_a_new_version_can_be_rolled_back_once(hub, engineer, tags, use):
    number = use["device"]["id"]
    url = f"/api/v1/uses/{number}"
    change = body(tags, version="1.1.0", parameters={"area": 5.0}, device_version=1)
    changed = await good(await engineer.put(url, json=change))
    assert (changed["version"], changed["previous"]) == ("1.1.0", "1.0.0")
    assert changed["trial_until"] is not None
    assert changed["device"]["connection"]["generation"] == 1
    late = await engineer.put(url, json=change | {"parameters": {"area": 1}})
    assert late.status_code == 409, "the device was changed meanwhile"
    back = await good(await engineer.post(f"{url}/roll-back"))
    assert (back["version"], back["previous"], back["trial_until"]) == ("1.0.0", "", None)
    assert back["device"]["connection"]["parameters"] == {"area": 3.0}
    twice = await engineer.post(f"{url}/roll-back")
    assert twice.status_code == 409
    assert (await tags_of(engineer, number)).keys() == {"volume"}
    revisions = await good(await engineer.get("/api/v1/spokes/1/revisions"))
    assert revisions[0]["summary"].endswith("rolled back from 1.1.0 to volume 1.0.0")


async def test_saving_without_a_change_is_no_revision(engineer, tags, use):
    before = await good(await engineer.get("/api/v1/spokes/1"))
    url = f"/api/v1/uses/{use['device']['id']}"
    await good(await engineer.put(url, json=body(tags, device_version=1)))
    assert (await good(await engineer.get("/api/v1/spokes/1")))["revision"] == before["revision"]
    other = await engineer.put(url, json=body(tags, function="scale", device_version=1))
    assert paths(other) == ["function"]


async def test_start_again_and_shadow(hub, engineer, use):
    url = f"/api/v1/uses/{use['device']['id']}"
    again = await good(await engineer.post(f"{url}/start-again"))
    assert again["device"]["connection"]["generation"] == 1
    for wrong in ("1.0.0", "7.0.0"):
        answer = await engineer.post(f"{url}/shadow", json={"version": wrong})
        assert paths(answer) == ["version"]
    shadowed = await good(await engineer.post(f"{url}/shadow", json={"version": "1.1.0"}))
    connection = shadowed["device"]["connection"]
    function = await good(await engineer.get("/api/v1/functions/volume"))
    assert connection["shadow"] == {
        "version": "1.1.0",
        "package": function["versions"][0]["package"],
        "parameters": {"area": 3.0},
    }
    assert shadowed["version"] == "1.0.0"
    revision = (await hub.store.spoke(1)).revision
    await good(await engineer.post(f"{url}/shadow", json={"version": "1.1.0"}))
    assert (await hub.store.spoke(1)).revision == revision, "twice is once"
    ended = await good(await engineer.post(f"{url}/shadow", json={"version": None}))
    assert ended["device"]["connection"]["shadow"] is None


async def test_versions_for_many_uses_are_one_revision(hub, engineer, spoke_id, tags, use):
    path = f"/api/v1/spokes/{spoke_id}/uses"
    twin = await good(await engineer.post(path, json=body(tags, name="Twin")), 201)
    ids = [use["device"]["id"], twin["device"]["id"]]
    who = await hub.access.user(await hub.access.login("admin", hub.admin_password))
    before = (await hub.store.spoke(spoke_id)).revision
    uses = hub.services.functions.deployed
    await uses.set_versions(who, dict.fromkeys(ids, "1.1.0"), "Two at once")
    assert (await hub.store.spoke(spoke_id)).revision == before + 1
    for number in ids:
        found = await uses.use(number)
        assert (found.version, found.previous) == ("1.1.0", "1.0.0")
        assert found.device.config.connection.parameters == {"area": 3.0}
    (newest, *_) = await hub.fleet.revisions(spoke_id)
    assert newest.summary == "Two at once"
    await uses.set_versions(who, dict.fromkeys(ids, "1.1.0"), "Again")
    assert (await hub.store.spoke(spoke_id)).revision == before + 1


async def test_a_refused_rollout_changes_no_use(hub, engineer, spoke_id, tags, use):
    """The second use has a parameter that the new version does not take."""
    path = f"/api/v1/spokes/{spoke_id}/uses"
    wide = body(tags, name="Wide", parameters={"area": 500.0})
    twin = await good(await engineer.post(path, json=wide), 201)
    await save(engineer, volume("1.2.0").replace("gt=0", "gt=0, lt=100"))
    ids = [use["device"]["id"], twin["device"]["id"]]
    who = await hub.access.user(await hub.access.login("admin", hub.admin_password))
    before = (await hub.store.spoke(spoke_id)).revision
    uses = hub.services.functions.deployed
    with pytest.raises(ConfigErrors) as caught:
        await uses.set_versions(who, dict.fromkeys(ids, "1.2.0"), "Both")
    places = [problem.path for problem in caught.value.problems]
    assert places == [f"uses.{ids[1]}.parameters.area"]
    assert (await hub.store.spoke(spoke_id)).revision == before
    assert {(await uses.use(number)).version for number in ids} == {"1.0.0"}


async def test_two_clicks_at_once_are_one(hub, engineer, spoke_id, tags, use):
    url = f"/api/v1/uses/{use['device']['id']}"
    await good(await engineer.put(url, json=body(tags, version="1.1.0", device_version=1)))
    answers = await asyncio.gather(*(engineer.post(f"{url}/roll-back") for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    more = body(tags, name="Twin")
    path = f"/api/v1/spokes/{spoke_id}/uses"
    answers = await asyncio.gather(*(engineer.post(path, json=more) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    source = {"source": volume("1.5.0")}
    answers = await asyncio.gather(
        *(engineer.post("/api/v1/functions", json=source) for _ in range(3))
    )
    assert {answer.status_code for answer in answers} == {201}
    function = await good(await engineer.get("/api/v1/functions/volume"))
    assert [item["number"] for item in function["versions"]] == ["1.5.0", "1.1.0", "1.0.0"]


async def test_a_roll_back_that_cannot_work_says_why(engineer, tags, use):
    """The version before read a tag that is deleted since."""
    url = f"/api/v1/uses/{use['device']['id']}"
    inputs = {"level": [tags["pressure"]]}
    change = body(tags, version="1.1.0", inputs=inputs, device_version=1)
    await good(await engineer.put(url, json=change))
    await good(await engineer.delete(f"/api/v1/tags/{tags['level']}"), 204)
    assert paths(await engineer.post(f"{url}/roll-back")) == ["inputs.level"]
    now = await good(await engineer.get(url))
    assert (now["version"], now["previous"]) == ("1.1.0", "1.0.0")


async def test_a_new_major_version_changes_the_tags(engineer, spoke_id, tags, use):
    """A gone output is a gone tag, but not while another function reads it."""
    number = use["device"]["id"]
    outputs = 'Output("volume", Kind.INT), Output("rest", unit="m3"),'
    major = "from udf import Kind\n" + volume("2.0.0", outputs=outputs)
    await save(engineer, major)
    await save(engineer, mirror())
    old = (await tags_of(engineer, number))["volume"]
    draft = {"name": "Copy", "function": "mirror", "version": "1.0.0"}
    inputs = {"inputs": {"values": [old["id"]]}}
    reader = await good(
        await engineer.post(f"/api/v1/spokes/{spoke_id}/uses", json=draft | inputs), 201
    )
    url = f"/api/v1/uses/{number}"
    change = body(tags, version="2.0.0", device_version=1)
    refused = await engineer.put(url, json=change)
    assert refused.status_code == 409
    assert "Copy needs the tag Tank volume/volume" in refused.json()["error"]["message"]
    await good(await engineer.delete(f"/api/v1/devices/{reader['device']['id']}"), 204)
    await good(await engineer.put(url, json=change))
    made = await tags_of(engineer, number)
    assert {place: tag["data_type"] for place, tag in made.items()} == {
        "volume": "int64",
        "rest": "float64",
    }
    assert made["volume"]["id"] != old["id"], "a tag's type never changes"
    assert made["volume"]["name"] == "volume"
