"""The three simulators behind one face, for the program in `plc_device.py`."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from schemas.addresses.modbus import Table
from tests.chaos.plc_device import ADDRESSES, VANISHING, constant, signals

Listen = Callable[[], Awaitable[None]]
"""Waits for the command to listen."""


class Simulated(Protocol):
    @property
    def port(self) -> int: ...

    async def change(self, what: Mapping[str, Any]) -> None: ...


class _Modbus:
    def __init__(self, simulator: Any) -> None:
        self._simulator = simulator
        self.port = simulator.port

    async def change(self, what: Mapping[str, Any]) -> None:
        faults = self._simulator.faults
        faults.delay_s = what.get("delay_s", 0.0)
        faults.stale_answers = faults.duplicates = 2 if what.get("twice") else 0
        faults.dead_units = set(what.get("dead_units", ()))
        faults.refused = {(Table.HOLDING_REGISTER, 500)} if what.get("vanished") else set()


class _S7:
    def __init__(self, simulator: Any) -> None:
        self._simulator = simulator
        self.port = simulator.port

    async def change(self, what: Mapping[str, Any]) -> None:
        faults = self._simulator.faults
        faults.delay_s = what.get("delay_s", 0.0)
        faults.twice = bool(what.get("twice"))
        faults.missing_dbs.clear()
        faults.missing_dbs.update({2} if what.get("vanished") else ())


class _OpcUa:
    def __init__(self, simulator: Any) -> None:
        self._simulator = simulator
        self.port = simulator.port

    async def change(self, what: Mapping[str, Any]) -> None:
        from asyncua import ua

        server = self._simulator.server
        node = ua.NodeId.from_string(ADDRESSES["opcua"](VANISHING))
        if what.get("vanished"):
            with warnings.catch_warnings():  # asyncua forgets to await its own report of it
                warnings.simplefilter("ignore", RuntimeWarning)
                await server.delete_nodes([server.get_node(node)])
        else:
            folder = server.get_node(ua.NodeId("Simulator", 2))
            value = ua.Variant(constant(VANISHING), ua.VariantType.UInt32)
            await folder.add_variable(node, ua.QualifiedName("back", 2), value)


async def _modbus(host: str, port: int, _folder: Path, listen: Listen) -> Simulated:
    from spoke.drivers.modbus.simulator import ModbusSimulator

    simulator = ModbusSimulator(signals("modbus"), host=host, port=port)
    await listen()
    await simulator.start()
    return _Modbus(simulator)


async def _s7(host: str, port: int, _folder: Path, listen: Listen) -> Simulated:
    from spoke.drivers.s7.simulator import S7Simulator

    simulator = S7Simulator(signals("s7"), host=host, port=port)
    await listen()
    await simulator.start()
    return _S7(simulator)


async def _opcua(host: str, port: int, folder: Path, listen: Listen) -> Simulated:
    """With the certificate that lies in the folder: it is still the same server after a restart."""
    from spoke.drivers.opcua.simulator import OpcUaSimulator
    from spoke.drivers.opcua.simulator_security import ServerSecurity

    security = ServerSecurity()
    der, key = folder / "server.der", folder / "server.pem"
    if der.exists():
        security._der, security._key = der.read_bytes(), key.read_bytes()
    else:
        security.renew(host=host)
        der.write_bytes(security._der)
        key.write_bytes(security._key)
    simulator = OpcUaSimulator(signals("opcua"), host=host, port=port, security=security)

    async def prepare(server: Any) -> None:
        await listen()
        await simulator._update(server, simulator._points, 0.0)  # no values from before

    await simulator.start(prepare=prepare)
    return _OpcUa(simulator)


MAKERS: Mapping[str, Callable[[str, int, Path, Listen], Awaitable[Simulated]]] = {
    "modbus": _modbus,
    "s7": _s7,
    "opcua": _opcua,
}
