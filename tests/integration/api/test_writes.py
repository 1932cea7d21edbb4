"""Writing to a device: checked, audited before and after, tried once, over a real nats-server."""

from __future__ import annotations

import asyncio

import pytest

from hub.fleet import commands, writing
from schemas.config.devices import TagConfig
from schemas.errors import DeviceError, UnreachableError, WriteRefusedError
from schemas.messages.writes import (
    MAX_WRITES,
    OperateReply,
    SelectReply,
    WriteResult,
    WriteState,
)
from tests.integration.api.gateway import connected
from tests.servers import eventually

MODBUS = {"driver": "modbus", "host": "10.0.0.5"}
TAGS = [
    {"name": "setpoint", "address": "HR:0", "access": "rw", "write_low": 0, "write_high": 100},
    {"name": "start", "address": "CO:0", "data_type": "bool", "access": "rw"},
    {"name": "count", "address": "HR:4", "data_type": "int16", "access": "rw"},
    {"name": "actual", "address": "HR:8"},
]
PATH = "/api/v1/devices/1"


@pytest.fixture
async def gateway(hub, tmp_path, admin):
    async with connected(hub, tmp_path) as found:
        await found.say()
        found.answers["select"] = lambda _: SelectReply("ticket")
        found.answers["operate"] = operate
        yield found


def operate(_):
    return OperateReply((WriteResult(1, WriteState.VERIFIED, 42.5),), took_ms=7.0)


@pytest.fixture
async def device(gateway, engineer, spoke_id):
    body = {"name": "Filler", "connection": MODBUS, "tags": TAGS}
    answer = await engineer.post(f"/api/v1/spokes/{spoke_id}/devices", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["id"] == 1
    return answer.json()


async def write(client, **values):
    return await client.post(f"{PATH}/write", json={"values": values.get("all", {"1": 42.5})})


async def written(hub):
    """(action, detail) of the audit lines about writes, oldest first."""
    rows = [row for row in await hub.store.audits() if row.action.startswith("device.writ")]
    return [(row.action, row.detail) for row in reversed(rows)]


async def test_a_write_by_an_operator(hub, gateway, device, operator, viewer):
    seen = []

    async def select(request):
        seen.extend(await written(hub))
        return SelectReply("the ticket")

    gateway.answers["select"] = select
    answer = await write(operator)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "results": [{"tag_id": 1, "state": "verified", "read_back": 42.5, "error": None}]
    }
    assert gateway.verbs() == ["select", "operate"]
    (_, selected), (_, operated) = gateway.asked
    assert [(item.tag_id, item.value) for item in selected.values] == [(1, 42.5)]
    assert (operated.device_id, operated.ticket) == (1, "the ticket")

    assert [action for action, _ in seen] == ["device.write"], "audited before anything is sent"
    (_, before), (action, after) = await written(hub)
    assert before["values"] == [{"tag": 1, "value": 42.5}]
    assert action == "device.written"
    assert after["write"] == before["write"]
    result = {"tag": 1, "state": "verified", "read_back": 42.5, "error": None}
    assert (after["results"], after["took_ms"]) == ([result], 7.0)
    rows = [row for row in await hub.store.audits() if row.action.startswith("device.writ")]
    assert {(row.who, row.target) for row in rows} == {("some-operator", "line-1/Filler")}

    assert (await write(viewer)).status_code == 403
    assert len(gateway.asked) == 2
    again = await write(operator)  # two calls are two writes
    assert again.status_code == 200
    assert gateway.verbs() == ["select", "operate"] * 2


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, 10**38])
async def test_an_integer_that_no_message_holds_goes_to_a_float_as_one(
    hub, gateway, device, operator, value
):
    body = {"name": "wide", "address": "HR:12", "data_type": "float64", "access": "rw"}
    made = await hub.fleet.create_tags(
        (await hub.access.users())[0], 1, [TagConfig.model_validate(body)]
    )
    answer = await write(operator, all={str(made[0].id): value})
    assert answer.status_code == 200, answer.text
    (_, selected), _ = gateway.asked
    assert selected.values[0].value == float(value)


