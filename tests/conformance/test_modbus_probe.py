"""*Test connection* of a device that has no tags yet: an open port alone is no Modbus device."""

from __future__ import annotations

import asyncio

import pytest

from schemas.config.devices import ManifestDevice
from schemas.kinds import DataType
from spoke.drivers.modbus.simulator import ModbusSimulator
from spoke.drivers.sim.signals import Signal
from spoke.drivers.trial import try_device
from tests.fixtures.context import driver_context


def device(port: int) -> ManifestDevice:
    connection = {"driver": "modbus", "host": "127.0.0.1", "port": port, "timeout_s": 1.0}
    return ManifestDevice.model_validate({"id": 1, "name": "new", "connection": connection})


@pytest.mark.parametrize("address", ["HR:0", "IR:7"], ids=["answers", "refuses the register"])
async def test_a_modbus_device_is_one_whatever_it_answers(address: str) -> None:
    simulator = ModbusSimulator([Signal("a", address, DataType.INT16, lambda _t: 1)])
    await simulator.start()
    reply = await try_device(device(simulator.port), driver_context())
    await simulator.stop()
    assert reply.error is None


async def test_a_web_server_is_none() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reply = await try_device(device(server.sockets[0].getsockname()[1]), driver_context())
    server.close()
    await server.wait_closed()
    assert reply.error is not None
    assert reply.error["kind"] == "ProtocolError"
