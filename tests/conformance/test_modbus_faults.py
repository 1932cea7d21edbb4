"""What goes wrong on the way to a Modbus device, with the real runner on real sockets: bad quality
while it lasts, and good values again within five seconds of the device's first answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from schemas.addresses.modbus import Table
from schemas.config.modbus import ModbusConfig, ModbusTransport
from schemas.frames import Frame
from schemas.quality import Quality
from spoke.drivers.modbus.simulator import ModbusSimulator
from spoke.drivers.runner import DeviceRunner
from tests.fixtures.context import driver_context
from tests.fixtures.modbus import device_of, settings_of, signal

SIGNALS = [signal("HR:0", 7), signal("HR:1", 8)]
ADDRESSES = ["HR:0", "HR:1"]
OUTAGE_S = 8.0
"""So long that the runner's pauses are at their longest."""
BACK_S = 5.0
MACHINE_S = 0.5
"""For a test machine that is busy."""
TCP = ModbusTransport.TCP


@dataclass
class Sink:
    """The newest frame of a device."""

    last: Frame | None = None
    qualities: set[int] = field(default_factory=set)
    ready: bool = True

    def put(self, _device_id: int, frame: Frame, _stored: object = None) -> None:
        self.last = frame
        if frame.quality is not None:
            self.qualities.update(frame.quality.ravel().tolist())

    @property
    def good(self) -> bool:
        return self.last is not None and self.last.quality is None


@asynccontextmanager
async def running(settings: ModbusConfig, number: int) -> AsyncIterator[Sink]:
    sink = Sink()
    device = device_of(settings, ADDRESSES, number=number, period_ms=50)
    runner = DeviceRunner(device, sink, driver_context())
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(runner.run())
        try:
            await until(lambda: sink.good)
            yield sink
        finally:
            runner.stop()
            task.cancel()


async def until(condition: Callable[[], bool], limit_s: float = 15.0) -> float:
    """Seconds until it holds."""
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - conditions of several things
            await asyncio.sleep(0.005)
    return loop.time() - start_s


class Relay:
    """Between driver and device. `swallow`: it takes everything and passes nothing on, and what
    was connected meanwhile stays dead (half-open) when it is over."""

    def __init__(self, port: int) -> None:
        self._target, self.port, self.swallow = port, 0, False
        self._writers: set[asyncio.StreamWriter] = set()
        self._dead: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Relay:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    def cut(self) -> None:
        self.swallow = True
        self._dead |= self._writers

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if self.swallow:
            self._dead.add(writer)
        far_reader, far = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            async with asyncio.TaskGroup() as tasks:
                back = tasks.create_task(self._pass(far_reader, writer, writer))
                await self._pass(reader, far, writer)
                back.cancel()
        except* OSError:
            pass
        finally:
            self._writers.discard(writer)
            far.transport.abort()
            writer.transport.abort()

    async def _pass(
        self, source: asyncio.StreamReader, to: asyncio.StreamWriter, of: asyncio.StreamWriter
    ) -> None:
        while data := await source.read(4096):
            if of not in self._dead:
                to.write(data)


Fault = Callable[[], Awaitable[None]]


async def outage(
    settings: ModbusConfig, number: int, begin: Fault, end: Fault, quality: set[Quality]
) -> float:
    """Seconds from the end of the fault to good values."""
    async with running(settings, number) as sink:
        await begin()
        await until(lambda: not sink.good)
        await asyncio.sleep(OUTAGE_S)
        assert not sink.good
        assert sink.qualities <= {int(q) for q in quality}
        await end()
        return await until(lambda: sink.good)


async def _restart(number: int) -> float:
    """Connection refused in between."""
    simulator, settings = await _simulator(TCP)
    port = simulator.port

    async def end() -> None:
        simulator.port = port
        await simulator.start()

    bad = {Quality.BAD_NOT_CONNECTED}
    back_s = await outage(settings, number, simulator.stop, end, bad)
    await simulator.stop()
    return back_s


async def _reset(number: int) -> float:
    """Every request is answered with RST."""
    return await _flag(number, TCP, "reset", True, {Quality.BAD_NOT_CONNECTED})


async def _silent(number: int) -> float:
    """It accepts connections and requests and never answers."""
    return await _flag(number, TCP, "frozen", True, {Quality.BAD_TIMEOUT})


async def _slow(number: int) -> float:
    """Every answer is later than the timeout: late ones are never taken."""
    return await _flag(number, TCP, "delay_s", 0.3, {Quality.BAD_TIMEOUT})


