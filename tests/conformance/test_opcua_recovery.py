"""Faults of an OPC UA connection with the real runner: bad with its reason, and back in time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from schemas.config.opcua import OpcUaLogin, OpcUaSecurity
from schemas.kinds import DataType
from schemas.messages.diagnosis import DiagnoseRequest
from schemas.quality import Quality
from spoke.drivers.opcua.simulator import OpcUaSimulator
from spoke.drivers.opcua.simulator_security import MAX_WRONG

from .opcua_client import COUNTER, SPARE, device
from .opcua_line import PASSWORD, USER, guarded, line_to, plant

pytestmark = pytest.mark.asyncio(loop_scope="module")

TAGS = [(COUNTER, DataType.UINT32), (SPARE[3], DataType.INT32)]
RECOVERED_S = 5.0


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def simulator() -> AsyncIterator[OpcUaSimulator]:
    async with guarded() as made:
        yield made


def secured(simulator: OpcUaSimulator, endpoint: str = "", **more: Any) -> Any:
    assert simulator.security is not None
    return device(
        endpoint or simulator.endpoint,
        TAGS,
        security=OpcUaSecurity.BASIC256SHA256,
        trusted=(simulator.security.certificate.fingerprint,),
        timeout_s=1.0,
        **more,
    )


def report(what: str, seconds: float) -> None:
    print(f"{what}: values again after {seconds:.2f} s")


async def test_a_server_that_restarts(simulator: OpcUaSimulator) -> None:
    async with plant(secured(simulator)) as running:
        await running.good(5)
        await simulator.stop()
        reason = await running.bad(5)
        assert "lost" in reason or "Nothing listens" in reason or "closed" in reason
        assert running.quality[-1] == Quality.BAD_NOT_CONNECTED
        await running.until(lambda: "Nothing listens" in running.error, 6)
        await simulator.start()
        seconds = await running.good(RECOVERED_S)
        assert running.runner.health.connects == 2
    report("server restart", seconds)


async def test_a_server_that_accepts_and_never_answers(simulator: OpcUaSimulator) -> None:
    async with line_to(simulator.port) as line:
        line.cut()
        async with plant(secured(simulator, line.endpoint)) as running:
            reason = await running.bad(5)
            assert "did not answer in time" in reason
            assert running.quality[-1] == Quality.BAD_TIMEOUT
            line.mend()
            seconds = await running.good(RECOVERED_S)
    report("accepts and never answers", seconds)


@pytest.mark.parametrize("mode", ["subscribe", "poll"])
async def test_a_half_open_connection(simulator: OpcUaSimulator, mode: str) -> None:
    async with (
        line_to(simulator.port) as line,
        plant(secured(simulator, line.endpoint, mode=mode)) as running,
    ):
        await running.good(5)
        line.cut()
        reason = await running.bad(8)
        assert "silent" in reason or "in time" in reason
        assert running.quality[-1] == Quality.BAD_TIMEOUT
        line.mend()
        seconds = await running.good(RECOVERED_S)
    report(f"half-open, {mode}", seconds)


async def test_a_wrong_password_until_the_right_one(simulator: OpcUaSimulator) -> None:
    assert simulator.security is not None
    login = {"login": OpcUaLogin.PASSWORD, "username": USER}
    async with plant(secured(simulator, password="guess", **login)) as running:
        reason = await running.bad(5)
        assert "refused the login" in reason
        assert "guess" not in reason
    simulator.security.unlock(USER)
    async with plant(secured(simulator, password=PASSWORD, **login)) as running:
        seconds = await running.good(RECOVERED_S)
    report("password corrected", seconds)


async def test_a_user_that_the_server_has_locked(simulator: OpcUaSimulator) -> None:
    security = simulator.security
    assert security is not None
    security.locked.add(USER)
    login = {"login": OpcUaLogin.PASSWORD, "username": USER, "password": PASSWORD}
    async with plant(secured(simulator, **login)) as running:
        reason = await running.bad(5)
        assert "unlock it on the server" in reason
        security.unlock(USER)
        device_id = running.runner.device.id
        running.runner.diagnose(DiagnoseRequest(device_id, retry=True))  # "Try now" on the page
        seconds = await running.good(RECOVERED_S)
    report("user unlocked", seconds)


async def test_a_wrong_password_locks_the_user(simulator: OpcUaSimulator) -> None:
    """What happens on a real server, so that the hint's warning is no theory."""
    security = simulator.security
    assert security is not None
    login = {"login": OpcUaLogin.PASSWORD, "username": USER, "password": "guess"}
    async with plant(secured(simulator, **login)) as running:
        await running.bad(5)
        assert USER not in security.locked
        health = running.runner.health
        assert health.next_try_ns - health.since_ns > 20e9, "tries in a row would lock it"

        def locked() -> bool:
            running.runner.diagnose(DiagnoseRequest(health.id, retry=True))
            return USER in security.locked

        await running.until(locked, 10)
        assert running.runner.health.state == "waiting"
    security.unlock(USER)
    assert MAX_WRONG == 3
