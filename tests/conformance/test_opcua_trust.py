"""Trust between gateway and OPC UA server, in both directions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from schemas.config.devices import ManifestDevice
from schemas.config.opcua import OpcUaLogin, OpcUaSecurity
from schemas.errors import CertificateError, DeviceError, RefusedError
from schemas.kinds import DataType
from schemas.quality import Quality
from spoke.drivers.opcua.certificates import grouped, identity
from spoke.drivers.opcua.simulator import OpcUaSimulator
from spoke.drivers.opcua.simulator_security import ServerSecurity
from tests.fixtures.context import driver_context

from .opcua_client import COUNTER, SPARE, connected, device
from .opcua_line import PASSWORD, USER, guarded, line_to, plant

pytestmark = pytest.mark.asyncio(loop_scope="module")

TAGS = [(COUNTER, DataType.UINT32), (SPARE[3], DataType.INT32)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[OpcUaSimulator]:
    async with guarded() as made:
        yield made


@pytest.fixture
def simulator(server: OpcUaSimulator) -> Iterator[OpcUaSimulator]:
    security = security_of(server)
    before = security.certificate.fingerprint
    security.logins.clear()
    yield server
    security.trusted_clients = None
    if security.certificate.fingerprint != before:
        security.renew()


def security_of(simulator: OpcUaSimulator) -> ServerSecurity:
    assert simulator.security is not None
    return simulator.security


def wanted(simulator: OpcUaSimulator, *trusted: str, endpoint: str = "", **more: Any) -> Any:
    return device(
        endpoint or simulator.endpoint,
        TAGS,
        security=OpcUaSecurity.BASIC256SHA256,
        login=OpcUaLogin.PASSWORD,
        username=USER,
        password=PASSWORD,
        trusted=trusted,
        **more,
    )


async def refused(made: ManifestDevice) -> CertificateError:
    with pytest.raises(CertificateError) as caught:
        async with connected(made):
            pass
    return caught.value


async def test_an_unknown_server_is_shown_and_gets_nothing(simulator: OpcUaSimulator) -> None:
    security = security_of(simulator)
    async with line_to(simulator.port) as line:
        error = await refused(wanted(simulator, endpoint=line.endpoint))
        assert b"#Basic256Sha256" not in line.sent  # the channel was not even opened
        assert USER.encode() not in line.sent
    about = security.certificate
    assert "not trusted yet" in error.message
    assert about.subject in error.message
    assert grouped(about.fingerprint) in error.message
    assert "valid until 20" in error.message
    assert "trust" in error.hint
    assert "device's page" in error.hint
    assert security.logins == []


async def test_what_does_not_fit_is_named(
    simulator: OpcUaSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Note" not in (await refused(wanted(simulator))).message
    security = security_of(simulator)
    security.renew(host="plc-7")
    for offered in simulator.server.iserver.endpoints:
        monkeypatch.setattr(offered.Server, "ApplicationUri", "urn:other")
    message = (await refused(wanted(simulator))).message
    assert "made out for plc-7, not for 127.0.0.1" in message
    assert "but the server is urn:other" in message


async def test_another_name_does_not_matter_once_a_person_has_trusted_it(
    simulator: OpcUaSimulator,
) -> None:
    security = security_of(simulator)
    security.renew(host="plc-7")
    async with connected(wanted(simulator, security.certificate.fingerprint)) as found:
        assert (await found.read())[2] == (3, Quality.GOOD)


@pytest.mark.parametrize(
    ("age", "words"),
    [(timedelta(days=3651), "expired on"), (timedelta(days=-1), "valid only from")],
)
async def test_a_trusted_certificate_that_is_not_valid_now(
    simulator: OpcUaSimulator, age: timedelta, words: str
) -> None:
    security = security_of(simulator)
    security.renew(age)
    error = await refused(wanted(simulator, security.certificate.fingerprint))
    assert words in error.message
    assert "clock" in error.hint
    unknown = (await refused(wanted(simulator))).message
    assert ("expired" in unknown) or ("valid only from" in unknown)
    assert security.logins == []


async def test_a_server_that_only_shows_the_trusted_certificate(simulator: OpcUaSimulator) -> None:
    """It does not have the key: nobody gets as far as the login."""
    security = security_of(simulator)
    right = security.certificate
    security.renew()
    for offered in simulator.server.iserver.endpoints:
        offered.ServerCertificate = right.der
    async with line_to(simulator.port) as line:
        with pytest.raises(DeviceError):
            async with connected(
                wanted(simulator, right.fingerprint, endpoint=line.endpoint, timeout_s=0.5)
            ):
                pass
        assert PASSWORD.encode() not in line.sent
        assert USER.encode() not in line.sent
    assert security.logins == []


async def test_a_server_that_does_not_trust_the_gateway(simulator: OpcUaSimulator) -> None:
    security = security_of(simulator)
    own = identity(driver_context().folder).about.fingerprint
    security.trusted_clients = set()
    made = wanted(simulator, security.certificate.fingerprint)
    with pytest.raises(RefusedError, match="refused this gateway's certificate") as caught:
        async with connected(made):
            pass
    assert grouped(own) in caught.value.hint
    assert "rejected" in caught.value.hint
    assert security.logins == []
    security.trusted_clients.add(own)
    async with connected(made) as found:
        assert (await found.read())[2] == (3, Quality.GOOD)


async def test_a_server_that_hangs_up_on_the_gateways_certificate(
    simulator: OpcUaSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some close the connection without a word."""
    security = security_of(simulator)
    own = identity(driver_context().folder).about.fingerprint

    def hang_up(*_: Any) -> None:
        for client in list(simulator.server.bserver.clients):
            client.transport.abort()

    connection = "asyncua.common.connection.SecureConnection"
    monkeypatch.setattr(f"{connection}.open", hang_up)
    with pytest.raises(DeviceError) as plain:
        async with connected(device(simulator.endpoint, TAGS)):
            pass
    assert grouped(own) not in plain.value.hint
    monkeypatch.undo()

    def hang_up_if_secured(self: Any, params: Any, server: Any) -> Any:
        return hang_up() if self.security_policy.peer_certificate else right(self, params, server)

    from asyncua.common.connection import SecureConnection

    right = SecureConnection.open
    monkeypatch.setattr(SecureConnection, "open", hang_up_if_secured)
    with pytest.raises(DeviceError, match="when the gateway showed its certificate") as caught:
        async with connected(wanted(simulator, security.certificate.fingerprint)):
            pass
    assert grouped(own) in caught.value.hint


async def test_a_renewed_certificate_is_bad_until_it_is_trusted(simulator: OpcUaSimulator) -> None:
    """With the real runner; to trust it is a new configuration, so a new runner."""
    security = security_of(simulator)
    old = security.certificate.fingerprint
    async with plant(wanted(simulator, old)) as running:
        await running.good(5)
        security.renew()
        new = security.certificate.fingerprint
        security.logins.clear()
        for client in list(simulator.server.bserver.clients):
            client.transport.abort()
        await running.until(lambda: "new certificate" in running.error, 10)
        assert "the server has a new certificate" in running.error
        assert grouped(new) in running.error
        assert Quality.GOOD not in running.quality[-len(TAGS) :]
        assert security.logins == []
    async with plant(wanted(simulator, old, new)) as running:
        seconds = await running.good(5)
    print(f"certificate renewed: values {seconds:.2f} s after it was trusted")
