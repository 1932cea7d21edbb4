"""Trials, recorded values, rollouts and events through the API."""

from __future__ import annotations

import numpy as np
import pytest

from hub.storage.telemetry import Stored, TelemetryStore
from schemas.events import Event
from schemas.frames import Batch, Frame
from schemas.messages.health import FunctionHealth, SpokeHealth
from tests.integration.api.plant_functions import good, make_tank, paths, volume

SECOND = 10**9
START = 1_770_000_000 * SECOND  # 2026-02-02T02:40:00Z
SPAN = {"start": "2026-02-02T02:40:00Z", "end": "2026-02-02T02:50:00Z"}
ROWS = 300


@pytest.fixture
async def tags(hub, engineer, spoke_id):
    """Levels of five minutes are stored, and two events of the gateway itself."""
    async with hub.store.database.using() as conn:
        await conn.execute("TRUNCATE block_layout, block_float4, event CASCADE")
    tags = await make_tank(engineer, spoke_id)
    times = START + np.arange(ROWS, dtype=np.int64) * SECOND
    values = np.arange(ROWS, dtype="<f4")[:, np.newaxis]
    frame = Frame(np.array([tags["level"]], dtype=np.int32), times, values)
    events = (
        Event(START, 0, "info", "event", "first"),
        Event(START + SECOND, 0, "error", "fault", "second", {"line": 3}),
    )
    store = TelemetryStore(hub.store.database)
    await store.open_position(spoke_id, "e", START, 1)
    batch = Batch("w0", 1, START, (frame,), events)
    await store.store(spoke_id, "e", 0, [Stored(1, START, batch)])
    return tags


async def save(engineer, source):
    await good(await engineer.post("/api/v1/functions", json={"source": source}), 201)


def body(tags, **more):
    return (
        {
            "function": "volume",
            "version": "1.0.0",
            "parameters": {"area": 3.0},
            "inputs": {"level": [tags["level"]]},
        }
        | SPAN
        | more
    )


async def test_a_saved_version_on_stored_values(engineer, tags):
    await save(engineer, volume())
    trial = await good(await engineer.post("/api/v1/functions/try", json=body(tags)))
    assert (trial["rows"], trial["values"], trial["faults"]) == (ROWS, ROWS, [])
    (before,), (after,) = trial["before"], trial["after"]
    assert (before["port"], before["name"], before["unit"]) == ("level", "level", "m")
    assert (after["port"], after["unit"]) == ("volume", "m3")
    assert after["times"][:2] == ["2026-02-02T02:40:00.000000Z", "2026-02-02T02:40:01.000000Z"]
    assert after["values"] == [3.0 * row for row in range(ROWS)]
    assert set(after["quality"]) == {192}


async def test_an_unsaved_source_with_a_fault(engineer, tags):
    source = volume("9.0.0").replace("* ctx.params.area", "/ ctx.nothing")
    trial = await good(
        await engineer.post("/api/v1/functions/try", json=body(tags, source=source, version=""))
    )
    (fault,) = trial["faults"]
    assert (fault["function"], fault["version"], fault["kind"]) == ("volume", "9.0.0", "exception")
    assert "nothing" in fault["message"]
    assert fault["line"] > 0
    (after,) = trial["after"]
    assert after["values"] == [None]
    functions = await good(await engineer.get("/api/v1/functions"))
    assert "volume" not in [item["name"] for item in functions]


async def test_what_is_wrong_with_a_trial_has_its_place(engineer, tags):
    await save(engineer, volume())

    async def wrong(**more):
        return paths(await engineer.post("/api/v1/functions/try", json=body(tags, **more)))

    assert await wrong(inputs={}) == ["inputs.level"]
    assert await wrong(inputs={"level": [tags["recipe"]]}) == ["inputs.level"]
    assert await wrong(end=SPAN["start"]) == ["range"]
    assert await wrong(version="7.0.0") == ["version"]
    assert await wrong(source="def (") == ["source.1"]
    assert await wrong(start="yesterday") == ["start"]
    answer = await engineer.post("/api/v1/functions/try", json=body(tags, function="nothing"))
    assert answer.status_code in (404, 422)


