"""The Modbus driver against its own simulator on a real socket: values and refused addresses."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.config.drivers import ByteOrder, ModbusConfig
from schemas.errors import DeviceTimeoutError, TagReadError, UnreachableError
from schemas.quality import Quality
from spoke.clock import SystemClock
from spoke.drivers.base import Driver, GroupLayout
from spoke.drivers.modbus import SPEC
from spoke.drivers.modbus.refusals import MEANINGS, PROBE_EVERY_S
from tests.fixtures.context import driver_context

from .modbus_bench import FLOATS, HR, Time, bench, constant, counter

# --- healthy ----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ByteOrder)
async def test_every_type_and_table(order: ByteOrder) -> None:
    signals = [
        constant("HR:0", 1.5),
        constant("40004", -2.25, "float64"),
        constant("HR:10", -7, "int16"),
        constant("HR:11", 65000, "uint16"),
        constant("HR:12", -100, "int8"),
        constant("HR:13", 200, "uint8"),
        constant("HR:20", -(2**30), "int32"),
        constant("HR:30", 2**32 - 1, "uint32"),
        constant("HR:40", -(2**62), "int64"),
        constant("HR:50", 2**63 - 1, "uint64"),
        constant("HR:200:21", "Füller 7", "string"),
        constant("HR:300.9", True, "bool"),
        constant("HR:300.8", False, "bool"),
        constant("IR:70", 6.5),
        constant("CO:900", True, "bool"),
        constant("DI:11", True, "bool"),
    ]
    async with bench(signals, byte_order=order) as b:
        before = SystemClock().time_ns()
        frames = await b.driver.read(b.group)
        after = SystemClock().time_ns()
        assert all(frame.quality is None for frame in frames)
        assert all(before <= frame.times[0] <= after for frame in frames)
        values = {name: value for name, (value, _) in b.by_name(frames).items()}
        assert values == {signal.name: signal.value(0.0) for signal in signals}
        assert not b.driver.problems


@pytest.mark.parametrize("depth", [1, 4, 16])
async def test_each_scan_reads_each_register_once(depth: int) -> None:
    signals = [counter(f"HR:{1000 * i}") for i in range(20)] + [counter("IR:0")]
    async with bench(signals, depth=depth) as b:
        for scan in range(1, 6):
            assert {value for value, _ in (await b.read()).values()} == {scan}
        assert b.simulator.requests == 5 * 21


async def test_spec_makes_a_driver() -> None:
    driver = SPEC.create(ModbusConfig(host="127.0.0.1"), driver_context())
    assert isinstance(driver, Driver)
    with pytest.raises(UnreachableError):
        await driver.read(GroupLayout("normal", 1000, ()))
    await driver.close()


async def test_two_drivers_share_nothing() -> None:
    async with bench([counter("HR:0")]) as one, bench([counter("HR:0")]) as other:
        assert (await one.read())["HR:0"][0] == 1
        assert (await one.read())["HR:0"][0] == 2
        assert (await other.read())["HR:0"][0] == 1


async def test_a_tag_with_a_wrong_address_is_bad_and_the_others_are_good() -> None:
    async with bench(FLOATS[:3], more=[constant("HR:nowhere", 0.0)]) as b:
        found = await b.read()
        assert found["HR:nowhere"][1] == Quality.BAD_CONFIG_ERROR
        assert np.isnan(found["HR:nowhere"][0])
        assert found["HR:4"] == (2.0, Quality.GOOD)
        assert b.problems == {"HR:nowhere"}
        await b.read()
        assert b.problems == {"HR:nowhere"}


async def test_a_uint64_that_sql_cannot_hold_is_out_of_range() -> None:
    async with bench([constant("HR:0", 2**63, "uint64"), constant("HR:4", 5, "uint64")]) as b:
        found = await b.read()
        assert found == {"HR:0": (0, Quality.BAD_OUT_OF_RANGE), "HR:4": (5, Quality.GOOD)}


# --- refused addresses ------------------------------------------------------------------------


async def test_an_illegal_address_makes_only_its_tag_bad() -> None:
    signals = [*FLOATS, constant("CO:3", True, "bool")]
    clock = Time()
    async with bench(signals, clock=clock) as b:
        assert await b.bad() == set()
        b.simulator.faults.refused.add((HR, 40))
        found = await b.read()
        assert {name for name, (_, q) in found.items() if q != Quality.GOOD} == {"HR:40"}
        assert found["HR:40"][1] == Quality.BAD_CONFIG_ERROR
        assert [found[f"HR:{2 * i}"][0] for i in range(20)] == list(range(20))
        (problem,) = b.driver.problems.values()
        assert isinstance(problem, TagReadError)
        assert "HR:40" in problem.message
        assert "holding registers 40 to 41" in problem.message

        before = b.simulator.requests
        assert await b.bad() == {"HR:40"}
        assert b.simulator.requests - before == 3  # what is left of the block in two, and the coil

        b.simulator.faults.refused.clear()
        assert await b.bad() == {"HR:40"}  # not asked again at once
        clock.ahead_s += PROBE_EVERY_S + 1
        assert await b.bad() == set()
        assert b.problems == set()
        before = b.simulator.requests
        assert await b.bad() == set()
        assert b.simulator.requests - before == 2  # one block again


async def test_a_refused_tag_is_asked_again_once_a_minute_only() -> None:
    clock = Time()
    async with bench(FLOATS, clock=clock) as b:
        b.simulator.faults.refused.add((HR, 0))
        assert await b.bad() == {"HR:0"}
        counts = []
        for _ in range(4):
            before = b.simulator.requests
            clock.ahead_s += PROBE_EVERY_S / 2 + 1
            assert await b.bad() == {"HR:0"}
            counts.append(b.simulator.requests - before)
        assert counts == [1, 2, 1, 2]


async def test_many_refused_tags_are_found_in_a_few_scans() -> None:
    signals = [constant(f"HR:{2 * i}", float(i)) for i in range(500)]
    refused = {f"HR:{2 * i}" for i in range(0, 500, 3)}
    async with bench(signals, depth=16) as b:
        b.simulator.faults.refused |= {(HR, int(name[3:])) for name in refused}
        for _ in range(20):
            before = b.simulator.requests
            bad = await b.bad()
            assert refused <= bad
            assert b.simulator.requests - before < 500
            if bad == refused:
                break
        assert await b.bad() == refused == b.problems


@pytest.mark.parametrize("limit", [20, 50, 100])
async def test_a_device_that_takes_short_requests_only_is_read_in_pieces(limit: int) -> None:
    async with bench(FLOATS) as b:
        b.simulator.faults.max_count = limit
        for _ in range(6):
            assert await b.bad() == set()
        counts = []
        for _ in range(3):
            before = b.simulator.requests
            assert await b.bad() == set()
            counts.append(b.simulator.requests - before)
        assert len(set(counts)) == 1  # it has learned: no exception, no second try
        assert counts[0] <= 2 * (124 // limit + 1)
        assert b.problems == set()


async def test_a_device_that_refuses_holes_loses_nothing() -> None:
    """The hole between two values is refused: both are good, soon without an exception."""
    signals = [constant("HR:0", 1.0), constant("HR:10", 2.0), constant("HR:12", 3.0)]
    async with bench(signals) as b:
        b.simulator.faults.refused.add((HR, 5))
        for _ in range(3):
            assert await b.bad() == set()
        before = b.simulator.requests
        assert await b.bad() == set()
        assert b.simulator.requests - before == 2
        assert b.problems == set()


async def test_a_table_that_ends_early() -> None:
    async with bench(FLOATS, more=[constant("HR:124", 0.0), constant("IR:0", 0.0)]) as b:
        assert await b.bad() == {"HR:124", "IR:0"} == b.problems


async def test_when_everything_is_refused_everything_is_bad() -> None:
    async with bench(FLOATS) as b:
        b.simulator.faults.exception = 2
        assert len(await b.bad()) == 62
        b.simulator.faults.exception = 1
        assert len(await b.bad()) == 62 == len(b.problems)


async def test_a_table_that_the_device_lacks_is_not_asked_for_in_each_scan() -> None:
    clock = Time()
    async with bench(FLOATS, clock=clock) as b:
        b.simulator.faults.exception = 1
        assert len(await b.bad()) == 62
        assert "illegal function" in b.driver.problems[1].message
        before = b.simulator.requests
        assert len(await b.bad()) == 62
        assert b.simulator.requests == before
        b.simulator.faults.exception = 0
        clock.ahead_s += PROBE_EVERY_S + 1
        assert await b.bad() == set()


@pytest.mark.parametrize("code", [4, 5, 6, 8, 99])
async def test_a_passing_exception_is_asked_again_in_the_next_scan(code: int) -> None:
    async with bench(FLOATS) as b:
        b.simulator.faults.exception = code
        found = await b.read()
        quality = MEANINGS[code].quality if code in MEANINGS else Quality.BAD_DEVICE_FAILURE
        assert {q for _, q in found.values()} == {quality}
        assert all(np.isnan(value) for value, _ in found.values())
        assert len(b.problems) == 62
        b.simulator.faults.exception = 0
        assert await b.bad() == set()
        assert b.problems == set()


@pytest.mark.parametrize(("code", "error"), [(10, UnreachableError), (11, DeviceTimeoutError)])
async def test_a_gateway_without_its_slave_is_a_dead_device(code: int, error: type) -> None:
    async with bench(FLOATS) as b:
        b.simulator.faults.exception = code
        with pytest.raises(error, match=f"exception {code}"):
            await b.read()


async def test_the_simulator_puts_bits_where_their_order_says() -> None:
    bits = {f"HR:0.{bit}@BA": bit in (3, 12) for bit in range(16)}
    async with bench([constant(name, on, "bool") for name, on in bits.items()]) as b:
        assert b.simulator.answer(3, bytes(3) + b"\1") == bytes.fromhex("03 02 0810")
        assert {name: bool(value) for name, (value, _) in (await b.read()).items()} == bits
