"""Policies, messages and logins of OPC UA, and that a password never goes in clear."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua

from schemas.config.opcua import OpcUaLogin, OpcUaMessages, OpcUaSecurity
from schemas.errors import CertificateError, ConfigError, RefusedError
from schemas.kinds import DataType
from schemas.quality import Quality
from spoke.drivers.opcua.certificates import grouped, identity
from spoke.drivers.opcua.simulator import OpcUaSimulator
from spoke.drivers.opcua.simulator_security import ServerSecurity
from tests.fixtures.context import driver_context

from .opcua_client import SPARE, connected, device, signals
from .opcua_line import line_to
from .opcua_node import Foreign, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

TAGS = [(SPARE[3], DataType.INT32)]
READ = {1: (3, Quality.GOOD)}
USER, PASSWORD = "reader-of-line-7", "Sesam-öffne-dich-47"
POLICIES = [item for item in OpcUaSecurity if item is not OpcUaSecurity.NONE]
CHANNELS = list(itertools.product(POLICIES, OpcUaMessages))
LOGIN = {"login": OpcUaLogin.PASSWORD, "username": USER, "password": PASSWORD}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulator() -> AsyncIterator[OpcUaSimulator]:
    async with secured(ServerSecurity({USER: PASSWORD})) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plain() -> AsyncIterator[OpcUaSimulator]:
    """Without a certificate, as asyncua's server is at first, it asks for the plain password."""
    async with secured(None) as made:
        yield made


@contextlib.asynccontextmanager
async def secured(security: ServerSecurity | None) -> AsyncIterator[OpcUaSimulator]:
    made = OpcUaSimulator(signals(), security=security)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


def security_of(simulator: OpcUaSimulator) -> ServerSecurity:
    assert simulator.security is not None
    return simulator.security


def settings(simulator: OpcUaSimulator, **more: Any) -> dict[str, Any]:
    trusted = (security_of(simulator).certificate.fingerprint,)
    return {"security": OpcUaSecurity.BASIC256SHA256, "trusted": trusted, **more}


@pytest.mark.parametrize(("policy", "messages"), CHANNELS)
async def test_every_policy_signed_and_encrypted_with_a_password(
    simulator: OpcUaSimulator, policy: OpcUaSecurity, messages: OpcUaMessages
) -> None:
    """The password, what is read, and what the policy should hide, seen on the wire."""
    security = security_of(simulator)
    security.logins.clear()
    wanted = settings(simulator, security=policy, messages=messages, **LOGIN)
    async with line_to(simulator.port) as line:
        async with connected(device(line.endpoint, TAGS, **wanted)) as found:
            assert await found.read() == READ
            await found.subscribe()
            await found.watch_until(lambda: bool(found.values))
            channel = found.driver._session._client.security_policy
        assert security.logins == [f"{USER}:{PASSWORD}"]
        assert channel.URI.endswith(f"#{policy}")
        assert channel.Mode == ua.MessageSecurityMode[messages]
        assert PASSWORD.encode() not in line.sent
        signed = messages is OpcUaMessages.SIGN
        assert (USER.encode() in line.sent) is signed
        assert (b"Spare3" in line.sent) is signed


async def test_the_secured_channel_is_renewed_while_values_flow(simulator: OpcUaSimulator) -> None:
    tags = [("ns=2;s=Wave", DataType.FLOAT32)]
    async with connected(device(simulator.endpoint, tags, **settings(simulator))) as found:
        await found.subscribe()
        await found.watch_until(lambda: bool(found.values))
        session = found.driver._session
        token = session._client.uaclient.protocol._connection.security_token.TokenId
        session._renew_at_s = 0.0
        count = len(found.values[1])
        await found.watch_until(lambda: len(found.values[1]) > count + 3)
        assert session._client.uaclient.protocol._connection.security_token.TokenId != token


async def test_a_password_without_security_is_encrypted_for_the_trusted_server(
    simulator: OpcUaSimulator,
) -> None:
    wanted = settings(simulator, security=OpcUaSecurity.NONE, **LOGIN)
    async with line_to(simulator.port) as line:
        async with connected(device(line.endpoint, TAGS, **wanted)) as found:
            assert await found.read() == READ
        assert USER.encode() in line.sent
        assert PASSWORD.encode() not in line.sent


async def test_a_password_without_security_is_not_sent_to_a_server_that_is_not_trusted(
    simulator: OpcUaSimulator,
) -> None:
    """Who stands in between could have put a certificate of his own there."""
    security = security_of(simulator)
    security.logins.clear()
    wanted = settings(simulator, security=OpcUaSecurity.NONE, **LOGIN) | {"trusted": ()}
    async with line_to(simulator.port) as line:
        with pytest.raises(CertificateError, match="not trusted yet"):
            async with connected(device(line.endpoint, TAGS, **wanted)):
                pass
        assert USER.encode() not in line.sent
    assert security.logins == []