async def test_recorded_values_are_a_file(engineer, tags):
    await save(engineer, volume())
    answer = await engineer.post("/api/v1/functions/record", json=body(tags))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="volume.csv"' in answer.headers["content-disposition"]
    lines = answer.text.splitlines()
    assert lines[:2] == ["time,level,level.quality", "2026-02-02T02:40:00Z,0.0,192"]
    assert len(lines) == ROWS + 1
    empty = {"start": "2025-01-01T00:00:00Z", "end": "2025-01-02T00:00:00Z"}
    assert paths(await engineer.post("/api/v1/functions/record", json=body(tags, **empty))) == [
        "range"
    ]


@pytest.fixture
async def uses(hub, engineer, spoke_id, tags):
    """Two uses of volume 1.0.0; 1.1.0 is there, too."""
    for version in ("1.0.0", "1.1.0"):
        await save(engineer, volume(version))
    found = []
    for number in (1, 2):
        use = {
            "name": f"Volume {number}",
            "function": "volume",
            "version": "1.0.0",
            "inputs": {"level": [tags["level"]]},
        }
        path = f"/api/v1/spokes/{spoke_id}/uses"
        made = await good(await engineer.post(path, json=use), 201)
        found.append(made["device"]["id"])
    return found


async def versions(client):
    return [use["version"] for use in await good(await client.get("/api/v1/uses"))]


async def test_a_rollout_that_faults_goes_back_and_says_why(hub, engineer, admin, uses):
    path = "/api/v1/functions/volume/rollouts"
    begun = await good(
        await engineer.post(path, json={"version": "1.1.0", "uses": uses, "share": 0.5}), 201
    )
    assert (begun["state"], begun["author"]) == ("canary", "some-engineer")
    assert len(begun["canaries"]) == 1
    assert await versions(engineer) == ["1.1.0", "1.0.0"]
    again = await engineer.post(path, json={"version": "1.1.0", "uses": uses})
    assert again.status_code == 409
    fault = {"version": "1.1.0", "message": "KeyError: 'x'", "kind": "exception", "line": 7}
    health = FunctionHealth(begun["canaries"][0], "running", "1.1.0", fault=fault)
    hub.spokes.healths["line-1"] = SpokeHealth("line-1", "1", 2, 1, 1, functions=(health,))
    await hub.services.functions.rollouts.look()
    (ended,) = await good(await engineer.get(path))
    assert ended["state"] == "rolled-back"
    assert ended["reason"] == "Volume 1 on line-1: line 7: KeyError: 'x' (exception)"
    assert await versions(engineer) == ["1.0.0", "1.0.0"]


async def test_a_rollout_is_cancelled_once(engineer, uses):
    path = "/api/v1/functions/volume/rollouts"
    begun = await good(await engineer.post(path, json={"version": "1.1.0", "uses": uses}), 201)
    cancel = f"/api/v1/rollouts/{begun['id']}/cancel"
    await good(await engineer.post(cancel), 204)
    assert (await engineer.post(cancel)).status_code == 404
    (ended,) = await good(await engineer.get(path))
    assert (ended["state"], ended["reason"]) == ("cancelled", "Cancelled by some-engineer.")
    assert paths(await engineer.post(path, json={"version": "1.1.0", "uses": []})) == ["uses"]
    assert paths(
        await engineer.post(path, json={"version": "1.1.0", "uses": uses, "share": 2})
    ) == ["share"]


async def test_events_newest_first(viewer, spoke_id, tags):
    found = await good(await viewer.get("/api/v1/events"))
    assert [item["message"] for item in found] == ["second", "first"]
    assert found[0]["time"] == "2026-02-02T02:40:01.000000Z"
    assert (found[0]["spoke"], found[0]["detail"]) == ("line-1", {"line": 3})
    assert len(await good(await viewer.get("/api/v1/events", params={"limit": 1}))) == 1
    assert await good(await viewer.get("/api/v1/events", params={"device_id": 1})) == []
    assert (await viewer.get("/api/v1/events", params={"limit": 0})).status_code == 422


async def test_who_may(viewer, operator, tags):
    for client in (viewer, operator):
        for path in (
            "/functions/try", "/functions/record", "/functions/volume/rollouts",
            "/rollouts/1/cancel",
        ):  # fmt: skip
            assert (await client.post(f"/api/v1{path}", json=body(tags))).status_code == 403
    assert (await viewer.get("/api/v1/functions/volume/rollouts")).status_code == 200
