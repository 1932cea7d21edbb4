"""What units behind one connection owe each other: turns, probes of silent ones, and the trace."""

from __future__ import annotations

import asyncio

import pytest

from schemas.config.modbus import ModbusTransport
from schemas.errors import DeviceTimeoutError, UnreachableError
from schemas.messages.diagnosis import PlannedRequest
from spoke.clock import SystemClock
from spoke.drivers.base import DriverContext, Explains
from spoke.drivers.links import Links
from spoke.drivers.modbus.breaker import Breaker
from spoke.drivers.modbus.framing import AsciiFraming, RtuFraming
from tests.fixtures.context import driver_context
from tests.fixtures.modbus import ALL, Reading, signal, simulated

SIGNALS = [signal("HR:0", 7), signal("HR:300", 300), signal("HR:600", 600)]


class Frozen(SystemClock):
    """A clock that stands still until it is set."""

    now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


def _context(links: Links) -> DriverContext:
    return driver_context(links=links)


async def units_of(
    settings: object, count: int, addresses: list[str], links: Links | None = None
) -> list[Reading]:
    links = links or Links()
    found = []
    for unit in range(1, count + 1):
        mine = settings.model_copy(update={"unit_id": unit})  # type: ignore[attr-defined]
        found.append(Reading(mine, addresses, _context(links)))
        await found[-1].connect()
    return found


# --- sharing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ALL)
async def test_devices_share_one_connection_and_the_last_closes_it(
    transport: ModbusTransport,
) -> None:
    links = Links()
    async with simulated(transport, SIGNALS) as (simulator, settings):
        units = await units_of(settings, 4, ["HR:0", "HR:300", "HR:600"], links)
        found = await asyncio.gather(*(unit.values() for unit in units))
        assert found == [{"HR:0": 7, "HR:300": 300, "HR:600": 600}] * 4
        assert len(simulator.sessions) == 1
        assert len({id(unit.driver._unit._connection) for unit in units}) == 1
        for unit in units:
            assert await unit.values() == found[0]
            await unit.close()
        assert not links._shared


async def test_an_own_connection_is_not_shared() -> None:
    tcp = ModbusTransport.TCP
    async with simulated(tcp, SIGNALS, own_connection=True) as (simulator, settings):
        units = await units_of(settings, 2, ["HR:0"])
        for unit in units:
            assert await unit.values() == {"HR:0": 7}
        assert len(simulator.sessions) == 2
        for unit in units:
            await unit.close()


@pytest.mark.parametrize("transport", ALL)
async def test_a_cancelled_device_does_not_disturb_the_others(transport: ModbusTransport) -> None:
    async with simulated(transport, SIGNALS) as (simulator, settings):
        one, two, three = await units_of(settings, 3, ["HR:0", "HR:300"])
        simulator.faults.delay_s = 0.05
        for _ in range(5):
            cancelled = asyncio.ensure_future(one.values())
            others = asyncio.gather(two.values(), three.values())
            await asyncio.sleep(0.02)
            cancelled.cancel()
            assert await others == [{"HR:0": 7, "HR:300": 300}] * 2
        await one.close()
        assert await two.values() == {"HR:0": 7, "HR:300": 300}
        assert two.driver.stale_answers == 0  # each was waited for
        await two.close()
        await three.close()


@pytest.mark.parametrize("transport", [ModbusTransport.TCP, ModbusTransport.RTU_TCP])
async def test_a_lost_connection_is_opened_again_once_for_all(transport: ModbusTransport) -> None:
    async with simulated(transport, SIGNALS) as (simulator, settings):
        links = Links()
        units = await units_of(settings, 3, ["HR:0"], links)
        for session in tuple(simulator.sessions):
            session.close()
        for unit in units:
            with pytest.raises(UnreachableError):
                await unit.values()
        fresh = [Reading(unit.driver._settings, ["HR:0"], unit.context) for unit in units]
        await asyncio.gather(*(unit.connect() for unit in fresh))
        for unit in units:  # the old ones leave later, and take nothing with them
            await unit.close()
        assert len(simulator.sessions) == 1
        for unit in fresh:
            assert await unit.values() == {"HR:0": 7}
            await unit.close()
        assert not links._shared


