"""What many uses of built-ins cost a gateway: a real nats-server, a real gateway, no hub.

    python -m tests.bench.function_host [--uses 100] [--seconds 20] [--period-ms 1000]

CPU in percent of a core of the function host, with values coming and without, and how soon all of
the uses ran.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nats
import psutil

from schemas import subjects
from schemas.connection import options
from schemas.messages.codec import build, unpack
from schemas.messages.health import SpokeHealth
from tests.servers import PASSWORD, SPOKE, NatsServer, Program, eventually, spoke_server


def manifest(uses: int, period_ms: int, *, enabled: bool) -> dict[str, Any]:
    """One device with a tag for each use, and a filter of each."""
    tags = [{"id": n, "name": f"Tag {n}", "address": f"wave:{n}"} for n in range(1, uses + 1)]
    groups = [{"name": "normal", "period_ms": period_ms}]
    plc = {"id": 1, "name": "Plc", "connection": {"driver": "sim"}, "tags": tags, "groups": groups}
    found: list[dict[str, Any]] = [plc | {"enabled": enabled}]
    for n in range(1, uses + 1):
        connection = {
            "driver": "function",
            "function": "low_pass",
            "inputs": {"values": [n]},
            "parameters": {"time_constant_s": 5.0},
        }
        tag = {"id": 10_000 + n, "name": "Out", "address": f"value:{n}", "data_type": "float64"}
        found.append({"id": 100 + n, "name": f"Use {n}", "connection": connection, "tags": [tag]})
    return {"spoke": SPOKE, "revision": 1, "devices": found}


async def measure(
    folder: Path, server: NatsServer, chosen: argparse.Namespace, *, enabled: bool
) -> dict[str, Any]:
    data = folder / f"spoke-{enabled}"
    data.mkdir()
    (folder / "password").write_text(PASSWORD)
    content = manifest(chosen.uses, chosen.period_ms, enabled=enabled)
    (data / "manifest.json").write_text(json.dumps(content))
    settings = {
        "NAME": SPOKE,
        "DATA_DIR": str(data),
        "NATS_URL": f"nats://127.0.0.1:{server.port}",
        "NATS_PASSWORD_FILE": str(folder / "password"),
        "WORKERS": "1",
    }
    env = {f"SPINDLE_SPOKE_{name}": value for name, value in settings.items()}
    gateway = Program([sys.executable, "-m", "spoke.app"], folder / "spoke.log", env)
    client = await nats.connect(
        settings["NATS_URL"], user="agent", password=PASSWORD, **options("bench", "_INBOX_bench")
    )
    heard: list[SpokeHealth] = []

    async def hear(message: Any) -> None:
        heard.append(build(SpokeHealth, unpack(message.data)))

    await client.subscribe(subjects.health(SPOKE), cb=hear)
    gateway.start()
    started = time.monotonic()

    def running() -> bool:
        states = [item.state for item in heard[-1].functions] if heard else []
        return states.count("running") == chosen.uses

    try:
        await eventually(running, 120, "all uses run")
        ran_s = time.monotonic() - started
        child = next(
            item
            for item in psutil.Process(gateway.pid).children()
            if "spoke.functions.host" in item.cmdline()
        )
        await asyncio.sleep(3)  # states were just saved, and the like
        before = child.cpu_times()
        await asyncio.sleep(chosen.seconds)
        after = child.cpu_times()
        spent = after.user + after.system - before.user - before.system
        return {
            "all_running_s": round(ran_s, 1),
            "host_cpu_percent": round(spent / chosen.seconds * 100, 1),
            "host_memory_mb": round(child.memory_info().rss / 1e6),
            "lag_s": round(max(item.lag_s for item in heard[-1].functions), 2),
        }
    finally:
        gateway.stop()
        await client.close()


async def run(chosen: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="spindle-bench-") as name:
        folder = Path(name)
        async with spoke_server(folder) as server:
            return {
                "uses": chosen.uses,
                "values come": await measure(folder, server, chosen, enabled=True),
                "nothing comes": await measure(folder, server, chosen, enabled=False),
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uses", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--period-ms", type=int, default=1000)
    print(json.dumps(asyncio.run(run(parser.parse_args())), indent=2))


if __name__ == "__main__":
    main()