@pytest.mark.parametrize(
    ("values", "paths"),
    [
        ({"4": 1.0}, ["values.4"]),
        ({"1": 100.5, "2": 1, "3": 1.5}, ["values.1", "values.2", "values.3"]),
        ({"1": True}, ["values.1"]),
        ({"1": "7"}, ["values.1"]),
        ({"99": 1.0, "1": 5}, ["values.99"]),
        ({str(2**40): 1.0, "-1": 5}, [f"values.{2**40}", "values.-1"]),
        ({"3": 10**400}, ["values.3"]),
        ({"1": None}, ["values.1"]),
        ({"x": 1}, ["values.x.[key]"]),
        ({}, ["values"]),
        ({str(n): 1 for n in range(1, MAX_WRITES + 2)}, ["values"]),
    ],
)
async def test_what_is_wrong_is_said_before_anything_is_sent(
    hub, gateway, device, operator, values, paths
):
    answer = await write(operator, all=values)
    assert answer.status_code == 422
    assert [item["path"] for item in answer.json()["problems"]] == paths
    assert all(item["hint"] for item in answer.json()["problems"])
    assert gateway.asked == []
    assert await written(hub) == []


async def test_the_gateway_has_the_last_word(hub, gateway, device, operator):
    problem = WriteRefusedError("count does not fit.", path="values.1").as_dict()
    gateway.answers["select"] = lambda _: SelectReply(problems=(problem,))
    refused = await write(operator, all={"1": 1.0, "3": 70})
    assert refused.status_code == 422
    assert [item["path"] for item in refused.json()["problems"]] == ["values.3"]
    gateway.answers["select"] = lambda _: SelectReply(error=UnreachableError("No link.").as_dict())
    assert (await write(operator)).status_code == 502
    gateway.answers["select"] = lambda _: SelectReply()
    assert (await write(operator)).status_code == 409
    assert gateway.verbs() == ["select"] * 3
    after = [detail for action, detail in await written(hub) if action == "device.written"]
    assert [item["error"] for item in after][:2] == ["count does not fit.", "No link."]
    assert [item["results"] for item in after] == [[], [], []]


async def test_a_ticket_that_came_too_late_is_refused_for_all(hub, gateway, device, operator):
    late = WriteRefusedError("Too late.").as_dict()
    gateway.answers["operate"] = lambda _: OperateReply(error=late)
    found = (await write(operator, all={"1": 1, "2": False})).json()["results"]
    assert [(item["tag_id"], item["state"]) for item in found] == [(1, "refused"), (2, "refused")]
    assert found[0]["error"]["message"] == "Too late."
    defect = DeviceError("The driver failed: TypeError").as_dict()
    gateway.answers["operate"] = lambda _: OperateReply(error=defect)
    found = (await write(operator)).json()["results"]
    assert found[0]["state"] == "unknown", "nobody knows how far it came"


async def test_silence_after_operate_is_unknown_and_never_repeated(
    hub, gateway, device, operator, monkeypatch
):
    monkeypatch.setattr(commands, "_OPERATE_S", 0.2)
    del gateway.answers["operate"]
    answer = await write(operator, all={"1": 1, "2": True})
    assert answer.status_code == 200
    found = answer.json()["results"]
    assert [item["state"] for item in found] == ["unknown", "unknown"]
    assert "may have been written or not" in found[0]["error"]["message"]
    assert gateway.verbs() == ["select", "operate"]
    (_, _), (_, after) = await written(hub)
    assert [item["state"] for item in after["results"]] == ["unknown", "unknown"]


