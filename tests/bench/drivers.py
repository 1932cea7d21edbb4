"""CPU of one driver, without the rest of the gateway: seconds per million values read.

    python -m tests.bench.drivers [modbus-1 modbus-16 s7 opcua-poll ...] [--scans 2000]

Each server is a process of its own, so that the figures are the client's alone: a C responder for
Modbus, the simulators of this repository for the others. Compare figures of one run only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop

from schemas.config.devices import ManifestDevice
from spoke.drivers.base import layouts
from spoke.drivers.registry import driver as find_driver
from tests.bench.chain import start_responder
from tests.fixtures.context import driver_context

TAGS = 1000

_SERVER = """
import asyncio, importlib, sys
from schemas.kinds import DataType
from spoke.drivers.sim.signals import Signal
kind, name = sys.argv[1:3]
addresses = {"s7": "DB1.DBD{}", "opcua": "ns=2;s=V{}"}
signals = [
    Signal(f"V{i}", addresses[kind].format(4 * i), DataType.FLOAT32, abs)
    for i in range(int(sys.argv[3]))
]
async def main():
    made = getattr(importlib.import_module(f"spoke.drivers.{kind}.simulator"), name)(signals)
    await made.start()
    print(made.port, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@contextmanager
def _python_server(kind: str, name: str) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, kind, name, str(TAGS)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _c_server() -> Iterator[int]:
    with tempfile.TemporaryDirectory() as folder:
        process, ports = start_responder(Path(folder), 1, 2 * TAGS + 2)
        try:
            yield ports[0]
        finally:
            process.terminate()
            process.wait()


def _device(connection: dict[str, Any], address: str) -> ManifestDevice:
    tags = [
        {"id": i + 1, "name": f"V{i}", "address": address.format(2 * i, 4 * i)} for i in range(TAGS)
    ]
    return ManifestDevice.model_validate(
        {"id": 1, "name": "bench", "connection": connection, "tags": tags}
    )


async def _cost(device: ManifestDevice, scans: int) -> float:
    """CPU-seconds per million values of `scans` scans after the first."""
    driver = find_driver(device.connection.driver).create(device.connection, driver_context())
    (group,) = layouts(device)
    await driver.connect([group])
    try:
        (frame,) = await driver.read(group)
        assert frame.quality is None, dict(driver.problems)
        before = time.process_time()
        for _ in range(scans):
            await driver.read(group)
        return (time.process_time() - before) / (scans * TAGS) * 1e6
    finally:
        await driver.close()


def modbus(depth: int, scans: int) -> float:
    with _c_server() as port:
        connection = {"driver": "modbus", "host": "127.0.0.1", "port": port, "depth": depth}
        return uvloop.run(_cost(_device(connection, "HR:{0}"), scans))


def s7(scans: int) -> float:
    with _python_server("s7", "S7Simulator") as port:
        connection = {"driver": "s7", "host": "127.0.0.1", "port": port}
        return uvloop.run(_cost(_device(connection, "DB1.DBD{1}"), scans // 4))


def opcua_poll(scans: int) -> float:
    with _python_server("opcua", "OpcUaSimulator") as port:
        endpoint = f"opc.tcp://127.0.0.1:{port}"
        connection = {
            "driver": "opcua", "endpoint": endpoint, "security": "None", "mode": "poll",
        }  # fmt: skip
        return uvloop.run(_cost(_device(connection, "ns=2;s=V{1}"), scans // 20))


BENCHES = {
    "modbus-1": lambda scans: modbus(1, scans),
    "modbus-16": lambda scans: modbus(16, scans),
    "s7": s7,
    "opcua-poll": opcua_poll,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", nargs="*", default=list(BENCHES))
    parser.add_argument("--scans", type=int, default=2000)
    chosen = parser.parse_args()
    found = {name: round(BENCHES[name](chosen.scans), 3) for name in chosen.which}
    print(json.dumps({"cpu_s_per_million_values": found}, indent=2))


if __name__ == "__main__":
    main()
