"""UDP, RTU over TCP and serial lines against servers that others wrote: pymodbus and libmodbus."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusUdpClient
from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer, ModbusUdpServer
from pymodbus.simulator import DataType as PymodbusType
from pymodbus.simulator import SimData, SimDevice

from schemas.config.modbus import ModbusConfig, ModbusTransport
from schemas.messages.writes import WriteState
from spoke.drivers.base import RawWrite
from spoke.drivers.links import Links
from spoke.drivers.modbus.simulator import ModbusSimulator
from tests.fixtures.context import driver_context
from tests.fixtures.modbus import LINES, Reading, settings_of, signal, simulated
from tests.fixtures.pty_pair import pty_pair

SERIAL = (ModbusTransport.RTU, ModbusTransport.ASCII)
_FRAMERS = {ModbusTransport.RTU: FramerType.RTU, ModbusTransport.ASCII: FramerType.ASCII}
SOURCE = Path(__file__).parent / "modbus_foreign" / "serial.c"


# --- pymodbus -------------------------------------------------------------------------------------


@asynccontextmanager
async def pymodbus_server(transport: ModbusTransport) -> AsyncIterator[ModbusConfig]:
    """Units 1 and 2: holding registers 0..299 are 7 times their number plus the unit id."""
    async with pty_pair() as (ours, theirs):
        server = _server(transport, [_device(1), _device(2)], theirs)
        await server.serve_forever(background=True)
        place: dict[str, Any] = {"serial_port": ours}
        if not transport.serial:
            place = {"port": _port(server)}
        try:
            yield settings_of(transport, **place)
        finally:
            await server.shutdown()


def _device(unit: int) -> SimDevice:
    values = [7 * i + unit for i in range(300)]
    registers = SimData(0, values=values, datatype=PymodbusType.UINT16)
    coils = SimData(0, values=[i % 3 == 0 for i in range(160)], datatype=PymodbusType.BITS)
    return SimDevice(id=unit, simdata=([coils], [coils], [registers], [registers]))


def _server(transport: ModbusTransport, devices: list[SimDevice], port: str) -> Any:
    nowhere = ("127.0.0.1", 0)
    if transport is ModbusTransport.UDP:
        return ModbusUdpServer(devices, address=nowhere)
    if transport is ModbusTransport.RTU_TCP:
        return ModbusTcpServer(devices, address=nowhere, framer=FramerType.RTU)
    return ModbusSerialServer(devices, port=port, framer=_FRAMERS[transport], baudrate=115200)


def _port(server: Any) -> int:
    sockets = getattr(server.transport, "sockets", None)
    if sockets:
        return int(sockets[0].getsockname()[1])
    return int(server.transport.get_extra_info("sockname")[1])


@pytest.mark.parametrize("transport", LINES)
async def test_two_units_of_a_pymodbus_server(transport: ModbusTransport) -> None:
    addresses = [f"HR:{i}" for i in range(0, 300, 3)] + ["IR:299", "HR:300"]
    async with pymodbus_server(transport) as settings:
        links = Links()
        units = [
            Reading(
                settings.model_copy(update={"unit_id": unit}), addresses,
                driver_context(links=links),
            )
            for unit in (1, 2)
        ]  # fmt: skip
        for unit in units:
            await unit.connect()
        for _ in range(5):
            found = await asyncio.gather(*(unit.values() for unit in units))
            for number, values in enumerate(found, 1):
                assert values.pop("HR:300") is None  # the server does not have it
                assert values == {a: 7 * int(a[3:]) + number for a in addresses[:-1]}
        for unit in units:
            await unit.close()


@pytest.mark.parametrize("transport", LINES)
async def test_a_write_to_a_pymodbus_server(transport: ModbusTransport) -> None:
    async with pymodbus_server(transport) as settings:
        reading = Reading(settings, ["HR:5", "HR:6"])
        await reading.connect()
        writes = [RawWrite(tag, 1000 + i) for i, tag in enumerate(reading.group.tags)]
        results = await reading.driver.write(writes)
        assert [(r.state, r.read_back) for r in results] == [
            (WriteState.WRITTEN, 1000),
            (WriteState.WRITTEN, 1001),
        ]
        assert await reading.values() == {"HR:5": 1000, "HR:6": 1001}
        await reading.close()


@pytest.mark.parametrize("transport", [*SERIAL, ModbusTransport.UDP])
async def test_a_pymodbus_client_reads_our_simulator(transport: ModbusTransport) -> None:
    async with simulated(transport, [signal("HR:0", 77), signal("HR:9", 9)]) as (simulator, _):
        client = _client(transport, simulator)
        try:
            assert await client.connect()
            assert (await client.read_holding_registers(0, count=1)).registers == [77]
            assert not (await client.write_registers(1, [1, 2, 3], device_id=3)).isError()
            assert not (
                await client.mask_write_register(address=2, and_mask=0xFFF0, or_mask=0xD)
            ).isError()
            assert (await client.read_holding_registers(1, count=3)).registers == [1, 13, 3]
            assert (await client.read_holding_registers(10, count=1)).exception_code == 2
        finally:
            client.close()


def _client(transport: ModbusTransport, simulator: ModbusSimulator) -> Any:
    if transport is ModbusTransport.UDP:
        return AsyncModbusUdpClient("127.0.0.1", port=simulator.port, retries=0)
    return AsyncModbusSerialClient(
        simulator.serial_port, framer=_FRAMERS[transport], baudrate=115200, retries=0
    )


# --- libmodbus ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def libmodbus_serial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program in modbus_foreign/serial.c, compiled now."""
    cc, config = shutil.which("cc"), shutil.which("pkg-config")
    found = cc and config and subprocess.run([config, "--exists", "libmodbus"]).returncode == 0
    if not found:
        pytest.skip("needs cc, pkg-config and libmodbus (Debian: libmodbus-dev)")
    flags = subprocess.check_output([config, "--cflags", "--libs", "libmodbus"], text=True)
    program = tmp_path_factory.mktemp("modbus") / "serial"
    subprocess.run([cc, "-O1", "-o", program, SOURCE, *shlex.split(flags)], check=True)
    return program


@pytest.mark.foreign
async def test_rtu_against_libmodbus(libmodbus_serial: Path) -> None:
    addresses = [f"HR:{i}" for i in range(0, 256, 5)] + ["IR:700", "HR:999", "HR:1000"]
    async with pty_pair() as (ours, theirs):
        server = await asyncio.create_subprocess_exec(
            libmodbus_serial, theirs, "17", stdout=subprocess.PIPE
        )
        try:
            assert server.stdout is not None
            assert await server.stdout.readline() == b"ready\n"
            reading = Reading(
                settings_of(ModbusTransport.RTU, serial_port=ours, unit_id=17), addresses
            )
            await reading.connect()
            for _ in range(5):
                values = await reading.values()
                assert values.pop("HR:1000") is None
                assert values.pop("IR:700") == 65535 - 700
                assert values == {a: int(a[3:]) * 257 % 65536 for a in values}
            (tag,) = [tag for tag in reading.group.tags if tag.address == "HR:5"]
            (result,) = await reading.driver.write([RawWrite(tag, 4711)])
            assert (result.state, result.read_back) == (WriteState.WRITTEN, 4711)
            await reading.close()
        finally:
            server.terminate()
            await server.wait()
