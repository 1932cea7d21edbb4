"""The S7 driver against its own simulator: values, requests, refused places."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import numpy as np
import pytest

from schemas.config.devices import ManifestDevice, ManifestTag
from schemas.config.drivers import S7Config
from schemas.errors import (
    AddressError,
    TagReadError,
    UnreachableError,
)
from schemas.frames import Frame
from schemas.kinds import DataType
from schemas.quality import Quality
from spoke.clock import SystemClock
from spoke.drivers.base import Driver, GroupLayout, layouts
from spoke.drivers.registry import driver as spec_of
from spoke.drivers.s7 import SPEC
from spoke.drivers.s7.driver import PROBE_S, S7Driver
from spoke.drivers.s7.simulator import S7Simulator
from spoke.drivers.sim.signals import Signal, Value
from tests.fixtures.context import driver_context

TEXT = "Größe ±5 µm"
CONSTANTS: list[tuple[str, DataType, Value]] = [
    ("DB1.DBD0", DataType.FLOAT32, -12.5),
    ("DB1.4", DataType.FLOAT64, math.pi),
    ("DB1.DBW12", DataType.INT16, -2),
    ("DB1.DBW14", DataType.UINT16, 65535),
    ("DB1.DBD16", DataType.INT32, -(2**31)),
    ("DB1.DBD20", DataType.UINT32, 2**32 - 1),
    ("DB1.24", DataType.INT64, -(2**63)),
    ("DB1.32", DataType.UINT64, 2**63 - 1),
    ("DB1.DBB40", DataType.UINT8, 200),
    ("DB1.DBB41", DataType.INT8, -100),
    ("DB1.DBX42.0", DataType.BOOL, False),
    ("DB1.DBX42.7", DataType.BOOL, True),
    ("DB1.44:30", DataType.STRING, TEXT),
    ("MW20", DataType.INT16, 7),
    ("M4.3", DataType.BOOL, True),
    ("IW0", DataType.UINT16, 513),
    ("Q2.1", DataType.BOOL, True),
]


class ManualClock(SystemClock):
    """Real sleeping, but the monotonic time is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


def constant(address: str, data_type: DataType, value: Value) -> Signal:
    return Signal(address, address, data_type, lambda _t: value)


Simulate = Callable[..., Awaitable[S7Simulator]]


@pytest.fixture
async def simulate() -> AsyncIterator[Simulate]:
    running = []

    async def start(signals: list[Signal], max_pdu_bytes: int = 480, depth: int = 1) -> S7Simulator:
        simulator = S7Simulator(signals, max_pdu_bytes=max_pdu_bytes, depth=depth)
        await simulator.start()
        running.append(simulator)
        return simulator

    yield start
    for simulator in running:
        await simulator.stop()


class Plant:
    """A driver and the group that it reads."""

    def __init__(
        self, port: int, tags: list[tuple[str, DataType]], timeout_s: float = 5.0, max_gap: int = 32
    ) -> None:
        settings = S7Config(host="127.0.0.1", port=port, timeout_s=timeout_s, max_gap=max_gap)
        device = ManifestDevice(
            id=1,
            name="cpu",
            connection=settings,
            tags=tuple(
                ManifestTag(id=i + 1, name=f"t{i}", address=address, data_type=data_type)
                for i, (address, data_type) in enumerate(tags)
            ),
        )
        self.group: GroupLayout = layouts(device)[0]
        self.clock = ManualClock()
        self.driver = S7Driver(settings, driver_context(self.clock))

    async def __aenter__(self) -> Plant:
        await self.driver.connect([self.group])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.driver.close()

    async def read(self) -> dict[str, tuple[object, int]]:
        """(value, quality) by address."""
        return by_address(self.group, await self.driver.read(self.group))


def by_address(group: GroupLayout, frames: list[Frame]) -> dict[str, tuple[object, int]]:
    assert len(frames) == len(group.columns)
    found: dict[str, tuple[object, int]] = {}
    for column, frame in zip(group.columns, frames, strict=True):
        assert frame.wire == column.wire
        assert frame.values.shape == (1, len(column.tags))
        quality = frame.quality
        if quality is None:
            quality = np.full(frame.values.shape, Quality.GOOD, dtype=np.uint8)
        rows = zip(column.tags, frame.values[0].tolist(), quality[0].tolist(), strict=True)
        found |= {tag.address: (value, code) for tag, value, code in rows}
    return found