async def test_one_attempt_for_all_while_nobody_listens() -> None:
    async with simulated(ModbusTransport.TCP, SIGNALS) as (simulator, settings):
        await simulator.stop()
        links = Links()
        units = [
            Reading(settings.model_copy(update={"unit_id": n}), ["HR:0"], _context(links))
            for n in range(1, 9)
        ]
        found = await asyncio.gather(*(unit.connect() for unit in units), return_exceptions=True)
        assert all(isinstance(error, UnreachableError) for error in found)
        assert len({id(error) for error in found}) == 8  # each has its own
        assert units[0].driver._unit._link._attempts == 1
        for unit in units:
            await unit.close()


async def test_a_connection_on_which_nobody_answers_is_replaced() -> None:
    async with simulated(ModbusTransport.TCP, SIGNALS, timeout_s=0.1) as (simulator, settings):
        units = await units_of(settings, 4, ["HR:0"])
        simulator.faults.frozen = True
        for unit in units[:3]:
            with pytest.raises(DeviceTimeoutError):
                await unit.values()
        with pytest.raises(UnreachableError):
            await units[3].values()
        for unit in units:
            await unit.close()


# --- silent units ---------------------------------------------------------------------------------


@pytest.mark.parametrize("cost_s", [0.1, 2.0])
@pytest.mark.parametrize("dead", [1, 5])
def test_probes_of_silent_units_take_less_than_3_percent(cost_s: float, dead: int) -> None:
    clock = Frozen()
    breaker = Breaker(clock, quick=True)
    error = DeviceTimeoutError()
    for unit in range(dead):
        breaker.missed(unit, cost_s, error)
    start_s, spent_s = clock.now_s, 0.0
    while clock.now_s < start_s + 20_000:
        clock.now_s += 0.5
        for unit in range(dead):
            if breaker.due_in_s(unit) <= 0:
                clock.now_s += cost_s
                spent_s += cost_s
                breaker.missed(unit, cost_s, error)
    assert 0.01 < spent_s / (clock.now_s - start_s) < 0.032


def test_a_unit_that_comes_and_goes_is_not_asked_all_the_time() -> None:
    clock = Frozen()
    breaker = Breaker(clock, quick=True)
    breaker.missed(1, 2.0, DeviceTimeoutError())
    assert breaker.due_in_s(1) == 0  # the first time: at once
    breaker.answered(1)
    clock.now_s += 5
    breaker.missed(1, 2.0, DeviceTimeoutError())
    assert breaker.due_in_s(1) == pytest.approx(66)
    breaker.answered(1)
    clock.now_s += 100
    breaker.missed(1, 2.0, DeviceTimeoutError())
    assert breaker.due_in_s(1) == 0


def test_a_slow_unit_among_quick_ones_gets_more_time_when_its_answer_came_late() -> None:
    breaker = Breaker(Frozen(), quick=True)
    assert breaker.patience_s(1, 2.0) == 2.0  # nothing is known yet
    for _ in range(100):
        breaker.took(0.005, 0)
    breaker.missed(1, 2.0, DeviceTimeoutError())
    assert breaker.patience_s(1, 2.0) == 0.1
    breaker.took(0.005, 1)
    assert breaker.patience_s(1, 2.0) == 2.0
    assert breaker.patience_s(2, 2.0) == 0.1


async def test_between_probes_the_driver_says_when_the_next_one_is() -> None:
    tcp = ModbusTransport.TCP
    async with simulated(tcp, SIGNALS, timeout_s=0.2) as (simulator, settings):
        links = Links()
        _, dead = units = await units_of(settings, 2, ["HR:0"], links)
        simulator.faults.dead_units.add(2)
        with pytest.raises(DeviceTimeoutError, match=r"within 0\.2 s"):
            await dead.values()
        for expected in (r"within 0\.2 s", r"asked again in [67] s"):
            await units[-1].close()
            units.append(Reading(dead.driver._settings, ["HR:0"], dead.context))
            before = simulator.requests
            with pytest.raises(DeviceTimeoutError, match=expected):
                await units[-1].connect()
        assert simulator.requests == before  # the second one did not ask
        assert await units[0].values() == {"HR:0": 7}
        for unit in units:
            await unit.close()