async def _garbage(number: int) -> float:
    wrong = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    return await _flag(number, TCP, "garbage", wrong, {Quality.BAD_COMM_FAILURE})


async def _silent_udp(number: int) -> float:
    return await _flag(number, ModbusTransport.UDP, "frozen", True, {Quality.BAD_TIMEOUT})


async def _silent_rtu(number: int) -> float:
    return await _flag(number, ModbusTransport.RTU, "frozen", True, {Quality.BAD_TIMEOUT})


async def _silent_ascii(number: int) -> float:
    return await _flag(number, ModbusTransport.ASCII, "frozen", True, {Quality.BAD_TIMEOUT})


async def _black_hole(number: int) -> float:
    """Nothing gets through, and what was connected stays half-open afterwards."""
    simulator, settings = await _simulator(TCP)
    async with Relay(simulator.port) as relay:

        async def begin() -> None:
            relay.cut()

        async def end() -> None:
            relay.swallow = False

        through = settings.model_copy(update={"port": relay.port})
        back_s = await outage(through, number, begin, end, {Quality.BAD_TIMEOUT})
    await simulator.stop()
    return back_s


async def _unplugged(number: int) -> float:
    """The adapter of a serial line is pulled out and put in again; a name in /dev leads to it."""
    simulator, settings = await _simulator(ModbusTransport.RTU)
    name = Path(f"/dev/shm/spindle-test-{simulator.serial_port.replace('/', '-')}")
    _point(name, simulator.serial_port)

    async def begin() -> None:
        _point(name, None)
        await simulator.stop()

    async def end() -> None:
        await simulator.start()
        _point(name, simulator.serial_port)

    named = settings.model_copy(update={"serial_port": str(name)})
    try:
        bad = {Quality.BAD_NOT_CONNECTED, Quality.BAD_TIMEOUT}
        return await outage(named, number, begin, end, bad)
    finally:
        _point(name, None)
        await simulator.stop()


def _point(name: Path, port: str | None) -> None:
    name.unlink(missing_ok=True)
    if port is not None:
        name.symlink_to(port)


FAULTS = (
    _restart, _reset, _silent, _slow, _garbage, _black_hole, _silent_udp, _silent_rtu,
    _silent_ascii, _unplugged,
)  # fmt: skip


async def test_good_values_are_back_within_five_seconds(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """All faults at the same time, each with a device of its own."""
    caplog.set_level(logging.INFO)
    found = await asyncio.gather(*(fault(number) for number, fault in enumerate(FAULTS, 1)))
    with capsys.disabled():
        for fault, back_s in zip(FAULTS, found, strict=True):
            print(f"\n  {fault.__name__[1:]}: good after {back_s:.1f} s", end="")
    assert max(found) <= BACK_S + MACHINE_S
    for number in range(1, len(FAULTS) + 1):  # two lines per outage
        lines = [record for record in caplog.records if record.__dict__.get("device_id") == number]
        actions = [record.__dict__["action"] for record in lines]
        assert actions == ["device.lost", "device.back"], (FAULTS[number - 1], actions)


@pytest.mark.parametrize("transport", ModbusTransport)
async def test_a_register_that_vanishes_takes_only_its_tag(transport: ModbusTransport) -> None:
    simulator, settings = await _simulator(transport)
    async with running(settings, 1) as sink:
        simulator.faults.refused.add((Table.HOLDING_REGISTER, 1))
        await until(lambda: not sink.good)
        assert sink.last is not None
        assert sink.last.quality is not None
        assert sink.last.quality.tolist() == [[Quality.GOOD, Quality.BAD_CONFIG_ERROR]]
        assert sink.last.values.tolist()[0][0] == 7
    await simulator.stop()


async def _simulator(transport: ModbusTransport) -> tuple[ModbusSimulator, ModbusConfig]:
    simulator = ModbusSimulator(SIGNALS, settings_of(transport))
    await simulator.start()
    place = {"port": simulator.port or 502, "serial_port": simulator.serial_port}
    return simulator, settings_of(transport, timeout_s=0.2).model_copy(update=place)


async def _flag(
    number: int, transport: ModbusTransport, flag: str, value: object, quality: set[Quality]
) -> float:
    simulator, settings = await _simulator(transport)
    healthy = getattr(simulator.faults, flag)

    async def begin() -> None:
        setattr(simulator.faults, flag, value)

    async def end() -> None:
        setattr(simulator.faults, flag, healthy)

    back_s = await outage(settings, number, begin, end, quality)
    await simulator.stop()
    return back_s
