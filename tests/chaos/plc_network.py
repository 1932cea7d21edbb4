"""A network of its own for simulated PLCs, so that faults are those of a real network.

A Linux network namespace behind a veth pair: packets that are dropped are really gone, and no
kernel of the client's side answers for a server that is not there. Needs root.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import time
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

_NAMES = Path("/run/netns")
_STALE = re.compile(r"spindle-plc-(\d+)-\d+")


class Network:
    """`address` is the PLCs' end. Rules and link belong to that end; the client's is left alone."""

    def __init__(self, lane: int) -> None:
        """`lane`, 0 to 63, tells the networks of one process apart."""
        pid = os.getpid()
        self.name = f"spindle-plc-{pid}-{lane}"
        self.address = f"10.{200 + pid // 250 % 50}.{pid % 250}.{4 * lane + 2}"
        self.healed_s = 0.0
        """time.monotonic() when packets passed again."""
        self._gateway = f"10.{200 + pid // 250 % 50}.{pid % 250}.{4 * lane + 1}"
        self._near = f"pv{pid}-{lane}"

    @property
    def inside(self) -> tuple[str, ...]:
        """Put before a command, this runs it in the namespace, with the same process id."""
        return ("ip", "netns", "exec", self.name)

    async def open(self) -> None:
        await _run("ip", "netns", "add", self.name)
        await _run(
            *("ip", "link", "add", self._near, "type", "veth"),
            *("peer", "name", "eth0", "netns", self.name),
        )
        await _run("ip", "address", "add", f"{self._gateway}/30", "dev", self._near)
        await _run("ip", "link", "set", self._near, "up")
        await self._inside("ip", "address", "add", f"{self.address}/30", "dev", "eth0")
        await self._inside("ip", "link", "set", "lo", "up")
        await self._inside("ip", "link", "set", "eth0", "up")

    async def close(self) -> None:
        """With the namespace go its link and its rules. May be called twice."""
        if (_NAMES / self.name).exists():
            await _run("ip", "netns", "delete", self.name)
        await _run("ip", "link", "delete", self._near, check=False)  # else gone a moment later

    async def drop(self) -> None:
        """Every packet is lost, both ways, and nobody is told."""
        for chain in ("INPUT", "OUTPUT"):
            await self._rule("-A", chain, "-j", "DROP")

    async def reset(self) -> None:
        """Every TCP packet to the PLCs is answered with RST."""
        await self._rule("-A", "INPUT", "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")

    async def lose(self, share: float) -> None:
        """This share of the packets to the PLCs is lost; TCP sends them again, late."""
        random = ("-m", "statistic", "--mode", "random", "--probability", str(share))
        await self._rule("-A", "INPUT", *random, "-j", "DROP")

    async def link(self, state: str) -> None:
        """`down`: as if the cable was pulled out of the PLCs. `up`: it is in again."""
        await self._inside("ip", "link", "set", "eth0", state)
        if state == "up":
            self.healed_s = time.monotonic()

    async def heal(self) -> None:
        await self._rule("-F")
        self.healed_s = time.monotonic()

    async def forget(self) -> None:
        """The PLCs' end loses all its connections, those without a process as well."""
        await self._inside("ss", "-K", "-t", "dst", self._gateway)

    async def _rule(self, *rule: str) -> None:
        await self._inside("iptables", "-w", *rule)

    async def _inside(self, *command: str) -> None:
        await _run(*self.inside, *command)


@contextlib.asynccontextmanager
async def network(lane: int) -> AsyncIterator[Network]:
    made = Network(lane)
    try:
        await made.open()
        yield made
    finally:
        await made.close()


@cache
def missing() -> str:
    """Why there are no networks here, or nothing."""
    if os.geteuid() != 0:
        return "needs root and network namespaces"
    probe = f"spindle-plc-{os.getpid()}-99"
    try:
        subprocess.run(["ip", "netns", "add", probe], check=True, capture_output=True)
        rule = ["ip", "netns", "exec", probe, "iptables", "-w", "-A", "INPUT", "-p", "tcp"]
        reject = ["-j", "REJECT", "--reject-with", "tcp-reset"]
        random = ["-m", "statistic", "--mode", "random", "--probability", "0.5", "-j", "DROP"]
        for what in (reject, random):
            subprocess.run([*rule, *what], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return "needs root and network namespaces"
    finally:
        with contextlib.suppress(OSError):
            subprocess.run(["ip", "netns", "delete", probe], capture_output=True)
    return ""


def stale_networks() -> list[str]:
    """Names of networks of test runs that were killed."""
    found = [_STALE.fullmatch(path.name) for path in _NAMES.glob("spindle-plc-*")]
    return [name[0] for name in found if name and not Path(f"/proc/{name[1]}").exists()]


async def remove(name: str) -> None:
    await _run("ip", "netns", "delete", name, check=False)


async def _run(*command: str, check: bool = True) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    if check and process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {said.decode().strip()}")
