"""`spindle-local` as a person at a terminal meets it: starts, stops, what it says if it cannot."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

import psutil
import pytest

from infra.local.configure import Api
from infra.local.layout import Ports

START_S = 90.0
COMMAND = [sys.executable, "-m", "infra.local.app"]


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="spindle-local-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def ports() -> tuple[int, int]:
    """A free port for the page, and the first of seven free ones in a row."""
    web = Ports.free().web
    for base in range(30000, 60000, 16):
        try:
            for number in range(base, base + len(astuple(Ports())) - 1):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", number))
        except OSError:
            continue
        return web, base
    raise AssertionError("no seven free ports in a row")


class Terminal:
    """A running `spindle-local`; `text` is what it has said."""

    def __init__(self, folder: Path, web: int, base: int) -> None:
        self.output = folder / "terminal.txt"
        self.url = f"http://127.0.0.1:{web}"
        arguments = ["--data", str(folder / "run"), "--port", str(web), "--port-base", str(base)]
        with self.output.open("w") as out:
            self.process = subprocess.Popen(
                [*COMMAND, *arguments], stdout=out, stderr=subprocess.STDOUT
            )

    @property
    def text(self) -> str:
        return self.output.read_text()

    async def until_running(self) -> None:
        async with asyncio.timeout(START_S):
            while "Ctrl-C stops" not in self.text:
                assert self.process.poll() is None, self.text
                await asyncio.sleep(0.2)

    async def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return await asyncio.to_thread(self.process.wait, 60)


async def test_two_starts_keep_the_data_and_stop_everything(folder: Path) -> None:
    web, base = ports()
    first = Terminal(folder, web, base)
    await first.until_running()
    found = re.search(r"User admin\s+Password (\S+)", first.text)
    assert found, first.text
    children = psutil.Process(first.process.pid).children(recursive=True)
    assert len(children) >= 9
    assert await first.interrupt() == 0
    assert not [child for child in children if child.is_running()], "Ctrl-C stops every process"

    second = Terminal(folder, web, base)
    await second.until_running()
    assert "Password" not in second.text
    async with Api(second.url) as api:
        await api.login("admin", found[1])
        assert {item["name"] for item in await api.get("/devices")} == {"Filler", "Conveyor", "CIP"}

    other = Terminal(folder, *ports())
    assert await asyncio.to_thread(other.process.wait, 60) == 1
    assert "Another Spindle already runs" in other.text

    children = psutil.Process(second.process.pid).children(recursive=True)
    os.kill(second.process.pid, signal.SIGKILL)
    gone, alive = await asyncio.to_thread(psutil.wait_procs, children, 30)
    assert gone
    assert not alive, "nothing outlives a killed spindle-local"
    second.process.wait()

    third = Terminal(folder, web, base)
    await third.until_running()
    assert await third.interrupt() == 0


@pytest.mark.parametrize("offset", [-1, 3], ids=["web", "another"])
def test_a_port_in_use_is_one_clear_sentence(folder: Path, offset: int) -> None:
    web, base = ports()
    taken = web if offset < 0 else base + offset
    with socket.socket() as other:
        other.bind(("127.0.0.1", taken))
        other.listen()
        said = run(folder, web, base)
    assert said.count(f"Port {taken} ") == 1
    assert "Traceback" not in said


def test_a_data_directory_that_is_a_file(folder: Path) -> None:
    (folder / "run").write_text("not a folder")
    assert "cannot be used" in run(folder, *ports())


def test_a_broken_cluster_of_the_database(folder: Path) -> None:
    cluster = folder / "run/postgres/cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("nonsense")
    said = run(folder, *ports())
    assert "Spindle cannot start:" in said
    assert "Traceback" not in said


def run(folder: Path, web: int, base: int) -> str:
    """Start it where it must fail; what it said."""
    arguments = ["--data", str(folder / "run"), "--port", str(web), "--port-base", str(base)]
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    return done.stdout + done.stderr
