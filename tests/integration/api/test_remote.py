"""Diagnosis, discovery and browsing through the API, over a real nats-server."""

from __future__ import annotations

import pytest

from hub.fleet import commands
from hub.fleet.secrets import MASK
from schemas.errors import CertificateError, NotFoundError, UnreachableError
from schemas.messages.browsing import BrowseReply, Certificate, DiscoverReply, Endpoint, Node
from schemas.messages.codec import pack
from schemas.messages.diagnosis import DiagnoseReply, Exchange, GroupDiagnosis, PlannedRequest
from schemas.messages.health import DeviceHealth
from tests.integration.api.gateway import connected

SECRET = "Tr0ub4dor and three"
OPCUA = {
    "driver": "opcua", "endpoint": "opc.tcp://10.0.0.7:4840", "login": "password", "username": "u",
}  # fmt: skip
NS = 10**9


@pytest.fixture
async def gateway(hub, tmp_path):
    async with connected(hub, tmp_path) as found:
        yield found


@pytest.fixture
async def device(gateway, engineer, spoke_id):
    body = {"name": "Mixer", "connection": OPCUA | {"password": SECRET}}
    answer = await engineer.post(f"/api/v1/spokes/{spoke_id}/devices", json=body)
    assert answer.status_code == 201, answer.text
    return f"/api/v1/devices/{answer.json()['id']}"


async def test_why_is_this_tag_bad(gateway, device, viewer, engineer):
    group = GroupDiagnosis("fast", 100, 2, requests=(PlannedRequest("HR 0 to 3", 2, 8),))
    problem = {"kind": "TagReadError", "message": "Gone.", "hint": "", "path": ""}
    health = DeviceHealth(1, "running", last_good_ns=5 * NS, tag_problems={"7": problem})
    exchange = Exchange(3 * NS, 1.5, "read HR 0", "4 registers", True, "0001", "0002")
    reply = DiagnoseReply(None, 9 * NS, health, (group,), "modbus tcp h:502", True, (exchange,))
    gateway.answers["diagnose"] = lambda _: reply
    away = await viewer.get(f"{device}/diagnosis")
    assert away.status_code == 503
    assert away.json()["error"]["kind"] == "SpokeOfflineError"
    assert gateway.asked == [], "who is offline is not asked"

    await gateway.say()
    found = (await viewer.get(f"{device}/diagnosis")).json()
    assert found["time"] == "1970-01-01T00:00:09.000000Z"
    assert found["health"]["tag_problems"]["7"]["message"] == "Gone."
    assert found["groups"][0]["requests"] == [{"words": "HR 0 to 3", "tags": 2, "bytes": 8}]
    assert found["trace"][0]["time"] == "1970-01-01T00:00:03.000000Z"
    assert (found["link"], found["tracing"]) == ("modbus tcp h:502", True)
    assert gateway.asked[-1][1].trace_s is None
    assert (await engineer.post(f"{device}/trace", json={"seconds": 30})).status_code == 200
    assert gateway.asked[-1][1].trace_s == 30
    assert (await viewer.post(f"{device}/trace", json={"seconds": 30})).status_code == 403
    assert (await engineer.post(f"{device}/trace", json={"seconds": -1})).status_code == 422
    assert len(gateway.asked) == 2
    assert (await viewer.get("/api/v1/devices/99/diagnosis")).status_code == 404


async def test_what_a_gateway_cannot_answer(gateway, device, viewer, monkeypatch):
    await gateway.say()
    error = NotFoundError("This gateway does not run the device (yet).").as_dict()
    gateway.answers["diagnose"] = lambda _: DiagnoseReply(error=error)
    unknown = await viewer.get(f"{device}/diagnosis")
    assert unknown.status_code == 404
    assert unknown.json()["error"]["message"] == error["message"]
    forged = error | {"kind": "LoginError"}
    gateway.answers["diagnose"] = lambda _: DiagnoseReply(error=forged)
    assert (await viewer.get(f"{device}/diagnosis")).status_code == 500, "nobody is logged out"
    for nonsense in (b"", b"\xff", pack({"groups": 5})):
        gateway.answers["diagnose"] = lambda _, nonsense=nonsense: nonsense
        assert (await viewer.get(f"{device}/diagnosis")).status_code == 503
    monkeypatch.setattr(commands, "_DIAGNOSE_S", 0.2)
    del gateway.answers["diagnose"]
    silent = await viewer.get(f"{device}/diagnosis")
    assert silent.status_code == 503
    assert "does not answer" in silent.json()["error"]["message"]


