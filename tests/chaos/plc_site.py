"""Three PLCs in a network of their own, and the runners that read them, as a worker has them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.config.devices import GroupConfig, ManifestDevice, ManifestTag
from schemas.config.modbus import ModbusConfig
from schemas.config.opcua import OpcUaConfig
from schemas.config.s7 import S7Config
from schemas.frames import Frame
from schemas.kinds import DataType
from schemas.quality import Quality, is_bad
from spoke.clock import SystemClock
from spoke.drivers.base import DriverContext
from spoke.drivers.links import Links
from spoke.drivers.opcua.certificates import describe
from spoke.drivers.runner import DeviceRunner
from spoke.drivers.trace import Trace
from tests.chaos.plc_device import ADDRESSES, COUNT, DRIVERS, PORTS, PlcProcess
from tests.chaos.plc_network import Network, network

PERIOD_MS = 200
NEIGHBOUR_MS = 100
ALL = frozenset(range(1, COUNT + 1))
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Row:
    """One value as it came to the sink; `time_ns` is the device's time where it has one."""

    at_s: float
    tag_id: int
    quality: int
    value: Any
    time_ns: int


class Device:
    """A runner with a sink that keeps everything."""

    def __init__(self, config: ManifestDevice, context: DriverContext) -> None:
        self.config, self.ready = config, True
        self.runner = DeviceRunner(config, self, context)
        self.rows: list[Row] = []
        self.newest: dict[int, Row] = {}

    @property
    def timeout_s(self) -> float:
        return float(getattr(self.config.connection, "timeout_s", 0.0))

    def put(self, _device_id: int, frame: Frame, _stored: Frame | None) -> None:
        at_s = time.monotonic()
        for place, tag_id in enumerate(frame.tag_ids.tolist()):
            quality = Quality.GOOD if frame.quality is None else int(frame.quality[0, place])
            times, at = (frame.times, 0) if frame.source_times is None else (None, place)
            time_ns = int(frame.times[at]) if times is not None else frame.source_times[0, at]
            row = Row(at_s, tag_id, quality, frame.values[0, place], int(time_ns))
            self.newest[tag_id] = row
            self.rows.append(row)

    async def until_bad(self, since_s: float, limit_s: float, tags: Collection[int] = ALL) -> float:
        """Seconds since then until all these tags were BAD; nan after waiting for `limit_s`."""
        return await self._until(lambda row: is_bad(row.quality), since_s, limit_s, tags)

    async def until_good(
        self, since_s: float, limit_s: float, tags: Collection[int] = ALL
    ) -> float:
        """The same, until each of them has had a good value after that moment."""

        def good(row: Row) -> bool:
            return row.quality == Quality.GOOD and row.at_s >= since_s

        return await self._until(good, since_s, limit_s, tags)

    async def _until(
        self, is_it: Callable[[Row], bool], since_s: float, limit_s: float, tags: Collection[int]
    ) -> float:
        seen: dict[int, float] = {}
        read = 0
        ends_s = time.monotonic() + limit_s
        while True:
            for row in self.rows[read:]:
                if row.tag_id in tags and row.at_s >= since_s and is_it(row):
                    seen.setdefault(row.tag_id, row.at_s)
            read = len(self.rows)
            if len(seen) == len(tags):
                return max(seen.values()) - since_s
            if time.monotonic() > ends_s:
                return math.nan
            await asyncio.sleep(0.01)


class Lines(logging.Handler):
    """What the log says: about each device, and else."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.of: dict[int, list[str]] = {}
        self.others: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        device_id = getattr(record, "device_id", None)
        if device_id is None:
            self.others.append(f"{record.name}: {record.getMessage()}")
        else:
            self.of.setdefault(device_id, []).append(getattr(record, "action", record.msg))


@dataclass
class Worker:
    """What the devices of one worker share."""

    folder: Path
    links: Links = field(default_factory=Links)
    lines: Lines = field(default_factory=Lines)

    @contextlib.asynccontextmanager
    async def running(self, connection: Any, period_ms: int = PERIOD_MS) -> AsyncIterator[Device]:
        clock = SystemClock()
        context = DriverContext(clock, self.links, Trace(clock), self.folder)
        made = Device(_config(connection, period_ms), context)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(made.runner.run())
            try:
                yield made
            finally:
                made.runner.stop()
                task.cancel()


@dataclass(frozen=True)
class Site:
    """PLCs, by driver, each at its usual port of the network's one address."""

    network: Network
    plcs: dict[str, PlcProcess]
    folder: Path

    def settings(self, driver: str) -> Any:
        """As a plant has them: nothing but the place, and the certificate that is trusted."""
        host = self.network.address
        if driver == "modbus":
            return ModbusConfig(host=host)
        if driver == "s7":
            return S7Config(host=host)
        fingerprint = describe((self.folder / "server.der").read_bytes()).fingerprint
        return OpcUaConfig(endpoint=f"opc.tcp://{host}:{PORTS[driver]}", trusted=(fingerprint,))


@contextlib.asynccontextmanager
async def site(lane: int, folder: Path) -> AsyncIterator[Site]:
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    async with network(lane) as net, contextlib.AsyncExitStack() as stack:
        plcs = {
            driver: PlcProcess(driver, net.address, folder, port=PORTS[driver], inside=net.inside)
            for driver in DRIVERS
        }
        for plc in plcs.values():
            stack.push_async_callback(plc.close)
        await asyncio.gather(*(plc.start() for plc in plcs.values()))
        yield Site(net, plcs, folder)


@contextlib.asynccontextmanager
async def neighbour(worker: Worker) -> AsyncIterator[Device]:
    """A healthy device on loopback, which no fault of the others may disturb."""
    plc = PlcProcess("modbus", "127.0.0.1", worker.folder)
    try:
        await plc.start()
        plc.prefer()
        settings = ModbusConfig(host="127.0.0.1", port=plc.port)
        async with worker.running(settings, NEIGHBOUR_MS) as device:
            yield device
    finally:
        await plc.close()


def _config(connection: Any, period_ms: int) -> ManifestDevice:
    number, driver = next(_numbers), connection.driver
    tags = tuple(
        ManifestTag(id=i, name=f"t{i}", address=ADDRESSES[driver](i), data_type=DataType.UINT32)
        for i in sorted(ALL)
    )
    return ManifestDevice(
        id=number,
        name=f"{driver} {number}",
        connection=connection,
        groups=(GroupConfig(period_ms=period_ms),),
        tags=tags,
    )
