"""What an OPC UA server offers, asked for without logging in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlparse

import pytest
import pytest_asyncio

from schemas.config.opcua import OpcUaConfig, OpcUaMessages, OpcUaSecurity
from schemas.errors import DeviceTimeoutError, UnreachableError
from schemas.kinds import DataType
from schemas.messages.browsing import DiscoverReply
from schemas.messages.codec import pack, read
from schemas.quality import Quality
from spoke.drivers.opcua.certificates import identity
from spoke.drivers.opcua.discovery import discover
from spoke.drivers.opcua.simulator import OpcUaSimulator
from spoke.drivers.opcua.simulator_security import ServerSecurity
from tests.fixtures.context import driver_context

from .opcua_client import SPARE, connected, device, signals
from .opcua_line import line_to
from .opcua_node import running

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECURED = {(p, m) for p in OpcUaSecurity if p is not OpcUaSecurity.NONE for m in OpcUaMessages}
ELSEWHERE = "opc.tcp://plc-7.invalid:4840/server"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulator() -> AsyncIterator[OpcUaSimulator]:
    """It names itself by a host name that nobody can look up, and a port that is not its own."""
    security = ServerSecurity({"spindle": "right"})
    made = OpcUaSimulator(signals(), security=security, advertised=ELSEWHERE)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def ask(endpoint: str, folder: Path, timeout_s: float = 3.0) -> DiscoverReply:
    settings = OpcUaConfig(endpoint=endpoint, timeout_s=timeout_s)
    return await discover(settings, driver_context(folder=folder))


async def test_all_that_it_offers(simulator: OpcUaSimulator, tmp_path: Path) -> None:
    reply = await ask(simulator.endpoint, tmp_path)
    assert reply.error is None
    found = {(e.security, e.messages): e for e in reply.endpoints}
    assert set(found) == {*SECURED, ("None", "None")}
    assert all(e.supported for e in reply.endpoints)
    assert simulator.security is not None
    for endpoint in reply.endpoints:
        assert endpoint.certificate == simulator.security.certificate
        certificate = () if endpoint.security == "None" else ("certificate",)
        assert endpoint.logins == ("anonymous", "password", *certificate)
    assert reply.endpoints[0].messages == "SignAndEncrypt"  # the safest first
    assert reply.endpoints[-1].security == "None"


async def test_the_gateways_own_certificate_comes_with_it(
    simulator: OpcUaSimulator, tmp_path: Path
) -> None:
    reply = await ask(simulator.endpoint, tmp_path)
    assert reply.own == identity(tmp_path).about
    assert reply.own is not None
    assert reply.own.der
    assert b"PRIVATE" not in pack(reply)
    assert read(DiscoverReply, pack(reply)) == reply


async def test_a_password_that_would_go_in_clear_is_no_login(tmp_path: Path) -> None:
    plain = OpcUaSimulator(signals()[:1])
    await plain.start()
    try:
        (only,) = (await ask(plain.endpoint, tmp_path)).endpoints
        assert (only.security, only.messages, only.certificate) == ("None", "None", None)
        assert only.logins == ("anonymous",)
    finally:
        await plain.stop()


async def test_the_address_is_the_one_that_was_written(
    simulator: OpcUaSimulator, tmp_path: Path
) -> None:
    """The server's own name leads nowhere; discovering and connecting work all the same."""
    assert simulator.server.endpoint.geturl() == ELSEWHERE
    reply = await ask(simulator.endpoint, tmp_path)
    assert {e.url for e in reply.endpoints} == {f"{simulator.endpoint}/server"}
    assert simulator.security is not None
    picked = reply.endpoints[0]
    wanted = device(
        picked.url,
        [(SPARE[3], DataType.INT32)],
        security=picked.security,
        messages=picked.messages,
        trusted=(simulator.security.certificate.fingerprint,),
    )
    async with connected(wanted) as found:
        assert await found.read() == {1: (3, Quality.GOOD)}


async def test_nothing_listens_and_no_answer(simulator: OpcUaSimulator, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="Nothing listens"):
        await ask("opc.tcp://127.0.0.1:1", tmp_path)
    async with line_to(simulator.port) as line:
        line.cut()
        with pytest.raises(DeviceTimeoutError):
            await ask(line.endpoint, tmp_path, timeout_s=0.3)


@pytest.mark.foreign
async def test_foreign(tmp_path: Path) -> None:
    """It advertises plc-7.invalid."""
    async with running("space.js", tmp_path / "data") as server:
        reply = await ask(server.endpoint, tmp_path)
        found = {(e.security, e.messages): e for e in reply.endpoints}
        assert {*SECURED, ("None", "None")} <= set(found)
        assert {e.url for e in reply.endpoints} == {server.endpoint}
        best = reply.endpoints[0]
        assert best.logins == ("anonymous", "password", "certificate")
        assert best.certificate is not None
        assert best.certificate.application_uri.startswith("urn:")
        assert best.certificate.not_after_ns > best.certificate.not_before_ns
        assert urlparse(best.url).hostname == "127.0.0.1"