def types(constants: Sequence[tuple[str, DataType, Value]]) -> list[tuple[str, DataType]]:
    return [(address, data_type) for address, data_type, _ in constants]


def test_the_entry_point_gives_this_driver() -> None:
    assert spec_of("s7") is SPEC
    made = SPEC.create(S7Config(host="127.0.0.1"), driver_context())
    assert isinstance(made, S7Driver)
    assert isinstance(made, Driver)


async def test_every_type_and_area_arrives_exactly(simulate: Simulate) -> None:
    simulator = await simulate([constant(*entry) for entry in CONSTANTS])
    async with Plant(simulator.port, types(CONSTANTS)) as plant:
        frames = await plant.driver.read(plant.group)
        assert all(frame.quality is None for frame in frames)
        found = by_address(plant.group, frames)
        assert found == {a: (value, Quality.GOOD) for a, _, value in CONSTANTS}
        assert plant.driver.problems == {}
        assert abs(int(frames[0].times[0]) - SystemClock().time_ns()) < 5 * 10**9


@pytest.mark.parametrize("pdu_bytes", [112, 240, 480, 960])
async def test_a_scan_of_many_values_keeps_to_the_negotiated_pdu(
    simulate: Simulate, pdu_bytes: int
) -> None:
    """The simulator answers 0x8500 to a request whose answer would be longer."""
    entries = [(f"DB1.DBB{i}", DataType.UINT8, i * 7 % 256) for i in range(2000)]
    simulator = await simulate([constant(*e) for e in entries], max_pdu_bytes=pdu_bytes)
    async with Plant(simulator.port, types(entries)) as plant:
        assert plant.driver.pdu_bytes == pdu_bytes
        assert await plant.read() == {a: (value, Quality.GOOD) for a, _, value in entries}
        assert simulator.requests == math.ceil(2000 / (pdu_bytes - 18))


async def test_each_scan_reads_each_byte_once(simulate: Simulate) -> None:
    """A counter of reads starts at 1 and goes up by one per scan: no scan is lost or doubled."""
    signals = [
        Signal("n", "DB1.DBD0", DataType.UINT32, lambda _t: 0, counts_reads=True),
        Signal("m", "DB1.DBW500", DataType.INT16, lambda _t: 0, counts_reads=True),
    ]
    simulator = await simulate(signals)
    places = [("DB1.DBD0", DataType.UINT32), ("DB1.DBW500", DataType.INT16)]
    async with Plant(simulator.port, places) as plant:
        for number in range(1, 50):
            found = await plant.read()
            assert [value for value, _ in found.values()] == [number, number]


async def test_the_library_is_silent(simulate: Simulate, caplog: pytest.LogCaptureFixture) -> None:
    """It would write lines for each attempt of an outage; the log belongs to the runner."""
    caplog.set_level("INFO")
    simulator = await simulate([constant("MW0", DataType.INT16, 1)])
    async with Plant(simulator.port, [("MW0", DataType.INT16)]) as plant:
        await plant.read()
    simulator.faults.drop = True
    plant = Plant(simulator.port, [("MW0", DataType.INT16)])
    with pytest.raises(UnreachableError):
        await plant.driver.connect([plant.group])
    await plant.driver.close()
    assert caplog.records == []


