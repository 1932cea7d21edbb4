"""The S7 driver when the connection fails or is cancelled, against its own simulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psutil
import pytest

from schemas.config.devices import ManifestDevice, ManifestTag
from schemas.config.drivers import S7Config
from schemas.errors import (
    DeviceError,
    DeviceTimeoutError,
    ProtocolError,
    RefusedError,
    UnreachableError,
)
from schemas.kinds import DataType
from spoke.drivers.base import layouts
from spoke.drivers.s7.driver import S7Driver
from spoke.drivers.s7.simulator import S7Simulator
from spoke.drivers.sim.signals import Signal
from tests.fixtures.context import driver_context


@pytest.fixture
async def simulator() -> AsyncIterator[S7Simulator]:
    simulator = S7Simulator([Signal("v", "MW0", DataType.INT16, lambda _t: 5)])
    await simulator.start()
    yield simulator
    await simulator.stop()


class Plant:
    """A driver that reads MW0."""

    def __init__(self, port: int, timeout_s: float = 5.0) -> None:
        settings = S7Config(host="127.0.0.1", port=port, timeout_s=timeout_s)
        tag = ManifestTag(id=1, name="v", address="MW0", data_type=DataType.INT16)
        device = ManifestDevice(id=1, name="cpu", connection=settings, tags=(tag,))
        self.group = layouts(device)[0]
        self.driver = S7Driver(settings, driver_context())

    async def __aenter__(self) -> Plant:
        await self.driver.connect([self.group])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.driver.close()

    async def read(self) -> object:
        return (await self.driver.read(self.group))[0].values[0, 0].item()


@pytest.mark.parametrize(
    ("code", "kind", "message", "hint"),
    [
        (0x8104, RefusedError, "refuses reading", "Permit access with PUT/GET"),
        (0x8404, RefusedError, "refuses reading", "Connection mechanisms"),
        (0xD241, RefusedError, "protected by a password", "Access level"),
        (0xD602, RefusedError, "protected by a password", "Access level"),
        (0x8402, DeviceError, "present mode", "STOP"),
        (0xD081, DeviceError, "present mode", "diagnostics buffer"),
        (0x8302, UnreachableError, "no resources left", "Connection resources"),
        (0x8500, ProtocolError, "Wrong frames", ""),
    ],
)
async def test_a_cpu_that_refuses_everything_says_what_to_do(
    simulator: S7Simulator, code: int, kind: type[DeviceError], message: str, hint: str
) -> None:
    simulator.faults.header_error = code
    async with Plant(simulator.port) as plant:
        with pytest.raises(DeviceError) as caught:
            await plant.read()
    assert type(caught.value) is kind
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("freeze", DeviceTimeoutError),
        ("drop", UnreachableError),
        ("garbage", ProtocolError),
        ("refuse_session", RefusedError),
    ],
)
async def test_a_fault_while_connecting(
    simulator: S7Simulator, fault: str, kind: type[Exception]
) -> None:
    setattr(simulator.faults, fault, True)
    plant = Plant(simulator.port, timeout_s=0.2)
    with pytest.raises(kind):
        await plant.driver.connect([plant.group])
    await plant.driver.close()
    await nobody_connected(simulator)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("freeze", DeviceTimeoutError), ("drop", UnreachableError), ("garbage", ProtocolError)],
)
async def test_a_fault_while_reading(
    simulator: S7Simulator, fault: str, kind: type[Exception]
) -> None:
    async with Plant(simulator.port, timeout_s=0.2) as plant:
        assert await plant.read() == 5
        setattr(simulator.faults, fault, True)
        with pytest.raises(kind):
            await plant.read()
    await nobody_connected(simulator)
    setattr(simulator.faults, fault, False)
    async with Plant(simulator.port) as again:
        assert await again.read() == 5


async def test_a_frozen_device_takes_no_longer_than_the_timeout(simulator: S7Simulator) -> None:
    async with Plant(simulator.port, timeout_s=0.2) as plant:
        simulator.faults.freeze = True
        loop = asyncio.get_running_loop()
        started = loop.time()
        with pytest.raises(DeviceTimeoutError):
            await plant.read()
        assert 0.15 < loop.time() - started < 2


async def test_rack_and_slot_are_asked_for(simulator: S7Simulator) -> None:
    """Kind of connection 1 (PG), then rack x 32 + slot."""
    driver = S7Driver(
        S7Config(host="127.0.0.1", port=simulator.port, rack=3, slot=17), driver_context()
    )
    await driver.connect([])
    await driver.close()
    assert simulator.called_tsap == 0x0100 + 3 * 32 + 17


async def test_nothing_listens() -> None:
    plant = Plant(1)
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1"):
        await plant.driver.connect([plant.group])
    await plant.driver.close()


async def test_a_driver_that_is_not_connected_says_so(simulator: S7Simulator) -> None:
    plant = Plant(simulator.port)
    await plant.driver.close()
    with pytest.raises(UnreachableError, match="not connected"):
        await plant.read()
    async with plant:
        await plant.read()
    await plant.driver.close()
    with pytest.raises(UnreachableError, match="not connected"):
        await plant.read()


# --- cancellation -------------------------------------------------------------------------------


async def nobody_connected(simulator: S7Simulator) -> None:
    async with asyncio.timeout(2):
        while simulator.connections:  # noqa: ASYNC110 - the simulator has no event for this
            await asyncio.sleep(0.001)


def open_sockets() -> int:
    return len(psutil.Process().net_connections("tcp"))


@pytest.mark.parametrize("rounds", range(12))
async def test_cancelled_at_any_await_nothing_stays_open(
    simulator: S7Simulator, rounds: int
) -> None:
    """Cancel after so many rounds of the loop: in connect, in the handshake, in a read."""
    before = open_sockets()
    plant = Plant(simulator.port)

    async def work() -> None:
        await plant.driver.connect([plant.group])
        while True:
            await plant.read()

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work())
        for _ in range(rounds):
            await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
    await plant.driver.close()
    await plant.driver.close()
    await nobody_connected(simulator)
    assert open_sockets() <= before