async def test_what_a_gateway_leaves_out_or_makes_up(hub, gateway, device, operator):
    results = (
        WriteResult(3, WriteState.WRITTEN, float("nan"), {"message": "a\0b"}),
        WriteResult(77, WriteState.VERIFIED, 1.0),
    )
    gateway.answers["operate"] = lambda _: OperateReply(results, took_ms=float("inf"))
    found = (await write(operator, all={"1": 1, "3": 2})).json()["results"]
    assert [(item["tag_id"], item["state"]) for item in found] == [(1, "unknown"), (3, "written")]
    assert found[1]["read_back"] is None
    (_, _), (_, after) = await written(hub)
    assert after["results"][1] == {"tag": 3, "state": "written", "read_back": None, "error": "ab"}


async def test_nothing_is_queued_for_a_gateway_that_is_away(hub, gateway, device, operator):
    gateway.presence._newest.clear()
    answer = await write(operator)
    assert answer.status_code == 503
    assert answer.json()["error"]["kind"] == "SpokeOfflineError"
    await gateway.say()
    await gateway.client.flush()
    assert gateway.asked == []
    assert await written(hub) == []


async def test_a_device_that_is_switched_off(hub, gateway, device, engineer, operator):
    body = {"name": "Filler", "connection": MODBUS, "enabled": False, "version": 1}
    assert (await engineer.put(PATH, json=body)).status_code == 200
    answer = await write(operator)
    assert answer.status_code == 409
    assert "switched off" in answer.json()["error"]["message"]
    assert gateway.asked == []
    missing = await operator.post("/api/v1/devices/9/write", json={"values": {"1": 1}})
    assert missing.status_code == 404


async def rename(hub, old, new):
    async with hub.store.database.using() as conn:
        await conn.execute(f"ALTER TABLE {old} RENAME TO {new}")


async def test_without_an_audit_line_nothing_is_written(hub, gateway, device, operator):
    await rename(hub, "audit", "audit_away")
    try:
        answer = await write(operator)
    finally:
        await rename(hub, "audit_away", "audit")
    assert answer.status_code == 503
    assert answer.json()["error"]["kind"] == "StorageError"
    assert gateway.asked == []


async def test_an_outcome_is_told_though_the_audit_log_has_gone(
    hub, gateway, device, operator, caplog
):
    async def operate_and_lose(request):
        await rename(hub, "audit", "audit_away")
        return operate(request)

    gateway.answers["operate"] = operate_and_lose
    try:
        answer = await write(operator)
    finally:
        await rename(hub, "audit_away", "audit")
    assert answer.json()["results"][0]["state"] == "verified"
    (record,) = [item for item in caplog.records if getattr(item, "action", "") == "audit.lost"]
    assert "verified" in record.getMessage()
    assert "some-operator" in record.getMessage()


async def test_one_write_at_a_time_per_device(hub, gateway, device, operator, monkeypatch):
    go, running = asyncio.Event(), []

    async def slow(request):
        running.append(request)
        await go.wait()
        return operate(request)

    gateway.answers["operate"] = slow
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(write(operator))
        await eventually(lambda: running)
        monkeypatch.setattr(writing, "TURN_S", 0.1)
        third = await write(operator)
        assert third.status_code == 409
        assert "still under way" in third.json()["error"]["message"]
        monkeypatch.setattr(writing, "TURN_S", 10.0)
        second = tasks.create_task(write(operator))
        assert gateway.verbs() == ["select", "operate"], "the second one waits"
        go.set()
    assert (first.result().status_code, second.result().status_code) == (200, 200)
    assert gateway.verbs() == ["select", "operate"] * 2
    assert len(await written(hub)) == 4


async def test_the_outcome_is_audited_though_the_browser_has_gone(hub, gateway, device):
    go, running = asyncio.Event(), []

    async def slow(request):
        running.append(request)
        await go.wait()
        return operate(request)

    gateway.answers["operate"] = slow
    who = (await hub.access.users())[0]
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(gateway.remote.write(who, 1, {1: 5.0}))
        await eventually(lambda: running)
        task.cancel()
    assert task.cancelled()
    go.set()

    async def both() -> bool:
        return len(await written(hub)) == 2

    await eventually(both, what="the outcome is in the audit log")
    (_, _), (_, after) = await written(hub)
    assert after["results"][0]["state"] == "verified"
