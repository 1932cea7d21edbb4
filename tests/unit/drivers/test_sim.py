"""The simulated device keeps the driver contract, and its values are functions of the clock."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.config.devices import GroupConfig, ManifestDevice, ManifestTag
from schemas.config.drivers import SimConfig
from schemas.errors import AddressError, UnreachableError
from schemas.frames import Frame
from schemas.kinds import DataType
from schemas.quality import Quality
from spoke.clock import SystemClock
from spoke.drivers.base import Driver, GroupLayout, layouts
from spoke.drivers.sim import SPEC
from spoke.drivers.sim.driver import SimDriver
from tests.fixtures.context import driver_context

CURVES = ("wave", "ramp", "counter", "square", "state")


class Stopped(SystemClock):
    """A clock that a test sets."""

    def __init__(self, now_s: float = 1.8e9) -> None:
        self.now_s = now_s

    def time_ns(self) -> int:
        return int(self.now_s * 1e9)


def group_of(*specs: tuple[str, DataType]) -> GroupLayout:
    tags = tuple(
        ManifestTag(id=i + 1, name=f"t{i}", address=address, data_type=kind)
        for i, (address, kind) in enumerate(specs)
    )
    (group,) = layouts(ManifestDevice(id=1, name="d", connection=SimConfig(), tags=tags))
    return group


async def scan(group: GroupLayout, clock: Stopped, seed: int = 1) -> list[Frame]:
    driver = SimDriver(SimConfig(seed=seed), driver_context(clock))
    await driver.connect([group])
    return await driver.read(group)


async def one_tag(address: str, kind: DataType, now_s: float, seed: int = 1) -> object:
    (frame,) = await scan(group_of((address, kind)), Stopped(now_s), seed)
    return frame.values[0, 0]


@pytest.mark.parametrize("kind", DataType)
async def test_every_curve_in_every_type(kind: DataType) -> None:
    group = group_of(*((f"{curve}:{seed}", kind) for curve in CURVES for seed in (0, 9)))
    clock = Stopped()
    driver = SimDriver(SimConfig(), driver_context(clock))
    await driver.connect([group])
    seen = set()
    for _ in range(20):
        (frame,) = await driver.read(group)
        assert frame.wire == kind.wire
        assert frame.values.shape == (1, 10)
        assert frame.quality is None
        assert frame.times.tolist() == [clock.time_ns()]
        seen.add(tuple(frame.values[0].tolist()))
        clock.now_s += 1.7
    assert len(seen) > 10  # it moves


async def test_the_same_seed_gives_the_same_curve_and_another_seed_another() -> None:
    first = await one_tag("wave:7", DataType.FLOAT64, 1.8e9)
    assert first == await one_tag("wave:7", DataType.FLOAT64, 1.8e9)
    assert first != await one_tag("wave:8", DataType.FLOAT64, 1.8e9)
    assert first != await one_tag("wave:7", DataType.FLOAT64, 1.8e9, seed=2)


async def test_a_counter_counts_up_over_a_restart() -> None:
    values = [await one_tag("counter", DataType.INT64, 1.8e9 + s) for s in range(5)]
    assert values == sorted(set(values))


async def test_a_text_state_has_words() -> None:
    words = {await one_tag("state", DataType.STRING, 1.8e9 + s) for s in range(0, 120, 2)}
    assert words == {"stopped", "starting", "running", "holding", "stopping"}


async def test_integers_wrap_around_and_stay_positive() -> None:
    for s in range(0, 1000, 37):
        assert 0 <= int(await one_tag("counter", DataType.INT8, 1.8e9 + s)) <= 127


async def test_a_wrong_address_is_bad_alone() -> None:
    group = group_of(("wave", DataType.FLOAT32), ("sinus", DataType.FLOAT32))
    driver = SimDriver(SimConfig(), driver_context(Stopped()))
    await driver.connect([group])
    (frame,) = await driver.read(group)
    assert frame.quality is not None
    assert frame.quality.tolist() == [[Quality.GOOD, Quality.BAD_CONFIG_ERROR]]
    assert np.isnan(frame.values[0, 1])
    assert isinstance(driver.problems[2], AddressError)
    assert set(driver.problems) == {2}


async def test_groups_are_read_one_by_one() -> None:
    tags = tuple(
        ManifestTag(id=i, name=f"t{i}", address="ramp", group=name)
        for i, name in ((1, "fast"), (2, "slow"))
    )
    device = ManifestDevice(
        id=1,
        name="d",
        connection=SimConfig(),
        groups=(GroupConfig(name="fast", period_ms=100), GroupConfig(name="slow")),
        tags=tags,
    )
    driver = SPEC.create(device.connection, driver_context(Stopped()))
    assert isinstance(driver, Driver)
    fast, slow = layouts(device)
    await driver.connect([fast, slow])
    assert [frame.tag_ids.tolist() for frame in await driver.read(slow)] == [[2]]
    assert [frame.tag_ids.tolist() for frame in await driver.read(fast)] == [[1]]
    await driver.close()
    await driver.close()
    with pytest.raises(UnreachableError):
        await driver.read(fast)
