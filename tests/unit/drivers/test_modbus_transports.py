"""Every Modbus transport against the simulator: a real socket, or a pty."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from schemas.addresses.modbus import Table
from schemas.config.modbus import ModbusTransport, Parity
from schemas.errors import ConfigError, DeviceTimeoutError, UnreachableError
from schemas.messages.writes import WriteState
from spoke.drivers.base import DriverContext, Probes, RawWrite, Writes
from spoke.drivers.links import Links
from spoke.drivers.modbus.line_opening import data_bits, silence_s
from spoke.drivers.modbus.requests import NotSentError
from spoke.drivers.modbus.transports import open_connection
from tests.fixtures.context import driver_context
from tests.fixtures.modbus import ALL, LINES, Reading, settings_of, signal, simulated

SIGNALS = [
    signal("HR:0", 7), signal("HR:1", 65535), signal("HR:300", 300), signal("IR:5", 55),
    signal("HR:9", 9), signal("HR:301", 1),
]  # fmt: skip
VALUES = {"HR:0": 7, "HR:1": 65535, "HR:300": 300, "IR:5": 55}


@pytest.mark.parametrize("transport", ALL)
async def test_values_and_refused_registers(transport: ModbusTransport) -> None:
    async with simulated(transport, SIGNALS) as (simulator, settings):
        simulator.faults.refused.add((Table.HOLDING_REGISTER, 1))
        reading = Reading(settings, list(VALUES))
        await reading.connect()
        for _ in range(3):
            assert await reading.values() == VALUES | {"HR:1": None}
        await reading.driver.probe()
        await reading.close()
        await reading.close()


@pytest.mark.parametrize("transport", ALL)
async def test_a_written_value_is_read_back(transport: ModbusTransport) -> None:
    async with simulated(transport, SIGNALS) as (_, settings):
        reading = Reading(settings, list(VALUES))
        assert isinstance(reading.driver, Writes)
        assert isinstance(reading.driver, Probes)
        await reading.connect()
        (tag,) = [tag for tag in reading.group.tags if tag.address == "HR:300"]
        (result,) = await reading.driver.write([RawWrite(tag, 1234)])
        assert (result.state, result.read_back) == (WriteState.WRITTEN, 1234)
        assert (await reading.values())["HR:300"] == 1234
        await reading.close()


@pytest.mark.parametrize("transport", ALL)
async def test_a_raw_request_goes_out_once(transport: ModbusTransport) -> None:
    async with simulated(transport, SIGNALS, timeout_s=0.2) as (simulator, settings):
        reading = Reading(settings, ["HR:0"])
        unit = reading.driver._unit
        with pytest.raises(NotSentError):
            await unit.exchange(bytes.fromhex("0600000001"))
        await reading.connect()
        write = bytes.fromhex("0600001234")
        assert await unit.exchange(write) == write
        assert await unit.exchange(bytes.fromhex("0603E70001")) == bytes.fromhex("8602")
        simulator.faults.frozen = True
        before = simulator.requests
        with pytest.raises(DeviceTimeoutError):
            await unit.exchange(write)
        with pytest.raises(NotSentError):  # no second request to a unit that is silent
            await unit.exchange(write)
        assert simulator.requests - before == 1
        await reading.close()


@pytest.mark.parametrize("transport", ALL)
async def test_duplicated_and_stale_answers_are_nobodys_values(transport: ModbusTransport) -> None:
    async with simulated(transport, SIGNALS) as (simulator, settings):
        reading = Reading(settings, list(VALUES))
        await reading.connect()
        simulator.faults.stale_answers, simulator.faults.duplicates = 2, 2
        for _ in range(20):
            assert await reading.values() == VALUES
        assert reading.driver.stale_answers > 0
        await reading.close()


@pytest.mark.parametrize("transport", LINES)
async def test_a_late_answer_is_not_the_next_ones(transport: ModbusTransport) -> None:
    """HR:0 is answered after its timeout, while HR:300 is asked for: the same unit, function and
    length, which RTU and ASCII could not tell apart without the probe in between."""
    links = Links()
    async with simulated(transport, SIGNALS, timeout_s=0.2) as (simulator, settings):
        other = Reading(settings.model_copy(update={"unit_id": 2}), ["IR:5"], _context(links))
        await other.connect()
        await other.values()
        first = Reading(settings, ["HR:0"], _context(links))
        await first.connect()
        simulator.faults.delay_s = 0.25
        with pytest.raises(DeviceTimeoutError):
            await first.values()
        await first.close()
        simulator.faults.delay_s = 0.0
        again = Reading(settings, ["HR:300"], _context(links))
        await again.connect()
        for _ in range(30):
            assert await again.values() == {"HR:300": 300}
            assert await other.values() == {"IR:5": 55}
        await again.close()
        await other.close()


@pytest.mark.parametrize("transport", LINES)
async def test_garbage_times_out_and_says_so(transport: ModbusTransport) -> None:
    async with simulated(transport, SIGNALS, timeout_s=0.2) as (simulator, settings):
        reading = Reading(settings, ["HR:0"])
        await reading.connect()
        simulator.faults.garbage = b"\x01\x03\x02\xff\xff\xff\xff:0103zz\r\n"
        with pytest.raises(DeviceTimeoutError, match=r"did not answer within 0\.2 s"):
            await reading.values()
        await reading.close()


@pytest.mark.parametrize("transport", ALL)
async def test_a_server_that_goes_away(transport: ModbusTransport) -> None:
    async with simulated(transport, SIGNALS, timeout_s=0.5) as (simulator, settings):
        reading = Reading(settings, ["HR:0"])
        await reading.connect()
        assert await reading.values() == {"HR:0": 7}
        await simulator.stop()
        await asyncio.sleep(0)
        with pytest.raises((UnreachableError, DeviceTimeoutError)):
            await reading.values()
        await reading.close()


async def test_the_pause_between_requests_and_after_connect() -> None:
    pauses = {"pause_ms": 40, "connect_pause_ms": 150}
    async with simulated(ModbusTransport.TCP, SIGNALS, **pauses) as (_, settings):
        reading = Reading(settings, list(VALUES))
        loop = asyncio.get_running_loop()
        start = loop.time()
        await reading.connect()
        await reading.values()
        took = loop.time() - start
        assert took >= 0.15 + 2 * 0.04  # three requests
        await reading.close()


# --- serial ports -------------------------------------------------------------------------------


async def test_a_port_is_opened_for_one_program_alone() -> None:
    async with simulated(ModbusTransport.RTU, SIGNALS) as (_, settings):
        line = await open_connection(settings)
        with pytest.raises(UnreachableError, match="another program uses it") as caught:
            await open_connection(settings)
        assert "one master" in caught.value.hint
        line.close()
        line = await open_connection(settings)
        line.close()


async def test_a_port_that_does_not_exist() -> None:
    with pytest.raises(UnreachableError, match="/dev/ttyNONE does not open: there is no such port"):
        await open_connection(settings_of(ModbusTransport.RTU))


async def test_a_file_that_is_no_port() -> None:
    settings = settings_of(ModbusTransport.RTU, serial_port="/dev/null")
    with pytest.raises(UnreachableError, match="no serial port"):
        await open_connection(settings)


async def test_two_line_settings_on_one_port_are_a_config_error() -> None:
    links = Links()
    async with simulated(ModbusTransport.RTU, SIGNALS) as (_, settings):
        one = Reading(settings, ["HR:0"], _context(links))
        await one.connect()
        two = Reading(settings.model_copy(update={"baud_rate": 9600}), ["HR:0"], _context(links))
        with pytest.raises(ConfigError, match="9600"):
            await two.connect()
        await two.close()
        assert await one.values() == {"HR:0": 7}
        await one.close()
    assert not links._shared


async def test_nothing_is_left_open() -> None:
    async with simulated(ModbusTransport.RTU, SIGNALS) as (_, settings):
        before = _open_files()
        for _ in range(3):
            reading = Reading(settings, ["HR:0"])
            await reading.connect()
            await reading.close()
        await asyncio.sleep(0)
        assert _open_files() == before


def test_silence_and_data_bits_are_the_standards() -> None:
    assert silence_s(9600) == pytest.approx(0.00401, abs=1e-5)
    assert silence_s(19200) == pytest.approx(0.002005, abs=1e-6)
    assert silence_s(38400) == silence_s(115200) == 0.00175
    ascii_even = settings_of(ModbusTransport.ASCII, parity="E")
    assert data_bits(ascii_even) == 7
    assert data_bits(ascii_even.model_copy(update={"parity": Parity.NONE})) == 8
    assert data_bits(ascii_even.model_copy(update={"parity": Parity.NONE, "stop_bits": 2})) == 7
    assert data_bits(settings_of(ModbusTransport.RTU)) == 8


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _context(links: Links) -> DriverContext:
    return driver_context(links=links)