async def test_a_password_never_goes_in_clear(plain: OpcUaSimulator) -> None:
    async with line_to(plain.port) as line:
        wanted = {"security": OpcUaSecurity.NONE, **LOGIN}
        with pytest.raises(ConfigError, match="clear text") as caught:
            async with connected(device(line.endpoint, TAGS, **wanted)):
                pass
        assert "SignAndEncrypt" in caught.value.hint
        assert line.sent
        assert PASSWORD.encode() not in line.sent
        assert USER.encode() not in line.sent


async def test_a_wrong_password_says_so_and_hides_it(simulator: OpcUaSimulator) -> None:
    security = security_of(simulator)
    wanted = settings(simulator, **LOGIN) | {"password": "guess"}
    with pytest.raises(RefusedError, match="refused the login") as caught:
        async with connected(device(simulator.endpoint, TAGS, **wanted)):
            pass
    security.unlock(USER)
    assert "password" in caught.value.hint
    assert "lock" in caught.value.hint
    assert "guess" not in str(caught.value.as_dict())


async def test_the_gateways_certificate_as_a_user() -> None:
    security = ServerSecurity(anonymous=False)
    own = identity(driver_context().folder)
    async with secured(security) as simulator:
        for policy in POLICIES:
            wanted = settings(simulator, security=policy, login=OpcUaLogin.CERTIFICATE)
            security.trusted_users.clear()
            with pytest.raises(RefusedError, match="certificate as a user") as caught:
                async with connected(device(simulator.endpoint, TAGS, **wanted)):
                    pass
            assert grouped(own.about.fingerprint) in caught.value.hint
            security.trusted_users.add(own.about.fingerprint)
            async with connected(device(simulator.endpoint, TAGS, **wanted)) as found:
                assert await found.read() == READ
        assert security.logins == [own.about.fingerprint] * len(POLICIES)
        with pytest.raises(RefusedError, match="no login by anonymous") as refused:
            async with connected(device(simulator.endpoint, TAGS, **settings(simulator))):
                pass
        assert "password, certificate" in refused.value.hint


async def test_a_policy_that_the_server_has_not(plain: OpcUaSimulator) -> None:
    wanted = device(plain.endpoint, TAGS, security=OpcUaSecurity.AES256_SHA256_RSAPSS)
    with pytest.raises(RefusedError, match="does not offer Aes256_Sha256_RsaPss with") as why:
        async with connected(wanted):
            pass
    assert "It offers: None None." in why.value.hint


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def foreign(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Foreign]:
    async with running("space.js", tmp_path_factory.mktemp("node-opcua")) as made:
        yield made


@pytest.mark.foreign
async def test_foreign_trust_in_both_directions_with_every_policy_and_login(
    foreign: Foreign, tmp_path: Path
) -> None:
    tags = [("ns=1;s=Filler.Setpoint", DataType.INT16)]
    context = driver_context(folder=tmp_path)
    own = identity(tmp_path).about.fingerprint
    wanted: dict[str, Any] = {"security": OpcUaSecurity.BASIC256SHA256}

    async def read() -> None:
        made = device(foreign.endpoint, tags, **wanted)
        async with connected(made, context) as found:
            assert await found.read() == {1: (7, Quality.GOOD)}

    with pytest.raises(CertificateError, match="not trusted yet") as caught:
        await read()
    assert "made out for" in caught.value.message  # it calls itself plc-7.invalid
    fingerprint = caught.value.message.split("SHA-256 fingerprint ")[1].split(",")[0]
    wanted["trusted"] = (fingerprint.replace(" ", ""),)
    with pytest.raises(RefusedError, match="refused this gateway's certificate") as refused:
        await read()
    assert grouped(own) in refused.value.hint
    assert "rejected" in refused.value.hint
    await foreign.tell("trust")
    await read()
    for policy, messages in CHANNELS:
        wanted |= {"security": policy, "messages": messages, "login": OpcUaLogin.ANONYMOUS}
        await read()
        wanted |= {"login": OpcUaLogin.PASSWORD, "username": "spindle", "password": "right"}
        await read()
        wanted |= {"password": "guess"}
        with pytest.raises(RefusedError, match="login"):
            await read()
    wanted |= {"security": OpcUaSecurity.NONE, "password": "right"}
    await read()
    wanted |= {"security": OpcUaSecurity.BASIC256SHA256, "login": OpcUaLogin.CERTIFICATE}
    with pytest.raises(RefusedError, match="certificate as a user"):
        await read()
    await foreign.tell("trust-user")
    await read()
