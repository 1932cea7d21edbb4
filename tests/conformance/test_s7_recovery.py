"""The list of faults with the real runner: bad with its reason, and values again in time.

The scenarios run at the same time, each with its own CPU, line and runner.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from schemas.config.devices import Access, GroupConfig, ManifestDevice, ManifestTag
from schemas.config.s7 import S7Config
from schemas.kinds import DataType
from schemas.messages.diagnosis import DiagnoseRequest
from schemas.messages.writes import OperateRequest, SelectRequest, WriteState, WriteValue
from schemas.quality import Quality
from spoke.drivers.s7.addresses import Area
from spoke.drivers.s7.simulator import S7Simulator
from spoke.drivers.sim.signals import Signal

from .opcua_line import Plant, plant
from .s7_line import Line

RECOVERED_S = 5.0
TIMEOUT_S = 0.5


@dataclass(frozen=True)
class Site:
    """A CPU behind a line, and a device that reads it every 50 ms."""

    cpu: S7Simulator
    line: Line
    plant: Plant


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    signals = [
        Signal("a", "DB1.DBW0", DataType.INT16, lambda _t: 1),
        Signal("b", "DB2.DBW0", DataType.INT16, lambda _t: 2),
    ]
    cpu = S7Simulator(signals, depth=2)
    await cpu.start()
    try:
        async with Line(cpu.port) as line:
            settings = S7Config(host="127.0.0.1", port=line.port, timeout_s=TIMEOUT_S)
            tags = tuple(
                ManifestTag(
                    id=i + 1,
                    name=s.name,
                    address=s.address,
                    data_type=s.data_type,
                    access=Access.READ_WRITE,
                )
                for i, s in enumerate(signals)
            )
            device = ManifestDevice(
                id=1,
                name="cpu",
                connection=settings,
                groups=(GroupConfig(period_ms=50),),
                tags=tags,
            )
            async with plant(device) as running:
                await running.good(5)
                yield Site(cpu, line, running)
    finally:
        await cpu.stop()


async def refused(found: Site) -> str:
    await found.cpu.stop()
    reason = await found.plant.bad(3)
    await asyncio.sleep(1)  # an outage, with several tries
    await found.cpu.start()
    return reason


async def reset(found: Site) -> str:
    found.cpu.reset()
    return await found.plant.bad(3)


async def black_hole(found: Site) -> str:
    found.line.cut()
    reason = await found.plant.bad(3)
    await asyncio.sleep(1)
    found.line.mend()
    return reason


async def restart(found: Site) -> str:
    await found.cpu.stop()
    await found.cpu.start()
    return await found.plant.bad(3)


async def half_open(found: Site) -> str:
    """The CPU has forgotten the connection, and its FIN is lost."""
    found.line.cut()
    for connection in list(found.cpu.connections):
        connection.abort()
    reason = await found.plant.bad(3)
    found.line.mend()
    return reason


async def power_cycle(found: Site) -> str:
    found.line.cut()
    await found.cpu.stop()
    reason = await found.plant.bad(3)
    await asyncio.sleep(2)
    await found.cpu.start()
    found.line.mend()
    return reason


async def silent(found: Site) -> str:
    found.cpu.faults.freeze = True
    reason = await found.plant.bad(3)
    found.cpu.faults.freeze = False
    return reason


async def slow(found: Site) -> str:
    """Answers that are later than the timeout, and arrive on a connection that is gone."""
    found.cpu.faults.delay_s = 2 * TIMEOUT_S
    reason = await found.plant.bad(3)
    await asyncio.sleep(2 * TIMEOUT_S)
    found.cpu.faults.delay_s = 0.0
    return reason


async def garbage(found: Site) -> str:
    found.cpu.faults.garbage = True
    reason = await found.plant.bad(3)
    found.cpu.faults.garbage = False
    return reason


async def full(found: Site) -> str:
    """No connection resource is left when it comes back."""
    found.cpu.faults.full = True
    found.cpu.reset()
    await found.plant.until(lambda: "no connection left" in found.plant.error, 5)
    found.cpu.faults.full = False
    return found.plant.error


async def stopped(found: Site) -> str:
    found.cpu.faults.header_error = 0x8402
    reason = await found.plant.bad(3)
    found.cpu.faults.header_error = 0
    return reason


SCENARIOS: list[tuple[Callable[[Site], Awaitable[str]], str]] = [
    (refused, "closed the connection"),
    (reset, "closed the connection"),
    (black_hole, "did not answer"),
    (restart, "closed the connection"),
    (half_open, "did not answer"),
    (power_cycle, "did not answer"),
    (silent, "did not answer"),
    (slow, "did not answer"),
    (garbage, "no S7 packet"),
    (full, "Connection resources"),
    (stopped, "put it in RUN"),
]


async def recovery(scenario: Callable[[Site], Awaitable[str]], expected: str) -> float:
    """Seconds from the end of the fault to the next good value."""
    async with site() as found:
        reason = await scenario(found)
        assert expected in reason, (scenario.__name__, reason)
        seconds = await found.plant.good(RECOVERED_S)
        assert found.plant.runner.health.state == "running"
        return seconds


async def test_values_flow_again_within_five_seconds() -> None:
    seconds = await asyncio.gather(*(recovery(*scenario) for scenario in SCENARIOS))
    for (scenario, _), took_s in zip(SCENARIOS, seconds, strict=True):
        print(f"{scenario.__name__}: values again after {took_s:.2f} s")
    assert max(seconds) <= RECOVERED_S


async def test_doubled_and_moderately_late_answers_disturb_nothing() -> None:
    async with site() as found:
        found.cpu.faults.twice = True
        found.cpu.faults.delay_s = 0.05
        found.plant.quality.clear()
        await found.plant.until(lambda: len(found.plant.quality) >= 20, 5)
        assert set(found.plant.quality) == {Quality.GOOD}
        assert found.plant.runner.health.connects == 1


async def test_an_outage_leaves_two_lines_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with site() as found:
        caplog.clear()
        await found.cpu.stop()
        await found.plant.bad(3)
        failures = found.plant.runner.health
        await found.plant.until(
            lambda: found.plant.runner.health.next_try_ns > failures.next_try_ns, 5
        )
        await found.cpu.start()
        await found.plant.good(RECOVERED_S)
        actions = [getattr(record, "action", "") for record in caplog.records]
    assert actions == ["device.lost", "device.back"]


@pytest.mark.parametrize("shorter", [True, False])
async def test_a_block_that_vanishes_takes_only_its_tag(shorter: bool) -> None:
    """Deleted in the CPU, or downloaded with less in it; the connection stays."""
    async with site() as found:
        if shorter:
            found.cpu.memory.resize(Area.DB, 2, 1)
        else:
            found.cpu.faults.missing_dbs.add(2)
        await found.plant.until(lambda: bool(found.plant.runner.health.tag_problems), 5)
        found.plant.quality.clear()
        await found.plant.until(lambda: len(found.plant.quality) >= 20, 5)
        assert found.plant.quality.count(Quality.GOOD) == len(found.plant.quality) / 2
        assert set(found.plant.quality) == {Quality.GOOD, Quality.BAD_CONFIG_ERROR}
        health = found.plant.runner.health
        assert health.connects == 1
        assert list(health.tag_problems) == ["2"]
        message = str(health.tag_problems["2"]["message"])
        assert ("beyond the end" if shorter else "does not exist") in message


async def test_why_is_it_bad_and_what_does_it_ask() -> None:
    """The plan and the trace, as the page shows them."""
    async with site() as found:
        found.plant.runner.diagnose(DiagnoseRequest(1, trace_s=60))
        await found.plant.until(
            lambda: len(found.plant.runner.diagnose(DiagnoseRequest(1)).trace) >= 4, 5
        )
        reply = found.plant.runner.diagnose(DiagnoseRequest(1, trace_s=0))
        (group,) = reply.groups
        assert [(r.words, r.tags, r.bytes) for r in group.requests] == [
            ("DB1 bytes 0 to 1", 1, 2),
            ("DB2 bytes 0 to 1", 1, 2),
        ]
        first, second = reply.trace[:2]
        assert (first.request, first.answer, first.good) == (
            "read DB1 bytes 0 to 1",
            "2 bytes",
            True,
        )
        assert second.request == "read DB2 bytes 0 to 1"
        assert first.sent.startswith("03 00 00 1f 02 f0 80 32 01")
        assert first.received.endswith("ff 04 00 10 00 01")
        found.plant.runner.diagnose(DiagnoseRequest(1, trace_s=60))
        found.cpu.faults.missing_dbs.add(2)
        await found.plant.until(
            lambda: any(not e.good for e in found.plant.runner.diagnose(DiagnoseRequest(1)).trace),
            5,
        )
        reply = found.plant.runner.diagnose(DiagnoseRequest(1, trace_s=0))
        (bad, *_) = [e for e in reply.trace if not e.good]
        assert "refused with 0x0a" in bad.answer
        found.plant.runner.diagnose(DiagnoseRequest(1, trace_s=60))
        found.cpu.faults.freeze = True
        await found.plant.bad(3)
        trace = found.plant.runner.diagnose(DiagnoseRequest(1)).trace
        assert "no answer" in [e.answer for e in trace]


async def test_a_write_without_answer_is_unknown_and_never_repeated() -> None:
    """Also not after the runner has connected again."""
    async with site() as found:
        found.cpu.faults.silent_writes = True
        writer = found.plant.runner.writer
        ticket = writer.select(SelectRequest(1, (WriteValue(1, 77),))).ticket
        (result,) = (await writer.operate(OperateRequest(1, ticket))).results
        assert result.state is WriteState.UNKNOWN
        found.cpu.faults.silent_writes = False
        await found.plant.until(lambda: found.plant.runner.health.connects == 2, 5)
        await found.plant.good(RECOVERED_S)
        assert found.cpu.writes == 1
        ticket = writer.select(SelectRequest(1, (WriteValue(1, 78),))).ticket
        (result,) = (await writer.operate(OperateRequest(1, ticket))).results
        assert (result.state, result.read_back) == (WriteState.VERIFIED, 78)
