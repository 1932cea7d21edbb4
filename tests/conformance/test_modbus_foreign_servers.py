"""The Modbus driver against servers that others wrote: pymodbus, and libmodbus (Debian)."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import struct
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType as PymodbusType
from pymodbus.simulator import SimData, SimDevice

from schemas.config.devices import ManifestDevice, ManifestTag
from schemas.config.drivers import ByteOrder, ModbusConfig
from schemas.kinds import DataType
from schemas.quality import Quality
from spoke.drivers.base import layouts
from spoke.drivers.modbus.driver import ModbusDriver
from spoke.drivers.modbus.simulator import ModbusSimulator
from spoke.drivers.sim.signals import Signal, steps
from tests.fixtures.context import driver_context

SOURCE = Path(__file__).parent / "modbus_foreign" / "server.c"


async def read(
    port: int, specs: dict[str, str], *, scans: int = 1, depth: int = 1, **settings: object
) -> tuple[dict[str, object], set[str]]:
    """(good values by address, addresses that are not good) of the last scan; each spec is
    address -> data type."""
    config = ModbusConfig(host="127.0.0.1", port=port, depth=depth, **settings)
    tags = tuple(
        ManifestTag(id=i + 1, name=address, address=address, data_type=DataType(kind))
        for i, (address, kind) in enumerate(specs.items())
    )
    (group,) = layouts(ManifestDevice(id=1, name="d", connection=config, tags=tags))
    driver = ModbusDriver(config, driver_context())
    await driver.connect([group])
    try:
        for _ in range(scans):
            frames = await driver.read(group)
        problems = {tags[tag_id - 1].address for tag_id in driver.problems}
    finally:
        await driver.close()
        await asyncio.sleep(0)
    good, bad = {}, set()
    for column, frame in zip(group.columns, frames, strict=True):
        for i, tag in enumerate(column.tags):
            if frame.quality is None or frame.quality[0, i] == Quality.GOOD:
                good[tag.address] = frame.values[0, i]
            else:
                bad.add(tag.address)
    assert bad == problems
    return good, bad


# --- libmodbus --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def libmodbus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the server in modbus_foreign/, compiled now."""
    cc, config = shutil.which("cc"), shutil.which("pkg-config")
    found = cc and config and subprocess.run([config, "--exists", "libmodbus"]).returncode == 0
    if not found:
        pytest.skip("needs cc, pkg-config and libmodbus (Debian: libmodbus-dev)")
    flags = subprocess.check_output([config, "--cflags", "--libs", "libmodbus"], text=True)
    program = tmp_path_factory.mktemp("modbus") / "server"
    subprocess.run([cc, "-O1", "-o", program, SOURCE, *shlex.split(flags)], check=True)
    with subprocess.Popen([program], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield int(server.stdout.readline())
        server.terminate()


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("order", "register"),
    [(ByteOrder.ABCD, 0), (ByteOrder.DCBA, 2), (ByteOrder.BADC, 4), (ByteOrder.CDAB, 6)],
)
async def test_floats_in_the_four_byte_orders(
    libmodbus: int, order: ByteOrder, register: int
) -> None:
    good, _ = await read(libmodbus, {f"HR:{register}": "float32"}, byte_order=order)
    assert good == {f"HR:{register}": np.float32(123.456)}


@pytest.mark.foreign
@pytest.mark.parametrize("depth", [1, 4])
async def test_all_tables_of_libmodbus(libmodbus: int, depth: int) -> None:
    specs = {"HR:300:10": "string"}
    expected: dict[str, object] = {"HR:300:10": "Spindle"}
    for i in range(256):
        specs[f"HR:{10 + i}"], expected[f"HR:{10 + i}"] = "uint16", i * 257
        specs[f"HR:{10 + i}.{i % 16}"] = "bool"
        expected[f"HR:{10 + i}.{i % 16}"] = bool(i * 257 >> i % 16 & 1)
    for i in range(0, 1000, 7):
        specs[f"IR:{i}"], expected[f"IR:{i}"] = "uint16", 65535 - i
    for i in range(0, 2000, 11):
        specs[f"CO:{i}"], expected[f"CO:{i}"] = "bool", i % 3 == 0
        specs[f"DI:{i}"], expected[f"DI:{i}"] = "bool", i % 5 == 0
    good, bad = await read(libmodbus, specs, scans=3, depth=depth)
    assert good == expected
    assert bad == set()


@pytest.mark.foreign
async def test_past_the_end_of_libmodbus_only_those_tags_are_bad(libmodbus: int) -> None:
    specs = {f"HR:{i}": "uint16" for i in range(950, 1010)} | {"CO:2000": "bool", "CO:0": "bool"}
    good, bad = await read(libmodbus, specs, scans=2)
    assert bad == {f"HR:{i}" for i in range(1000, 1010)} | {"CO:2000"}
    assert len(good) == 51


# --- pymodbus ---------------------------------------------------------------------------------


