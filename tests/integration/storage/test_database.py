"""Opening a database: what it is, its schema, and what happens when it is away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import make_root
import numpy as np
import pytest

from hub.storage.config import ConfigStore
from hub.storage.database import Database, Mode, _server_version
from hub.storage.migrate import Migration, migrate, migrations
from hub.storage.telemetry import Stored, TelemetryStore
from infra.local.postgres import Postgres
from schemas.errors import StorageError, StorageVersionError
from schemas.frames import Batch, Frame
from tests.fixtures.folders import open_folder
from tests.integration.conftest import FAST


async def test_it_says_what_it_is(database: Database, request: pytest.FixtureRequest) -> None:
    if "timescale" in request.node.name:
        assert database.mode is Mode.TIMESCALE_APACHE
        assert database.description.startswith("PostgreSQL 17.")
        assert database.description.endswith("(Apache edition)")
        assert " + TimescaleDB 2." in database.description
    else:
        assert database.mode is Mode.PLAIN
        assert database.description == "PostgreSQL 18.6"


@pytest.mark.timescale
@pytest.mark.parametrize("server", ["timescale"], indirect=True)
async def test_the_community_edition_is_found(empty_dsn: str) -> None:
    """The same schema and store on it; they use nothing that the Apache edition has not."""
    if reason := make_root.missing_community():
        pytest.skip(reason)
    admin = await asyncpg.connect(empty_dsn)
    name = empty_dsn.rsplit("/", 1)[1]
    await admin.execute(f"ALTER DATABASE {name} SET timescaledb.license = 'timescale'")
    await admin.close()
    database = await Database.open(empty_dsn)
    try:
        assert database.mode is Mode.TIMESCALE_COMMUNITY
        assert database.description.endswith("(community edition)")
        assert database.mode.hypertables
    finally:
        await database.close()


async def test_hubs_that_start_together_make_the_schema_once(empty_dsn: str) -> None:
    opened = await asyncio.gather(*(Database.open(empty_dsn) for _ in range(4)))
    async with opened[0].using() as conn:
        assert await conn.fetchval("SELECT count(*) FROM schema_migration") == len(migrations())
    for database in opened:
        await database.close()


async def test_a_newer_schema_is_refused(database: Database, dsn: str) -> None:
    async with database.using() as conn:
        await conn.execute("INSERT INTO schema_migration VALUES (9999, 'future', 'x')")
    with pytest.raises(StorageVersionError, match="schema is at 9999"):
        await Database.open(dsn)


async def test_a_changed_migration_is_refused(database: Database) -> None:
    first, *others = migrations()
    changed = (Migration(1, first.name, first.sql + " "), *others)
    async with database.using() as conn:
        with pytest.raises(StorageVersionError, match=r"Migration 1 \(config\) has changed"):
            await migrate(conn, hypertables=False, known=changed)


async def test_a_new_migration_is_applied_once_and_whole(database: Database) -> None:
    number = len(migrations()) + 1
    broken = (*migrations(), Migration(number, "new", "CREATE TABLE fresh (); SELECT 1/0;"))
    works = (*migrations(), Migration(number, "new", "CREATE TABLE fresh ();"))
    async with database.using() as conn:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await migrate(conn, hypertables=False, known=broken)
        assert await conn.fetchval("SELECT to_regclass('fresh')") is None
        assert await migrate(conn, hypertables=False, known=works) == 1
        assert await migrate(conn, hypertables=False, known=works) == 0


async def test_an_old_server_is_refused() -> None:
    class Old:  # no such server is at hand; it answers as PostgreSQL 14 does
        async def fetchval(self, query: str) -> str:
            return {"SHOW server_version_num": "140011", "SHOW server_version": "14.11"}[query]

    with pytest.raises(StorageVersionError, match=r"PostgreSQL 14\.11 is too old"):
        await _server_version(Old())  # type: ignore[arg-type]


async def test_wrong_password_and_wrong_name_say_so(dsn: str) -> None:
    place = dsn.split("@")[1]
    with pytest.raises(StorageError, match="refused the login"):
        await Database.open(f"postgresql://spindle:wrong@{place}")
    with pytest.raises(StorageError, match="does not exist"):
        await Database.open(dsn.rsplit("/", 1)[0] + "/nothing")


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder(data=True) as made:
        yield made


async def test_the_database_goes_away_and_comes_back(folder: Path) -> None:
    """The store fails retryably meanwhile, and the same call succeeds afterwards."""
    server = Postgres(folder / "data", settings=FAST)
    await server.start()
    database = await Database.open(server.dsn)
    store = TelemetryStore(database)
    config = ConfigStore(database)
    spoke = await config.insert_spoke("a")
    device = await config.insert_device(spoke.spoke_id, "plc", {})
    (tag,) = await config.insert_tags(device.device_id, [("t", {}, "float")])
    await store.open_position(spoke.spoke_id, "e", 0, 1)
    frame = Frame(np.array([tag.tag_id], np.int32), np.array([10**18]), np.array([[1.0]]))

    def message(number: int) -> Stored:
        return Stored(number, number, Batch("w", number, 0, (frame,)))

    await store.store(spoke.spoke_id, "e", 0, [message(1)])
    await server.stop()
    with pytest.raises(StorageError) as caught:
        await store.store(spoke.spoke_id, "e", 1, [message(2)])
    assert caught.value.retryable
    with pytest.raises(StorageError):
        await Database.open(server.dsn)
    again = Postgres(folder / "data", server.port, settings=FAST)
    await again.start()
    try:
        await store.store(spoke.spoke_id, "e", 1, [message(2)])
        async with database.using() as conn:
            assert await conn.fetchval("SELECT count(*) FROM samples") == 2
        await database.close()
    finally:
        await again.stop()
