"""100 Modbus tags written through the whole stack: REST API, audit, gateway, PLC, read-back.

    python -m tests.bench.writes [--tags 100] [--runs 200]

Each run is one call of `POST /devices/{id}/write`; the figures are milliseconds of that call.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Any

from infra.local.configure import Api
from infra.local.layout import Folder, Ports
from infra.local.stack import ADMIN, SPOKE, Stack
from schemas.kinds import DataType
from spoke.drivers.modbus.simulator import ModbusSimulator
from spoke.drivers.sim.signals import Signal
from tests.bench.chain import open_folder, say
from tests.servers import eventually


def _signals(count: int) -> list[Signal]:
    return [Signal(f"V{n}", f"HR:{n}", DataType.INT16, lambda t: 0.0) for n in range(count)]


async def _device(api: Api, port: int, count: int) -> dict[str, Any]:
    spoke = next(item for item in await api.get("/spokes") if item["name"] == SPOKE)
    tags = [
        {"name": f"V{n}", "address": f"HR:{n}", "data_type": "int16", "access": "rw"}
        for n in range(count)
    ]
    device = {
        "name": "PLC",
        "connection": {"driver": "modbus", "host": "127.0.0.1", "port": port},
        "tags": tags,
    }
    made: dict[str, Any] = await api.post(f"/spokes/{spoke['id']}/devices", device)
    return made


async def measure(stack: Stack, chosen: argparse.Namespace) -> dict[str, Any]:
    simulator = ModbusSimulator(_signals(chosen.tags))
    await simulator.start()
    async with Api(stack.url) as api:
        assert stack.first_password is not None
        await api.login(ADMIN, stack.first_password)
        device = await _device(api, simulator.port, chosen.tags)
        path = f"/devices/{device['id']}"

        async def runs() -> bool:
            return ((await api.get(path)).get("health") or {}).get("state") == "running"

        await eventually(runs, 60, "the device runs")
        tag_ids = [tag["id"] for tag in await api.get("/tags", device_id=device["id"])]
        times, states = [], set()
        for run in range(chosen.runs):
            values = {str(tag_id): (run + i) % 30000 for i, tag_id in enumerate(tag_ids)}
            started = time.perf_counter()
            answer = await api.post(f"{path}/write", {"values": values})
            times.append((time.perf_counter() - started) * 1000)
            states |= {item["state"] for item in answer["results"]}
    await simulator.stop()
    times.sort()
    return {
        "tags": chosen.tags,
        "runs": chosen.runs,
        "states": sorted(states),
        "p50_ms": round(times[len(times) // 2], 1),
        "p99_ms": round(times[int(len(times) * 0.99) - 1], 1),
        "max_ms": round(times[-1], 1),
    }


async def run(chosen: argparse.Namespace) -> dict[str, Any]:
    with open_folder() as folder:
        stack = Stack(Folder(folder / "run"), Ports.free(), say, workers=1, demo=False)
        result: dict[str, Any] = {}
        try:
            async with asyncio.TaskGroup() as tasks:
                await stack.start(tasks)
                result = await measure(stack, chosen)
                stack.end()
        finally:
            await stack.stop()
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tags", type=int, default=100)
    parser.add_argument("--runs", type=int, default=200)
    print(json.dumps(asyncio.run(run(parser.parse_args())), indent=2))


if __name__ == "__main__":
    main()
