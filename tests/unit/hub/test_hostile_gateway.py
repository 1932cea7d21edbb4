"""What one gateway sends must not stop the others, nor teach anybody a password."""

from __future__ import annotations

from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from hub.fleet.identity import Identity
from hub.fleet.rpc import Rpc
from hub.fleet.secrets import MASK, unmasked
from hub.ingest.puller import Puller
from schemas.config.devices import DeviceConfig
from schemas.errors import ConfigError, FrameError, SpokeOfflineError, StartError
from schemas.messages.codec import pack, read
from schemas.messages.health import SpokeHealth

HEALTH: dict[str, Any] = {
    "spoke": "line-1", "version": "1", "time_ns": 1, "started_ns": 1, "revision": 1,
}  # fmt: skip
ACK = "$JS.ACK.MIR_line-1_e1.ingest-1.1.7.1.1795237327340223065.0"


@pytest.mark.parametrize("epoch", ["a b", "a.b", "x\r\nPUB a 0\r\n\r\n", "*", "a\n", "e" * 65])
def test_an_epoch_that_cannot_be_in_a_name_is_refused(epoch):
    with pytest.raises(FrameError):
        read(SpokeHealth, pack(HEALTH | {"stream": {"epoch": epoch}}))


@pytest.mark.parametrize("epoch", ["", "f0087883", "e1_A-b"])
def test_epochs_of_our_gateways_pass(epoch):
    assert read(SpokeHealth, pack(HEALTH | {"stream": {"epoch": epoch}})).stream.epoch == epoch


@pytest.mark.parametrize("field", ["time_ns", "started_ns", "revision"])
def test_a_number_beyond_64_bits_is_refused(field):
    assert getattr(read(SpokeHealth, pack(HEALTH | {field: 2**63 - 1})), field) == 2**63 - 1
    with pytest.raises(FrameError):
        read(SpokeHealth, pack(HEALTH | {field: "9" * 60}))


async def test_a_telemetry_message_with_a_header_named_status_is_a_message():
    puller = Puller(Client(), "MIR_line-1_e1")
    message = Msg(Client(), "t.line-1.w0", ACK, b"data", {"Status": "404"})
    await puller._on_message(message)
    assert puller._queue.get_nowait().sequence == 7
    assert not puller._broken


async def test_a_status_of_the_server_still_ends_the_pull():
    puller = Puller(Client(), "MIR_line-1_e1")
    puller._pulling = True
    await puller._on_message(Msg(Client(), "inbox", "", b"", {"Status": "408"}))
    assert puller._queue.get_nowait() is None
    assert not puller._pulling


@pytest.mark.parametrize("answer", [b"", b"nonsense", b"\xff\xfe", b"[" * 100_000])
async def test_nonsense_of_a_gateways_jetstream_is_an_absence(answer, monkeypatch):
    rpc = Rpc(Client())

    async def request(*_: object) -> bytes:
        return answer

    monkeypatch.setattr(rpc, "request", request)
    with pytest.raises(SpokeOfflineError):
        await rpc.jetstream("line-1", "INFO", {})


@pytest.mark.parametrize("change", [{"endpoint": "opc.tcp://evil"}, {"security": "None"}])
def test_the_mask_is_no_password_for_another_place_or_less_protection(change):
    connection = {
        "driver": "opcua", "endpoint": "opc.tcp://plc", "security": "Basic256Sha256",
        "username": "u", "password": "secret",
    }  # fmt: skip
    stored = DeviceConfig(name="D", connection=connection)
    same = DeviceConfig(name="D", connection=connection | {"password": MASK})
    assert unmasked(same, stored) == stored
    moved = DeviceConfig(name="D", connection=connection | {"password": MASK} | change)
    with pytest.raises(ConfigError) as found:
        unmasked(moved, stored)
    assert found.value.path == "connection.password"
    assert "secret" not in str(found.value)


@pytest.mark.parametrize("text", ["", '{"operator": "SO', "[]", '{"operator": "SECRET"}'])
def test_a_damaged_identity_file_is_explained_without_its_seeds(tmp_path, text):
    path = tmp_path / "identity.json"
    path.write_text(text)
    with pytest.raises(StartError) as found:
        Identity.load_or_make(path)
    assert str(path) in found.value.message
    assert "SECRET" not in str(found.value)
    assert path.read_text() == text
