"""What the OPC UA driver tests share: a simulator and a driver that collects."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from asyncua import ua

from schemas.config.devices import GroupConfig, ManifestDevice, ManifestTag
from schemas.config.drivers import OpcUaConfig, OpcUaSecurity
from schemas.frames import Frame
from schemas.kinds import DataType
from schemas.quality import Quality
from spoke.drivers.base import DriverContext, GroupLayout, layouts
from spoke.drivers.opcua.driver import OpcUaDriver
from spoke.drivers.opcua.simulator import OpcUaSimulator
from spoke.drivers.sim.signals import Signal, Value, wave
from tests.fixtures.context import driver_context


def device(
    endpoint: str,
    tags: Sequence[tuple[str, DataType]],
    groups: Sequence[GroupConfig] = (GroupConfig(period_ms=50),),
    **settings: Any,
) -> ManifestDevice:
    """Tag ids count from 1; every tag is in the first group. Without security, unless told."""
    settings.setdefault("security", OpcUaSecurity.NONE)
    settings.setdefault("publishing_ms", 50)
    settings.setdefault("timeout_s", 3.0)
    return ManifestDevice(
        id=1,
        name="device",
        connection=OpcUaConfig(endpoint=endpoint, **settings),
        groups=tuple(groups),
        tags=tuple(
            ManifestTag(
                id=i + 1, name=address, address=address, data_type=kind, group=groups[0].name
            )
            for i, (address, kind) in enumerate(tags)
        ),
    )


class Connected:
    """A driver after connect, with everything that it emitted, per tag id in order."""

    def __init__(self, wanted: ManifestDevice, context: DriverContext | None = None) -> None:
        assert isinstance(wanted.connection, OpcUaConfig)
        self.driver = OpcUaDriver(wanted.connection, context or driver_context())
        self.groups = layouts(wanted)
        self.frames: list[tuple[str, Frame]] = []
        self.values: dict[int, list[Any]] = {}
        self.quality: dict[int, list[int]] = {}
        self._emitted = asyncio.Event()
        self._watching: asyncio.Future[None] | None = None

    async def subscribe(self) -> frozenset[str]:
        return await self.driver.subscribe(self.groups, self._emit)

    async def read(self) -> dict[int, tuple[Any, int]]:
        """(value, quality) by tag id, of all groups."""
        found = {}
        for group in self.groups:
            frames = await self.driver.read(group)
            assert [frame.wire for frame in frames] == [column.wire for column in group.columns]
            for frame in frames:
                found.update(zip(frame.tag_ids.tolist(), _rows(frame), strict=True))
        return found

    async def watch_until(self, enough: Callable[[], bool], limit_s: float = 8.0) -> None:
        """Wait until `enough()` while `watch` runs; its errors come out of here.

        It goes on afterwards: a driver whose `watch` was cancelled is of no more use.
        """
        if self._watching is None:
            self._watching = asyncio.ensure_future(self.driver.watch())
        async with asyncio.timeout(limit_s):
            while not enough():
                self._emitted.clear()
                waiting = asyncio.ensure_future(self._emitted.wait())
                await asyncio.wait([self._watching, waiting], return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if self._watching.done():
                    self._watching.result()
                    raise AssertionError("watch() returned")

    async def close(self) -> None:
        """As the runner does it: end `watch`, then close."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
            if not self._watching.cancelled():
                self._watching.exception()
        await self.driver.close()

    def _emit(self, group: GroupLayout, frames: list[Frame]) -> None:
        for frame in frames:
            assert frame.source_times is not None
            assert frame.values.shape == frame.source_times.shape == (1, len(frame.tag_ids))
            self.frames.append((group.name, frame))
            for tag_id, (value, quality) in zip(frame.tag_ids.tolist(), _rows(frame), strict=True):
                self.values.setdefault(tag_id, []).append(value)
                self.quality.setdefault(tag_id, []).append(quality)
        self._emitted.set()


def _rows(frame: Frame) -> list[tuple[Any, int]]:
    values = frame.values[0].tolist()
    if frame.quality is None:
        return [(value, Quality.GOOD) for value in values]
    return list(zip(values, frame.quality[0].tolist(), strict=True))


@contextlib.asynccontextmanager
async def connected(
    wanted: ManifestDevice, context: DriverContext | None = None
) -> AsyncIterator[Connected]:
    made = Connected(wanted, context)
    try:
        await made.driver.connect(made.groups)
        yield made
    finally:
        await made.close()


CONSTANTS: list[tuple[str, DataType, Value]] = [
    ("ns=2;s=Bool", DataType.BOOL, True),
    ("ns=2;s=Int8", DataType.INT8, -128),
    ("ns=2;s=UInt8", DataType.UINT8, 255),
    ("ns=2;i=16", DataType.INT16, -30000),
    ("ns=3;i=17", DataType.UINT16, 60000),
    ("ns=2;s=Int32", DataType.INT32, -(2**31)),
    ("ns=2;s=UInt32", DataType.UINT32, 2**32 - 1),
    ("ns=2;s=Int64", DataType.INT64, -(2**63)),
    ("ns=2;s=UInt64", DataType.UINT64, 2**63 - 1),
    ("ns=2;g=09087e75-8e5e-499b-954f-f2a9603db28a", DataType.FLOAT32, 1.5),
    ("ns=2;b=M/RbKA==", DataType.FLOAT64, 1e300),
    ("nsu=urn:plant;s=Text", DataType.STRING, "Größe ±5 µm"),
]
SPARE = [f"ns=2;s=Spare{i}" for i in range(30)]
COUNTER, BURST = "ns=2;s=Counter", "ns=2;s=Burst"


def constant(address: str, data_type: DataType, value: Value) -> Signal:
    return Signal(address, address, data_type, lambda _t: value)


def signals() -> list[Signal]:
    return [
        *(constant(*each) for each in CONSTANTS),
        *(constant(address, DataType.INT32, i) for i, address in enumerate(SPARE)),
        constant(BURST, DataType.UINT32, 0),
        Signal("Counter", COUNTER, DataType.UINT32, lambda _t: 0, counts_reads=True),
        Signal("Wave", "ns=2;s=Wave", DataType.FLOAT32, wave(50, 20, 60)),
    ]


@contextlib.asynccontextmanager
async def simulated() -> AsyncIterator[OpcUaSimulator]:
    made = OpcUaSimulator(signals())
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def write(simulator: OpcUaSimulator, address: str, value: ua.DataValue) -> None:
    await simulator.server.write_attribute_value(ua.NodeId.from_string(address), value)


async def until(true: Callable[[], bool], limit_s: float = 3.0) -> None:
    async with asyncio.timeout(limit_s):
        while not true():  # noqa: ASYNC110 - the library has no event for it
            await asyncio.sleep(0.01)
