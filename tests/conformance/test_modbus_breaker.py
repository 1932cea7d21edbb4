"""One dead unit of 32 behind a connection: what it costs the others, and how soon it is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from schemas.config.modbus import ModbusTransport
from schemas.frames import Frame
from schemas.quality import Quality
from spoke.clock import SystemClock
from spoke.drivers.base import DriverContext
from spoke.drivers.links import Links
from spoke.drivers.modbus.simulator import ModbusSimulator
from spoke.drivers.modbus.simulator_servers import Session
from spoke.drivers.runner import DeviceRunner
from spoke.drivers.trace import Trace
from tests.fixtures.context import driver_context
from tests.fixtures.modbus import device_of, settings_of, signal

UNITS, DEAD = 32, 7
WINDOW_S = 6.5
ANSWER_S = 0.003


class Watched(ModbusSimulator):
    """Notes which unit was asked when."""

    asked: list[tuple[float, int]]

    @property
    def asked_in_vain(self) -> int:
        return sum(unit == DEAD for _, unit in self.asked)

    def take(self, session: Session, unit: int, pdu: bytes, key: int) -> None:
        self.asked.append((asyncio.get_running_loop().time(), unit))
        super().take(session, unit, pdu, key)


@dataclass
class Sink:
    """Counts good frames, by device."""

    good: dict[int, int] = field(default_factory=dict)
    bad: dict[int, set[int]] = field(default_factory=dict)
    ready: bool = True

    def put(self, device_id: int, frame: Frame, stored: object = None) -> None:
        if frame.quality is None:
            self.good[device_id] = self.good.get(device_id, 0) + 1
        else:
            self.bad.setdefault(device_id, set()).update(frame.quality.ravel().tolist())


@asynccontextmanager
async def plant(
    transport: ModbusTransport, timeout_s: float, exception: int
) -> AsyncIterator[tuple[Watched, Sink, Links]]:
    """32 runners on one link that is busy all the time; one unit does not answer."""
    simulator = Watched([signal("HR:0", 7)], settings_of(transport))
    simulator.asked = []
    simulator.faults.delay_s = ANSWER_S
    simulator.faults.dead_units.add(DEAD)
    simulator.faults.gateway_exception = exception
    await simulator.start()
    settings = settings_of(transport, timeout_s=timeout_s).model_copy(
        update={"port": simulator.port or 502, "serial_port": simulator.serial_port}
    )
    links, sink, clock = Links(), Sink(), SystemClock()
    folder = driver_context().folder
    runners = [
        DeviceRunner(
            device_of(
                settings.model_copy(update={"unit_id": unit}), ["HR:0"], number=unit, period_ms=50
            ),
            sink,
            DriverContext(clock, links, Trace(clock), folder),
        )
        for unit in range(1, UNITS + 1)
    ]
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(runner.run()) for runner in runners]
        try:
            yield simulator, sink, links
        finally:
            await simulator.stop()
            for runner, task in zip(runners, running, strict=True):
                runner.stop()
                task.cancel()


LINES = (
    (ModbusTransport.RTU, 0.3, 0),
    (ModbusTransport.RTU_TCP, 0.3, 0),
    (ModbusTransport.TCP, 0.15, 0),
    (ModbusTransport.TCP, 0.15, 11),
)


async def test_31_units_keep_95_percent_of_their_rate(capsys: pytest.CaptureFixture[str]) -> None:
    """The four connections run at the same time. What the dead unit costs is the time from a
    request to it until the next one of anybody, in which else so many answers had come."""
    found = await asyncio.gather(*(_cost(*line) for line in LINES))
    with capsys.disabled():
        for line in found:
            print(f"\n  {line}", end="")


async def _cost(transport: ModbusTransport, timeout_s: float, exception: int) -> str:
    loop = asyncio.get_running_loop()
    async with plant(transport, timeout_s, exception) as (simulator, sink, _links):
        await _until(lambda: simulator.asked_in_vain >= 2 and len(sink.good) >= UNITS - 1, 10)
        simulator.asked.clear()
        before = simulator.answered.copy()
        connections = len(simulator.sessions)
        await asyncio.sleep(WINDOW_S)
        asked, answered = list(simulator.asked), simulator.answered - before
        assert len(simulator.sessions) == connections == 1
        probes = sum(unit == DEAD for _, unit in asked)
        lost_s = sum(after - when for (when, unit), (after, _) in pairwise(asked) if unit == DEAD)
        others = sum(answered.values())
        possible = others / (1 - lost_s / (asked[-1][0] - asked[0][0]))
        assert others / possible > 0.95, f"{others} of {possible:.0f}"
        assert 1 <= probes <= 20, f"{transport} {exception}: {probes} probes"
        each = [answered[unit] for unit in range(1, UNITS + 1) if unit != DEAD]
        assert min(each) > 0.8 * max(each)  # they take turns
        assert DEAD not in sink.good
        assert Quality.GOOD not in sink.bad[DEAD]

        simulator.faults.dead_units.clear()
        revived = loop.time()
        await _until(lambda: DEAD in sink.good, 15)
        back_s = loop.time() - revived
        assert back_s < (5.5 if transport is not ModbusTransport.TCP or exception else 11)
        return (
            f"{transport}, {f'exception {exception}' if exception else 'silent'}: "
            f"{others} answers of {possible:.0f} = {others / possible:.3f}, {probes} probes, "
            f"back after {back_s:.1f} s"
        )


async def _until(condition: Callable[[], bool], limit_s: float) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - a condition of several things
            await asyncio.sleep(0.01)
