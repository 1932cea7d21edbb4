"""The storage suite runs on plain PostgreSQL and on a real TimescaleDB; every test gets an own
database, copied from a template, on one server per mode.

`plain_server` is in tests/integration/conftest.py, `make_root` and `timescale_server` in
tests/timescale.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from hub.storage.config import ConfigStore
from hub.storage.database import Database
from hub.storage.telemetry import TelemetryStore
from infra.local.postgres import Postgres

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "timescale"))
import make_root
from timescale_server import TimescaleServer

TEMPLATE = "spindle_template"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def timescale_server() -> Iterator[Postgres]:
    if reason := make_root.missing():
        pytest.skip(reason)
    server = TimescaleServer()
    asyncio.run(server.start())
    yield server.postgres
    asyncio.run(server.stop())


@pytest.fixture(params=["plain", pytest.param("timescale", marks=pytest.mark.timescale)])
def server(request: pytest.FixtureRequest) -> Postgres:
    return request.getfixturevalue(f"{request.param}_server")


@pytest.fixture(scope="session")
def with_template() -> set[str]:
    """The servers that have a database with our schema to copy from."""
    return set()


@pytest.fixture
async def dsn(server: Postgres, with_template: set[str]) -> AsyncIterator[str]:
    """A database of its own with our schema and nothing else."""
    if server.dsn not in with_template:
        async with _database(server, TEMPLATE, keep=True) as template:
            await (await Database.open(template)).close()
        await _close_to_all(server, TEMPLATE)
        with_template.add(server.dsn)
    async with _database(server, f"test_{next(_numbers)}", f"TEMPLATE {TEMPLATE}") as made:
        yield made


@pytest.fixture
async def empty_dsn(server: Postgres) -> AsyncIterator[str]:
    """A database that nobody has touched."""
    async with _database(server, f"test_{next(_numbers)}") as made:
        yield made


async def _close_to_all(server: Postgres, name: str) -> None:
    """A database with a session cannot be copied, and TimescaleDB's scheduler opens one."""
    admin = await asyncpg.connect(server.dsn)
    try:
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await admin.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1", name
        )
    finally:
        await admin.close()


@asynccontextmanager
async def _database(
    server: Postgres, name: str, options: str = "", *, keep: bool = False
) -> AsyncIterator[str]:
    admin = await asyncpg.connect(server.dsn)
    try:
        await admin.execute(f"CREATE DATABASE {name} {options}")
        yield server.dsn.rsplit("/", 1)[0] + f"/{name}"
        if not keep:
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    opened = await Database.open(dsn)
    yield opened
    await opened.close()


Adopt = Callable[[Iterable[int]], Awaitable[None]]

_ADOPT = """
INSERT INTO tag (tag_id, device_id, name, config, kind) OVERRIDING SYSTEM VALUE
SELECT id, $2, 'tag ' || id, '{}', 'float' FROM unnest($1::int[]) AS id ON CONFLICT DO NOTHING
"""


@pytest.fixture
def adopt(database: Database, config: ConfigStore) -> Adopt:
    """Makes tags with these ids, of the first spoke: only known tags are stored."""

    async def make(ids: Iterable[int]) -> None:
        found = await config.devices(1)
        device = found[0] if found else await config.insert_device(1, "adopted", {})
        async with database.using() as conn:
            await conn.execute(_ADOPT, sorted(set(ids)), device.device_id)

    return make


@pytest.fixture
def config(database: Database) -> ConfigStore:
    return ConfigStore(database)


@pytest.fixture
def store(database: Database) -> TelemetryStore:
    return TelemetryStore(database)