@asynccontextmanager
async def pymodbus_server() -> AsyncIterator[int]:
    """A device with one invalid stretch (20..23) in its holding registers."""
    floats = struct.unpack(">6H", struct.pack(">3f", 1.5, -2.25, 1e9))
    registers = SimData(0, values=list(floats), datatype=PymodbusType.UINT16)
    more = SimData(6, values=list(range(6, 20)), datatype=PymodbusType.UINT16)
    invalid = SimData(20, count=4, datatype=PymodbusType.INVALID)
    last = SimData(24, values=list(range(24, 300)), datatype=PymodbusType.UINT16)
    inputs = SimData(0, values=[7 * i for i in range(200)], datatype=PymodbusType.UINT16)
    coils = SimData(0, values=[i % 3 == 0 for i in range(160)], datatype=PymodbusType.BITS)
    discrete = SimData(0, values=[i % 5 == 0 for i in range(160)], datatype=PymodbusType.BITS)
    device = SimDevice(
        id=1, simdata=([coils], [discrete], [registers, more, invalid, last], [inputs])
    )
    server = ModbusTcpServer(device, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    try:
        yield server.transport.sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


async def test_all_tables_of_pymodbus() -> None:
    specs: dict[str, str] = {"HR:0": "float32", "HR:2": "float32", "HR:4": "float32"}
    expected: dict[str, object] = {"HR:0": 1.5, "HR:2": -2.25, "HR:4": 1e9}
    for i in range(24, 300):
        specs[f"HR:{i}"], expected[f"HR:{i}"] = "uint16", i
    for i in range(200):
        specs[f"IR:{i}"], expected[f"IR:{i}"] = "int16", 7 * i
    for i in range(0, 159, 3):
        specs[f"CO:{i + 1}"], expected[f"CO:{i + 1}"] = "bool", False
        specs[f"DI:{i}"], expected[f"DI:{i}"] = "bool", i % 5 == 0
    async with pymodbus_server() as port:
        good, bad = await read(port, specs, scans=3)
    assert good == expected
    assert bad == set()


async def test_registers_that_pymodbus_calls_invalid_are_bad_alone() -> None:
    specs = {f"HR:{i}": "uint16" for i in range(6, 60)}
    async with pymodbus_server() as port:
        good, bad = await read(port, specs, scans=2)
    assert bad == {"HR:20", "HR:21", "HR:22", "HR:23"}
    assert good == {f"HR:{i}": i for i in range(6, 60) if not 20 <= i < 24}


async def test_the_gap_that_pymodbus_refuses_costs_no_tag() -> None:
    async with pymodbus_server() as port:
        good, bad = await read(port, {"HR:10": "uint16", "HR:30": "uint16"}, max_gap=124)
    assert (good, bad) == ({"HR:10": 10, "HR:30": 30}, set())


async def test_pymodbus_client_reads_and_writes_our_simulator() -> None:
    """The simulator is a Modbus server also for others."""
    signals = [
        Signal("a", "HR:0", DataType.FLOAT32, steps([2.5], 1.0)),
        Signal("n", "HR:2", DataType.UINT32, steps([0], 1.0), counts_reads=True),
        Signal("b", "CO:9", DataType.BOOL, steps([True], 1.0)),
        Signal("c", "DI:1", DataType.BOOL, steps([True], 1.0)),
        Signal("i", "IR:3", DataType.INT16, steps([-5], 1.0)),
        Signal("t", "HR:10:6", DataType.STRING, steps(["Motor"], 1.0)),
    ]
    simulator = ModbusSimulator(signals)
    await simulator.start()
    client = AsyncModbusTcpClient("127.0.0.1", port=simulator.port, retries=0)
    kinds = client.DATATYPE
    try:
        assert await client.connect()
        for scan in (1, 2):
            registers = (await client.read_holding_registers(0, count=4)).registers
            assert client.convert_from_registers(registers[:2], kinds.FLOAT32) == 2.5
            assert client.convert_from_registers(registers[2:], kinds.UINT32) == scan
        words = (await client.read_holding_registers(10, count=3)).registers
        assert client.convert_from_registers(words, kinds.STRING) == "Motor"
        inputs = (await client.read_input_registers(3, count=1)).registers
        assert client.convert_from_registers(inputs, kinds.INT16) == -5
        assert (await client.read_coils(0, count=10)).bits[:10] == [False] * 9 + [True]
        assert (await client.read_discrete_inputs(0, count=2)).bits[:2] == [False, True]
        assert (await client.read_holding_registers(13, count=1)).exception_code == 2
        await _write_all(client)
    finally:
        client.close()
        await simulator.stop()


async def _write_all(client: AsyncModbusTcpClient) -> None:
    assert not (await client.write_register(0, 0x1234)).isError()
    assert (await client.read_holding_registers(0, count=1)).registers == [0x1234]
    assert not (await client.write_registers(10, [1, 2, 3])).isError()
    assert (await client.read_holding_registers(10, count=3)).registers == [1, 2, 3]
    assert not (await client.write_coil(9, False)).isError()
    assert (await client.read_coils(9, count=1)).bits[0] is False
    assert not (await client.write_coils(0, [True, False, True])).isError()
    assert (await client.read_coils(0, count=3)).bits[:3] == [True, False, True]
    assert (await client.write_register(500, 1)).exception_code == 2
