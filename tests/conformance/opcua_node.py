"""node-opcua from npm as a foreign server of the OPC UA tests.

It is installed once into `.cache/node-opcua` of the repository (72 MB, 15 s) and used again.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "opcua_foreign"
CACHE = Path(__file__).parents[2] / ".cache" / "node-opcua"
INSTALL_S, START_S = 180, 60


class Foreign:
    """The running server; `tell` sends it a command and waits until it is done."""

    def __init__(self, process: asyncio.subprocess.Process, endpoint: str) -> None:
        self.endpoint = endpoint
        self._process = process

    async def tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())
        await line(self._process, f"done {command}")


def installed() -> None:
    """Install node-opcua once; skip the test when that cannot be."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node-opcua needs node and npm, which are not installed")
    wanted = (HERE / "package.json").read_text()
    version = json.loads(wanted)["dependencies"]["node-opcua-server"]
    if _is_there(version):
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the tests run in several processes
        if not _is_there(version):
            _install(wanted)


def _is_there(version: str) -> bool:
    found = CACHE / "node_modules" / "node-opcua-server" / "package.json"
    done = (CACHE / "installed").exists() and found.exists()
    return done and bool(json.loads(found.read_text())["version"] == version)


def _install(wanted: str) -> None:
    (CACHE / "package.json").write_text(wanted)
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        done = subprocess.run(
            command, cwd=CACHE, capture_output=True, text=True, timeout=INSTALL_S, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"node-opcua could not be installed from npm in {INSTALL_S} s")
    if done.returncode:
        pytest.skip(f"node-opcua could not be installed from npm: {done.stderr.strip()[-200:]}")
    (CACHE / "installed").touch()


async def line(process: asyncio.subprocess.Process, start: str) -> str:
    """The next line of the server's output that starts like this."""
    assert process.stdout is not None
    async with asyncio.timeout(START_S):
        while text := (await process.stdout.readline()).decode():
            if text.startswith(start):
                return text.strip()
    raise AssertionError(f"node-opcua ended without {start!r}")


@contextlib.asynccontextmanager
async def running(script: str, data: Path) -> AsyncIterator[Foreign]:
    """The server of `opcua_foreign/<script>`, which keeps its files in `data`."""
    await asyncio.to_thread(installed)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        "node",
        str(HERE / script),
        str(CACHE),
        str(data),
        str(port),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "HOME": str(data)},
    )
    try:
        yield Foreign(process, (await line(process, "ready ")).split()[1])
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