async def test_a_server_is_discovered_without_a_secret(gateway, engineer, viewer, spoke_id):
    await gateway.say()
    own = Certificate("ab" * 32, "CN=line-1", "CN=line-1", NS, 2 * NS, "urn:x", b"\x30\x03abc")
    endpoint = Endpoint("opc.tcp://h", "Basic256Sha256", "Sign", ("anonymous",), own)
    gateway.answers["discover"] = lambda _: DiscoverReply((endpoint,), own)
    path = f"/api/v1/spokes/{spoke_id}/discover"
    for password in (MASK, SECRET):
        found = await engineer.post(path, json={"connection": OPCUA | {"password": password}})
        assert found.status_code == 200, found.text
        assert gateway.asked[-1][1].connection["password"] == ""
    assert found.json()["endpoints"][0]["certificate"]["fingerprint"] == "ab" * 32
    assert found.json()["own"]["not_after"] == "1970-01-01T00:00:02.000000Z"
    assert found.json()["own"]["pem"] == (
        "-----BEGIN CERTIFICATE-----\nMANhYmM=\n-----END CERTIFICATE-----\n"
    )
    error = UnreachableError("No.").as_dict()
    gateway.answers["discover"] = lambda _: DiscoverReply(own=own, error=error)
    refused = await engineer.post(path, json={"connection": OPCUA})
    assert refused.status_code == 200
    assert refused.json()["error"] == error
    assert refused.json()["own"]["fingerprint"] == "ab" * 32
    assert (await viewer.post(path, json={"connection": OPCUA})).status_code == 403
    wrong = await engineer.post(path, json={"connection": {"driver": "opcua", "endpoint": "x"}})
    assert [item["path"] for item in wrong.json()["problems"]] == ["connection.endpoint"]


async def test_browsing_takes_the_stored_secret_to_its_own_gateway_only(
    gateway, device, engineer, admin, spoke_id
):
    await gateway.say()
    node = Node("ns=2;s=A", "A", False, "float32", "Float", True, path="Line/A")
    gateway.answers["browse"] = lambda _: BrowseReply((node,), complete=False)
    path = f"/api/v1/spokes/{spoke_id}/browse"
    device_id = int(device.rpartition("/")[2])
    body = {"connection": OPCUA | {"password": MASK}, "device_id": device_id, "node": "i=85"}
    found = await engineer.post(path, json=body | {"deep": True})
    assert found.status_code == 200, found.text
    assert (found.json()["complete"], found.json()["nodes"][0]["path"]) == (False, "Line/A")
    request = gateway.asked[-1][1]
    assert (request.node, request.deep, request.connection["password"]) == ("i=85", True, SECRET)
    assert SECRET not in found.text

    count = len(gateway.asked)
    other = (await admin.post("/api/v1/spokes", json={"name": "line-2"})).json()["id"]
    stolen = await engineer.post(f"/api/v1/spokes/{other}/browse", json=body)
    assert stolen.status_code == 404
    moved = body | {"connection": body["connection"] | {"endpoint": "opc.tcp://evil:4840"}}
    assert (await engineer.post(path, json=moved)).status_code == 422
    assert len(gateway.asked) == count, "nothing was sent"

    untrusted = CertificateError("Unknown certificate.")
    gateway.answers["browse"] = lambda _: BrowseReply(error=untrusted.as_dict())
    refused = await engineer.post(path, json=body)
    assert (refused.status_code, refused.json()["error"]["kind"]) == (502, "CertificateError")
