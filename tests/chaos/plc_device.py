"""A simulated PLC in a process of its own, which can be killed: the program and its handle.

The program says `ready` when it is loaded, when it listens (after the first command), and after
each further command. A command is a line of JSON with what goes wrong from now on: `delay_s`,
`twice` (answers that nobody waits for), `vanished` (the place of the last tag does not exist),
`dead_units`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schemas.kinds import DataType
from spoke.drivers.sim.signals import Signal

DRIVERS = ("modbus", "s7", "opcua")
PORTS = {"modbus": 502, "s7": 102, "opcua": 4840}
TICKS_PER_S = 10
COUNT, VANISHING = 10, 10
"""Number of tags, and the id of the one that can vanish. Tag 1 counts."""
ADDRESSES = {
    "modbus": lambda i: f"HR:{2 * i}" if i < VANISHING else "HR:500",
    "s7": lambda i: f"DB1.DBD{4 * i}" if i < VANISHING else "DB2.DBD0",
    "opcua": lambda i: f"ns=2;s=Tag{i}",
}
_ROOT = Path(__file__).parents[2]


def ticks(time_s: float) -> int:
    """What the counter shows at this time, whichever process is asked."""
    return int(time_s * TICKS_PER_S) % 1_000_000_000


def constant(tag_id: int) -> int:
    return 1000 + tag_id


def signals(driver: str) -> list[Signal]:
    """In the order of the tag ids 1, 2, ..."""
    return [
        Signal(
            f"tag {i}",
            ADDRESSES[driver](i),
            DataType.UINT32,
            (lambda _t: ticks(time.time())) if i == 1 else (lambda _t, i=i: constant(i)),
        )
        for i in range(1, COUNT + 1)
    ]


class PlcProcess:
    """The handle. `answers_s` is time.monotonic() when it last began to answer."""

    def __init__(
        self,
        driver: str,
        host: str,
        folder: Path,
        *,
        port: int = 0,
        inside: Sequence[str] = (),
    ) -> None:
        """`inside` is put before the command. `port` 0 takes a free one."""
        self.driver, self.host, self.port = driver, host, port
        self.answers_s = 0.0
        self._folder, self._inside = folder, tuple(inside)
        self._process: asyncio.subprocess.Process | None = None
        self._next: asyncio.subprocess.Process | None = None

    async def load(self) -> None:
        """Start a process that has everything ready and does not listen yet."""
        if self._next is None:
            program = (sys.executable, "-m", "tests.chaos.plc_device")
            where = (self.driver, self.host, str(self.port), str(self._folder))
            self._next = await asyncio.create_subprocess_exec(
                *(*self._inside, *program, *where),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=_ROOT,
            )
            await self._said(self._next)

    async def start(self) -> None:
        await self.load()
        self._process, self._next = self._next, None
        self.port = int(await self._ask({}))

    async def tell(self, **what: Any) -> None:
        await self._ask(what)

    def prefer(self) -> None:
        """It goes before whatever else the machine has to do."""
        assert self._process is not None
        os.setpriority(os.PRIO_PROCESS, self._process.pid, -10)

    def freeze(self) -> None:
        """It hangs; its kernel goes on to accept connections."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)
        self.answers_s = time.monotonic()

    async def kill(self) -> None:
        """SIGKILL. May be called twice."""
        process, self._process = self._process, None
        await _end(process)

    async def close(self) -> None:
        """Of all processes."""
        process, self._next = self._next, None
        await _end(process)
        await self.kill()

    def _signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    async def _ask(self, what: dict[str, Any]) -> str:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        said = await self._said(self._process)
        self.answers_s = time.monotonic()
        return said

    async def _said(self, process: asyncio.subprocess.Process) -> str:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            line = await process.stdout.readline()
        word, _, rest = line.decode().strip().partition(" ")
        assert word == "ready", f"the {self.driver} simulator said {line!r}"
        return rest


async def _end(process: asyncio.subprocess.Process | None) -> None:
    if process is not None and process.returncode is None:
        process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]  # its pipes


# --- the program --------------------------------------------------------------------------------


async def _serve(driver: str, host: str, port: int, folder: Path) -> None:
    os.setpriority(os.PRIO_PROCESS, 0, 10)  # who measures something meanwhile comes first
    from tests.chaos.plc_simulators import MAKERS

    lines = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(lines)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)

    async def listen() -> None:
        print("ready", flush=True)
        if not await lines.readline():
            sys.exit()  # whoever started it is gone
        os.setpriority(os.PRIO_PROCESS, 0, 0)

    simulated = await MAKERS[driver](host, port, folder, listen)
    print(f"ready {simulated.port}", flush=True)
    while line := await lines.readline():
        await simulated.change(json.loads(line))
        print("ready", flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])))
