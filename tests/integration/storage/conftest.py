"""The storage suite runs on plain PostgreSQL and on a real TimescaleDB; every test gets an own
database, copied from a template, on one server per mode.

`plain_server` is in tests/integration/conftest.py, `make_root` and `timescale_server` in
tests/timescale.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator, Iterator
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
        with_template.add(server.dsn)
    async with _database(server, f"test_{next(_numbers)}", f"TEMPLATE {TEMPLATE}") as made:
        yield made


@pytest.fixture
async def empty_dsn(server: Postgres) -> AsyncIterator[str]:
    """A database that nobody has touched."""
    async with _database(server, f"test_{next(_numbers)}") as made:
        yield made


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


@pytest.fixture
def config(database: Database) -> ConfigStore:
    return ConfigStore(database)


@pytest.fixture
def store(database: Database) -> TelemetryStore:
    return TelemetryStore(database)
