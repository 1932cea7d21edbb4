"""The OPC UA driver when its server restarts, and on an encrypted connection."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from schemas.config.drivers import OpcUaSecurity
from schemas.errors import UnreachableError
from schemas.kinds import DataType
from spoke.drivers.opcua import session
from spoke.drivers.opcua.certificates import identity
from spoke.drivers.opcua.simulator import OpcUaSimulator

from .opcua_client import COUNTER, SPARE, connected, device, signals

TAGS = [(COUNTER, DataType.UINT32), (SPARE[0], DataType.INT32)]


async def test_a_restarted_server_ends_watch_and_takes_a_new_driver() -> None:
    simulator = OpcUaSimulator(signals())
    await simulator.start()
    port = simulator.port
    try:
        async with connected(device(simulator.endpoint, TAGS)) as found:
            await found.subscribe()
            await found.watch_until(lambda: len(found.values) == 2)
            started = time.monotonic()
            await simulator.stop()
            with pytest.raises(UnreachableError):
                await found.watch_until(lambda: False)
            assert time.monotonic() - started < 3.0
        with pytest.raises(UnreachableError, match="Nothing listens"):
            async with connected(device(simulator.endpoint, TAGS)):
                pass
        await simulator.start()
        assert simulator.port == port
        async with connected(device(simulator.endpoint, TAGS)) as found:
            await found.subscribe()
            await found.watch_until(lambda: len(found.values) == 2)
            assert found.values[1][0] in (1, 2)  # it counts from 1 again
            assert found.values[2] == [0]  # what never changes is reported once per connection
    finally:
        await simulator.stop()


async def test_an_encrypted_connection_with_a_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = identity(tmp_path / "spoke"), identity(tmp_path / "server")
    monkeypatch.setattr(session, "identity", lambda: ours)
    seen: list[tuple[Any, Any]] = []

    class Users:
        def get_user(self, server: Any, **login: Any) -> Any:
            seen.append((login["username"], login["password"]))
            return server.isession.user

    async def encrypt(server: Any) -> None:
        server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        await server.load_certificate(theirs.certificate)
        await server.load_private_key(theirs.key)
        server.iserver.user_manager = Users()

    simulator = OpcUaSimulator(signals())
    await simulator.start(prepare=encrypt)
    try:
        wanted = device(
            simulator.endpoint,
            TAGS,
            security=OpcUaSecurity.BASIC256SHA256,
            username="spindle",
            password="right",
        )
        async with connected(wanted) as found:
            await found.subscribe()
            await found.watch_until(lambda: len(found.values.get(1, [])) >= 2)
            assert found.values[2] == [0]
        assert seen == [("spindle", "right")]
    finally:
        await simulator.stop()


def test_the_certificate_is_kept_and_made_new_when_it_is_broken(tmp_path: Path) -> None:
    first = identity(tmp_path)
    content = first.certificate.read_bytes()
    assert first.key.stat().st_mode & 0o077 == 0
    assert identity(tmp_path).certificate.read_bytes() == content
    first.key.write_text("broken")
    assert identity(tmp_path).certificate.read_bytes() != content