async def test_two_drivers_in_one_process_do_not_mix(simulate: Simulate) -> None:
    first = await simulate([constant("MW0", DataType.INT16, 1)])
    second = await simulate([constant("MW0", DataType.INT16, 2)])
    place = [("MW0", DataType.INT16)]
    async with Plant(first.port, place) as a, Plant(second.port, place) as b:
        for _ in range(20):
            found = await asyncio.gather(a.read(), b.read())
            assert [answer["MW0"][0] for answer in found] == [1, 2]


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize("good", [1, 2, 37, 99])
async def test_behind_the_end_of_a_block_only_those_tags_are_bad(
    simulate: Simulate, good: int
) -> None:
    entries = [(f"DB1.DBD{4 * i}", DataType.FLOAT32, float(i)) for i in range(100)]
    simulator = await simulate([constant(*entry) for entry in entries[:good]])
    async with Plant(simulator.port, types(entries)) as plant:
        found = await plant.read()
        assert simulator.requests < 12
        for address, _, value in entries[:good]:
            assert found[address] == (value, Quality.GOOD)
        for address, _, _ in entries[good:]:
            number, code = found[address]
            assert code == Quality.BAD_CONFIG_ERROR
            assert isinstance(number, float)
            assert math.isnan(number)
        problems = plant.driver.problems
        assert sorted(problems) == list(range(good + 1, 101))
        assert all(type(problem) is TagReadError for problem in problems.values())
        assert f"DB1 bytes {4 * good} to {4 * good + 3}" in problems[good + 1].message
        before = simulator.requests
        again = await plant.read()
        assert {a: code for a, (_, code) in again.items()} == {
            a: code for a, (_, code) in found.items()
        }
        assert simulator.requests == before + 1


@pytest.mark.parametrize("refusal_bytes", [0, 4])
async def test_a_missing_block_costs_two_requests_and_is_probed_each_minute(
    simulate: Simulate, refusal_bytes: int
) -> None:
    there = [constant("MW0", DataType.INT16, 5)]
    late = [(f"DB9.DBW{2 * i}", DataType.INT16, i) for i in range(50)]
    simulator = await simulate([*there, *(constant(*entry) for entry in late)])
    simulator.faults.refused_dbs.add(9)
    simulator.faults.refusal_bytes = refusal_bytes
    async with Plant(simulator.port, [("MW0", DataType.INT16), *types(late)]) as plant:
        assert (await plant.read())["MW0"] == (5, Quality.GOOD)
        assert simulator.requests == 3
        assert len(plant.driver.problems) == 50
        assert "PUT/GET" in plant.driver.problems[2].hint
        simulator.faults.refused_dbs.clear()
        plant.clock.now_s += PROBE_S - 1
        assert (await plant.read())["DB9.DBW4"] == (0, Quality.BAD_CONFIG_ERROR)
        assert simulator.requests == 4
        plant.clock.now_s += 2
        found = await plant.read()
        assert found == {"MW0": (5, 192), **{a: (value, 192) for a, _, value in late}}
        assert plant.driver.problems == {}
        assert simulator.requests == 6


async def test_a_block_that_is_deleted_and_loaded_again(simulate: Simulate) -> None:
    entries = [("DB1.DBW0", DataType.INT16, 1), ("DB2.DBW0", DataType.INT16, 2)]
    simulator = await simulate([constant(*entry) for entry in entries])
    async with Plant(simulator.port, types(entries)) as plant:
        codes = []
        for refused in (set(), {2}, {2}, set()):
            simulator.faults.refused_dbs = refused
            codes.append([code for _, code in (await plant.read()).values()])
            plant.clock.now_s += PROBE_S + 1
        bad = int(Quality.BAD_CONFIG_ERROR)
        assert codes == [[192, 192], [192, bad], [192, bad], [192, 192]]


async def test_tags_that_cannot_be_planned_are_named(simulate: Simulate) -> None:
    simulator = await simulate([constant("MW0", DataType.INT16, 5)], max_pdu_bytes=240)
    places = [("MW0", DataType.INT16), ("DB1.0:254", DataType.STRING), ("HR:1", DataType.INT16)]
    async with Plant(simulator.port, places) as plant:
        assert await plant.read() == {
            "MW0": (5, Quality.GOOD),
            "DB1.0:254": ("", Quality.BAD_CONFIG_ERROR),
            "HR:1": (0, Quality.BAD_CONFIG_ERROR),
        }
        assert {tag: type(error) for tag, error in plant.driver.problems.items()} == {
            2: AddressError,
            3: AddressError,
        }


async def test_values_out_of_range_are_bad(simulate: Simulate) -> None:
    signals = [constant("DB1.0", DataType.UINT64, 2**63), constant("DB1.8", DataType.INT64, -1)]
    simulator = await simulate(signals)
    async with Plant(
        simulator.port, [("DB1.0", DataType.UINT64), ("DB1.8", DataType.INT64)]
    ) as plant:
        assert await plant.read() == {
            "DB1.0": (0, Quality.BAD_OUT_OF_RANGE),
            "DB1.8": (-1, Quality.GOOD),
        }