# --- framing --------------------------------------------------------------------------------------

READ_2 = bytes.fromhex("0300000002")


@pytest.mark.parametrize("framing", [RtuFraming(), AsciiFraming()], ids=["rtu", "ascii"])
def test_an_answer_is_found_in_noise_and_only_whole(framing: RtuFraming | AsciiFraming) -> None:
    answer = bytes.fromhex("0304deadbeef")
    frame = framing.encode(1, answer)
    for noise in (b"", b"\x01\x03", b"\x01\x03\x09", b":0103", b"\r\n", framing.encode(2, answer)):
        assert framing.find(noise + frame, 1, READ_2) == (answer, frame)
        for cut in range(len(frame)):
            assert framing.find(noise + frame[:cut], 1, READ_2) is None
    broken = frame[:5] + bytes((frame[5] ^ 1,)) + frame[6:]
    assert framing.find(broken, 1, READ_2) is None
    assert framing.find(framing.encode(1, b"\x83\x02"), 1, READ_2) is not None
    for other in ("0302dead", "0404deadbeef", "8402", "0600010002"):
        assert framing.find(framing.encode(1, bytes.fromhex(other)), 1, READ_2) is None


def test_writes_are_matched_by_their_echo() -> None:
    framing = RtuFraming()
    request = bytes.fromhex("0600010002")
    assert framing.find(framing.encode(1, request), 1, request) is not None
    assert framing.find(framing.encode(1, bytes.fromhex("0600010003")), 1, request) is None


# --- trace and plan -------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ALL)
async def test_the_trace_has_words_and_bytes(transport: ModbusTransport) -> None:
    async with simulated(transport, SIGNALS, timeout_s=0.2) as (simulator, settings):
        (unit,) = await units_of(settings, 1, ["HR:0", "HR:300"])
        await unit.values()
        assert not unit.context.trace.exchanges
        unit.context.trace.switch(60)
        await unit.values()
        first, second = unit.context.trace.exchanges
        assert first.request == "read holding register 0 (function 3), unit 1"
        assert first.answer == "2 bytes: 00 07"
        assert second.answer == "2 bytes: 01 2c"
        assert first.good
        sent, received = {
            ModbusTransport.TCP: ("00 00 00 06 01 03 00 00 00 01", "00 00 00 05 01 03 02 00 07"),
            ModbusTransport.UDP: ("00 00 00 06 01 03 00 00 00 01", "00 00 00 05 01 03 02 00 07"),
            ModbusTransport.ASCII: (b":010300000001FB\r\n".hex(" "), b":0103020007F3\r\n".hex(" ")),
        }.get(transport, ("01 03 00 00 00 01 84 0a", "01 03 02 00 07 f9 86"))
        assert first.sent.endswith(sent)
        assert first.received.endswith(received)
        simulator.faults.exception = 4
        await unit.values()
        assert unit.context.trace.exchanges[-1].answer == "exception 4, server device failure"
        assert not unit.context.trace.exchanges[-1].good
        simulator.faults.frozen = True
        with pytest.raises(DeviceTimeoutError):
            await unit.values()
        last = unit.context.trace.exchanges[-1]
        assert "did not answer within 0.2 s" in last.answer
        assert last.took_ms > 150
        await unit.close()


async def test_the_plan_is_what_is_asked() -> None:
    async with simulated(ModbusTransport.TCP, SIGNALS) as (_, settings):
        unit = Reading(settings, ["HR:0", "HR:3", "HR:300", "HR:900"])
        assert isinstance(unit.driver, Explains)
        assert unit.driver.planned(unit.group) == []
        await unit.connect()
        unit.context.trace.switch(60)
        planned = unit.driver.planned(unit.group)
        assert planned == [
            PlannedRequest("read holding registers 0 to 3 (function 3), unit 1", 2, 8),
            PlannedRequest("read holding register 300 (function 3), unit 1", 1, 2),
            PlannedRequest("read holding register 900 (function 3), unit 1", 1, 2),
        ]
        await unit.values()
        asked = [exchange.request for exchange in unit.context.trace.exchanges]
        assert asked == [request.words for request in planned]
        assert len(unit.driver.planned(unit.group)) == 2  # what the device refuses is left out
        await unit.close()
