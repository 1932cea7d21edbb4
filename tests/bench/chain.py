"""The whole chain at profile A: 16 devices x 1,000 float32 x 50 ms over real Modbus TCP into SQL.

    python -m tests.bench.chain [--devices 16] [--tags 1000] [--period-ms 50] [--seconds 60]
        [--functions none|steps|built-in|package]

Starts the real stack (fsync on, `sync_interval: always`) against a lean C responder, and reports
CPU-seconds per million values of each process, values lost and doubled, and the commit lag.
The figures are ratios of one run; see docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from infra.local.configure import Api
from infra.local.layout import Folder, Ports
from infra.local.stack import ADMIN, SPOKE, Stack
from tests.bench.chain_functions import CHOICES, deploy, steps
from tests.bench.cpu import Usage, usage

SOURCE = Path(__file__).with_name("modbus_server.c")
WARM_UP_VALUES_S = 5.0


def start_responder(folder: Path, devices: int, registers: int) -> tuple[Any, list[int]]:
    """The C responder and its ports."""
    program = folder / "modbus_server"
    subprocess.run(["cc", "-O2", "-o", str(program), str(SOURCE)], check=True)
    process = subprocess.Popen(
        [str(program), "0", str(devices), str(registers)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    words = process.stdout.readline().split()
    return process, [int(word) for word in words[1:]]


def tags(count: int) -> list[dict[str, Any]]:
    counter = {"name": "Counter", "address": "HR:0", "data_type": "uint32"}
    return [
        counter,
        *(
            {"name": f"Value{n:04d}", "address": f"HR:{2 * n}", "data_type": "float32"}
            for n in range(1, count + 1)
        ),
    ]


async def configure(stack: Stack, ports: list[int], chosen: argparse.Namespace) -> None:
    async with Api(stack.url) as api:
        assert stack.first_password is not None
        await api.login(ADMIN, stack.first_password)
        spoke = next(item for item in await api.get("/spokes") if item["name"] == SPOKE)
        made: list[int] = []
        for number, port in enumerate(ports):
            device = {
                "name": f"PLC{number:02d}",
                "connection": {
                    "driver": "modbus",
                    "host": "127.0.0.1",
                    "port": port,
                    "depth": chosen.depth,
                },
                "groups": [{"name": "normal", "period_ms": chosen.period_ms}],
                "tags": tags(chosen.tags),
                "steps": steps(chosen.functions),
            }
            made.append((await api.post(f"/spokes/{spoke['id']}/devices", device))["id"])
        await deploy(api, chosen.functions, spoke["id"], made)


async def stored(connection: Any) -> int:
    return int(await connection.fetchval('SELECT sum("values") FROM stream_position') or 0)


async def measure(stack: Stack, server_pid: int, chosen: argparse.Namespace) -> dict[str, Any]:
    """One window of `chosen.seconds`, after the chain has come to rest."""
    connection = await asyncpg.connect(stack.postgres.dsn)
    expected = chosen.devices * (chosen.tags + 1) * 1000 / chosen.period_ms
    while await stored(connection) < expected * WARM_UP_VALUES_S:  # noqa: ASYNC110 - polls SQL
        await asyncio.sleep(0.5)
    pids = {name: program.pid for name, program in stack.programs.items()}
    pids |= {"postgres": stack.postgres.pid, "responder": server_pid}
    before = {name: usage(pid) for name, pid in pids.items() if pid}
    clock = asyncio.get_running_loop().time
    started, first = clock(), await stored(connection)
    await asyncio.sleep(chosen.seconds)
    seconds, values = clock() - started, await stored(connection) - first
    after = {name: usage(pid) for name, pid in pids.items() if pid}
    result = {
        "profile": f"{chosen.devices} x {chosen.tags} x {chosen.period_ms} ms",
        "depth": chosen.depth,
        "functions": chosen.functions,
        "offered_per_s": expected,
        "values_per_s": values / seconds,
        "cpu_s_per_million": _per_million(before, after, values),
        "memory_mb": {name: round(item.memory_bytes / 1e6) for name, item in after.items()},
        **await _completeness(connection),
        "skipped_scans": await _skipped(stack),
    }
    await connection.close()
    return result


def _per_million(
    before: dict[str, Usage], after: dict[str, Usage], values: int
) -> dict[str, float]:
    found = {
        name: round((after[name].cpu_s - before[name].cpu_s) / values * 1e6, 3) for name in after
    }
    found["total without responder"] = round(
        sum(cost for name, cost in found.items() if name != "responder"), 3
    )
    return found


async def _completeness(connection: Any) -> dict[str, int]:
    """Every scan counter from its first to its last value, exactly once."""
    rows = await connection.fetch(
        "SELECT device, count(value_int) AS n, count(DISTINCT value_int) AS different, "
        "max(value_int) - min(value_int) + 1 AS span FROM samples WHERE tag = 'Counter' GROUP BY 1"
    )
    return {
        "scans": sum(row["n"] for row in rows),
        "lost_scans": sum(row["span"] - row["different"] for row in rows),
        "doubled_scans": sum(row["n"] - row["different"] for row in rows),
    }


async def _skipped(stack: Stack) -> int:
    async with Api(stack.url) as api:
        assert stack.first_password is not None
        await api.login(ADMIN, stack.first_password)
        devices = await api.get("/devices")
    return sum((device.get("health") or {}).get("skipped", 0) for device in devices)


async def run(chosen: argparse.Namespace) -> dict[str, Any]:
    with open_folder() as folder:
        responder, ports = start_responder(folder, chosen.devices, 2 * chosen.tags + 2)
        stack = Stack(Folder(folder / "run"), Ports.free(), say, workers=chosen.workers, demo=False)
        result: dict[str, Any] = {}
        try:
            async with asyncio.TaskGroup() as tasks:
                await stack.start(tasks)
                await configure(stack, ports, chosen)
                result = await measure(stack, responder.pid, chosen)
                stack.end()
        finally:
            await stack.stop()
            responder.terminate()
            responder.wait()
        return result


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that PostgreSQL's own user can reach too."""
    with tempfile.TemporaryDirectory(prefix="spindle-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=16)
    parser.add_argument("--tags", type=int, default=1000)
    parser.add_argument("--period-ms", type=int, default=50)
    parser.add_argument("--depth", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--functions", choices=CHOICES, default="none")
    parser.add_argument("--workers", type=int, default=1)
    print(json.dumps(asyncio.run(run(parser.parse_args())), indent=2))


if __name__ == "__main__":
    main()
