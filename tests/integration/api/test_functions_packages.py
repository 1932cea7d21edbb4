"""Packages on their way to gateways, over a real nats-server."""

from __future__ import annotations

import hashlib

import nats
import pytest

from schemas import subjects
from schemas.connection import options
from schemas.errors import FrameError, NotFoundError
from schemas.messages.codec import pack, read
from schemas.messages.functions import ARTIFACT_CHUNK_BYTES, ArtifactReply, ArtifactRequest
from schemas.messages.health import SpokeHealth
from tests.integration.api.plant_functions import good, make_tank, use_of_volume, volume
from tests.servers import NatsServer, free_port


@pytest.fixture
async def clients(tmp_path):
    """(of the hub, of a gateway)."""
    port = free_port()
    server = NatsServer(tmp_path / "nats", f'listen: "127.0.0.1:{port}"', port)
    server.start()
    await server.listening()
    url = f"nats://127.0.0.1:{port}"
    hub = await nats.connect(url, **options("hub", "_INBOX_hub"))
    spoke = await nats.connect(url, **options("spoke", "_INBOX_line-1"))
    yield hub, spoke
    await hub.close()
    await spoke.close()
    server.stop()


@pytest.fixture
async def package(engineer, spoke_id):
    """SHA-256 of a package at work on line-1, of two parts; and the use's id."""
    source = volume() + f"\nTABLE = '{'0123456789abcdef' * 65_000}'\n"
    saved = await good(await engineer.post("/api/v1/functions", json={"source": source}), 201)
    tags = await make_tank(engineer, spoke_id)
    use = await good(
        await engineer.post(f"/api/v1/spokes/{spoke_id}/uses", json=use_of_volume(tags)), 201
    )
    return saved["versions"][0]["package"], use["device"]["id"]


async def ask(client, spoke, sha256, offset=0):
    subject = subjects.hub_rpc(spoke, "artifact")
    answer = await client.request(subject, pack(ArtifactRequest(sha256, offset)), timeout=10)
    return read(ArtifactReply, answer.data)


async def test_a_gateway_gets_its_package_in_parts(hub, admin, clients, package):
    mine, theirs = clients
    sha256, _ = package
    await hub.services.functions.artifacts.answer(mine)
    found, total, parts = b"", 1, 0
    while len(found) < total:
        reply = await ask(theirs, "line-1", sha256, len(found))
        assert reply.error is None
        assert 0 < len(reply.data) <= ARTIFACT_CHUNK_BYTES
        total, found, parts = reply.total, found + reply.data, parts + 1
    assert parts == 2
    assert hashlib.sha256(found).hexdigest() == sha256
    assert (await ask(theirs, "line-1", sha256, total)).data == b""
    await good(await admin.post("/api/v1/spokes", json={"name": "line-2"}), 201)
    for spoke, wanted, offset in [
        ("line-2", sha256, 0),  # a gateway that has no such function
        ("line-9", sha256, 0),
        ("line-1", "0" * 64, 0),
        ("line-1", "'; DROP TABLE spoke; --", 0),
        ("line-1", sha256, total + 1),
        ("line-1", sha256, -1),
        ("line-1", sha256, 2**62),
    ]:
        reply = await ask(theirs, spoke, wanted, offset)
        assert reply.data == b""
        assert reply.error is not None
    answer = await theirs.request(subjects.hub_rpc("line-1", "artifact"), b"\xc1", timeout=10)
    assert read(ArtifactReply, answer.data).error["kind"] == "FrameError"


async def test_what_still_runs_there_is_given_too(hub, engineer, package):
    """The gateway restarts with the manifest on its disk, while a newer one is on its way."""
    sha256, use = package
    artifacts = hub.services.functions.artifacts
    request = ArtifactRequest(sha256)
    revision = (await hub.store.spoke(1)).revision
    await artifacts.part("line-1", request)
    await good(await engineer.delete(f"/api/v1/devices/{use}"), 204)
    with pytest.raises(NotFoundError):
        await artifacts.part("line-1", request)
    hub.spokes.healths["line-1"] = SpokeHealth("line-1", "0.1.0", 2, 1, revision)
    assert (await artifacts.part("line-1", request)).data
    hub.spokes.healths["line-1"] = SpokeHealth("line-1", "0.1.0", 2, 1, revision - 1)
    await good(await engineer.post("/api/v1/spokes/1/devices", json={
        "name": "New revision", "connection": {"driver": "sim"}}), 201)  # fmt: skip
    with pytest.raises(NotFoundError):
        await artifacts.part("line-1", request)


async def test_a_shadows_package_is_given(hub, engineer, package):
    _, use = package
    artifacts = hub.services.functions.artifacts
    saved = await good(
        await engineer.post("/api/v1/functions", json={"source": volume("1.1.0")}), 201
    )
    request = ArtifactRequest(saved["versions"][0]["package"])
    with pytest.raises(NotFoundError):
        await artifacts.part("line-1", request)
    await good(await engineer.post(f"/api/v1/uses/{use}/shadow", json={"version": "1.1.0"}))
    assert (await artifacts.part("line-1", request)).data
    with pytest.raises(FrameError):
        await artifacts.part("line-1", ArtifactRequest(request.sha256, 10**6))
