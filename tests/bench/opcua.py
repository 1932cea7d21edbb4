"""CPU per value of the OPC UA driver, in one worker, against the lean server.

    python -m tests.bench.opcua [--items 5000] [--period-ms 100] [--kinds F] [--seconds 10] [--poll]

`--kinds` is a word of kinds that repeats over the items (`opcua_server.py`): F is homogeneous,
FIHDB mixed, FIHDBS with texts. Counts what arrives, what is missing, and this process' CPU.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import uvloop

from schemas.config.devices import GroupConfig, ManifestDevice, ManifestTag
from schemas.config.opcua import OpcUaConfig, OpcUaMode, OpcUaSecurity
from schemas.frames import Frame
from schemas.kinds import DataType
from schemas.quality import Quality
from spoke.drivers.runner import DeviceRunner
from tests.fixtures.context import driver_context

TYPES = {
    "F": DataType.FLOAT32,
    "D": DataType.FLOAT64,
    "I": DataType.INT32,
    "H": DataType.INT16,
    "B": DataType.BOOL,
    "S": DataType.STRING,
}
WARM_UP_S = 1.0


@contextlib.contextmanager
def server() -> Iterator[int]:
    """The lean server in a process of its own; its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.opcua_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def device(port: int, items: int, period_ms: int, kinds: str, *, poll: bool) -> ManifestDevice:
    word = [kinds[i % len(kinds)] for i in range(items)]
    return ManifestDevice(
        id=1,
        name="load",
        connection=OpcUaConfig(
            endpoint=f"opc.tcp://127.0.0.1:{port}",
            security=OpcUaSecurity.NONE,
            mode=OpcUaMode.POLL if poll else OpcUaMode.SUBSCRIBE,
            publishing_ms=period_ms,
        ),
        groups=(GroupConfig(period_ms=period_ms),),
        tags=tuple(
            ManifestTag(id=i, name=f"T{i}", address=f"ns=2;s={kind}{i}", data_type=TYPES[kind])
            for i, kind in enumerate(word, 1)
        ),
    )


@dataclass
class Counting:
    """A sink that checks that every number counts up by one."""

    items: int
    ready: bool = True
    values: int = 0
    bad: int = 0
    lost: int = 0
    last: np.ndarray = field(init=False)  # type: ignore[type-arg]

    def __post_init__(self) -> None:
        self.last = np.zeros(self.items + 1, np.int64)

    def put(self, _device_id: int, frame: Frame, _stored: Frame | None) -> None:
        self.values += frame.size
        if frame.quality is not None:
            self.bad += int((frame.quality != Quality.GOOD).sum())
        if frame.wire in ("O", "|b1"):
            return
        now = frame.values[0].astype(np.int64)
        before = self.last[frame.tag_ids]
        steps = np.where(before == 0, 1, now - before)
        self.lost += int(np.abs(steps - 1).sum())
        self.last[frame.tag_ids] = now


@dataclass(frozen=True)
class Result:
    values_per_s: float
    expected_per_s: float
    cpu_share: float
    cpu_us_per_value: float
    lost: int
    bad: int


async def run(
    port: int, items: int, period_ms: int, kinds: str, seconds: float, *, poll: bool = False
) -> Result:
    sink = Counting(items)
    runner = DeviceRunner(device(port, items, period_ms, kinds, poll=poll), sink, driver_context())
    task = asyncio.ensure_future(runner.run())
    async with asyncio.timeout(30):
        while not sink.values:
            await asyncio.sleep(0.05)
            if task.done():
                task.result()
    await asyncio.sleep(WARM_UP_S)
    values, cpu_s, at_s = sink.values, time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    values, cpu_s = sink.values - values, time.process_time() - cpu_s
    took_s = time.monotonic() - at_s
    runner.stop()
    task.cancel()
    await asyncio.wait([task])
    return Result(
        values / took_s,
        items * 1000 / period_ms,
        cpu_s / took_s,
        cpu_s / max(values, 1) * 1e6,
        sink.lost,
        sink.bad,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--period-ms", type=int, default=100)
    parser.add_argument("--kinds", default="F")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--poll", action="store_true")
    chosen = parser.parse_args()
    with server() as port:
        found = uvloop.run(
            run(
                port,
                chosen.items,
                chosen.period_ms,
                chosen.kinds,
                chosen.seconds,
                poll=chosen.poll,
            )
        )
    print(
        f"{found.values_per_s:,.0f} values/s of {found.expected_per_s:,.0f}, "
        f"{found.cpu_share:.1%} of a core, {found.cpu_us_per_value:.2f} us per value, "
        f"{found.lost} lost, {found.bad} not good"
    )


if __name__ == "__main__":
    main()
