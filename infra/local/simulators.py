"""One simulated PLC as a process: `python -m infra.local.simulators modbus --port 25020`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from importlib import import_module
from typing import Protocol

from infra.local.plant import MACHINES
from schemas import logs

_log = logging.getLogger(__name__)

_CLASSES = {"modbus": "ModbusSimulator", "s7": "S7Simulator", "opcua": "OpcUaSimulator"}


class Simulator(Protocol):
    port: int

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


def make(driver: str, host: str, port: int) -> Simulator:
    """The simulator of this driver with its machine of the plant."""
    module = import_module(f"spoke.drivers.{driver}.simulator")
    simulator: Simulator = getattr(module, _CLASSES[driver])(
        MACHINES[driver]().signals, host=host, port=port
    )
    return simulator


async def _serve(driver: str, host: str, port: int) -> None:
    simulator = make(driver, host, port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await simulator.start()
    _log.info("Simulated %s on port %d", driver, simulator.port, extra={"action": "sim.start"})
    await stop.wait()
    await simulator.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("driver", choices=sorted(_CLASSES))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args()
    logs.set_up(f"simulator {chosen.driver}")
    try:
        asyncio.run(_serve(chosen.driver, chosen.host, chosen.port))
    except OSError as error:
        sys.stderr.write(f"The simulated {chosen.driver} PLC cannot start: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
