"""A Modbus simulator with a connected driver, for the tests of the driver."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from schemas.addresses.modbus import Table
from schemas.config.devices import ManifestDevice, ManifestTag
from schemas.config.drivers import ByteOrder, ModbusConfig
from schemas.frames import Frame
from schemas.kinds import DataType
from schemas.quality import Quality
from spoke.clock import SystemClock
from spoke.drivers.base import GroupLayout, layouts
from spoke.drivers.modbus.driver import ModbusDriver
from spoke.drivers.modbus.simulator import ModbusSimulator
from spoke.drivers.sim.signals import Signal, steps
from tests.fixtures.context import driver_context

HR = Table.HOLDING_REGISTER


class Time(SystemClock):
    """A clock whose minutes pass at once."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s


def constant(address: str, value: float | int | bool | str, kind: str = "float32") -> Signal:
    return Signal(address, address, DataType(kind), steps([value], 1.0))


def counter(address: str) -> Signal:
    return Signal(address, address, DataType.UINT32, steps([0], 1.0), counts_reads=True)


FLOATS = [constant(f"HR:{2 * i}", float(i)) for i in range(62)]  # one block


class Bench:
    """A simulator, a connected driver, and the one group of all its signals."""

    def __init__(self, simulator: ModbusSimulator, driver: ModbusDriver, group: GroupLayout):
        self.simulator, self.driver, self.group = simulator, driver, group
        self.names = {tag.id: tag.name for tag in group.tags}

    async def read(self) -> dict[str, tuple[object, int]]:
        """(value, quality) by tag name."""
        return self.by_name(await self.driver.read(self.group))

    def by_name(self, frames: Sequence[Frame]) -> dict[str, tuple[object, int]]:
        found = {}
        for column, frame in zip(self.group.columns, frames, strict=True):
            assert frame.wire == column.wire
            assert frame.tag_ids is column.tag_ids
            assert frame.values.shape == (1, len(column.tags))
            for i, tag_id in enumerate(frame.tag_ids.tolist()):
                quality = Quality.GOOD if frame.quality is None else int(frame.quality[0, i])
                found[self.names[tag_id]] = (frame.values[0, i], quality)
        return found

    async def bad(self) -> set[str]:
        return {name for name, (_, q) in (await self.read()).items() if q != Quality.GOOD}

    @property
    def problems(self) -> set[str]:
        return {self.names[tag_id] for tag_id in self.driver.problems}


def tags_of(signals: Sequence[Signal]) -> tuple[ManifestTag, ...]:
    return tuple(
        ManifestTag(id=i + 1, name=s.name, address=s.address, data_type=s.data_type)
        for i, s in enumerate(signals)
    )


@asynccontextmanager
async def bench(
    signals: Sequence[Signal],
    *,
    more: Sequence[Signal] = (),
    clock: SystemClock | None = None,
    depth: int = 1,
    timeout_s: float = 2.0,
    byte_order: ByteOrder = ByteOrder.ABCD,
) -> AsyncIterator[Bench]:
    """`more` are tags that the simulator does not have."""
    settings = ModbusConfig(host="127.0.0.1", byte_order=byte_order)
    simulator = ModbusSimulator(signals, settings)
    await simulator.start()
    settings = settings.model_copy(
        update={"port": simulator.port, "timeout_s": timeout_s, "depth": depth}
    )
    device = ManifestDevice(id=1, name="d", connection=settings, tags=tags_of([*signals, *more]))
    (group,) = layouts(device)
    driver = ModbusDriver(settings, driver_context(clock))
    try:
        await driver.connect([group])
        yield Bench(simulator, driver, group)
    finally:
        await driver.close()
        await driver.close()  # twice is allowed
        await simulator.stop()
        await simulator.stop()
