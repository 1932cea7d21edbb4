"""The storage suite runs on plain PostgreSQL and on a real TimescaleDB; every test gets an own
database on one server per mode.

`make_root` and `timescale_server` are in tests/timescale.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from hub.storage.config import ConfigStore
from hub.storage.database import Database
from hub.storage.telemetry import TelemetryStore
from infra.local.postgres import Postgres
from tests.fixtures.folders import open_folder

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "timescale"))
import make_root
from timescale_server import TimescaleServer

PLAIN_SETTINGS = {"fsync": "off", "shared_buffers": "128MB"}
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def plain_server() -> Iterator[Postgres]:
    with open_folder() as folder:
        server = Postgres(folder / "data", settings=PLAIN_SETTINGS)
        asyncio.run(server.start())
        yield server
        asyncio.run(server.stop())


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


@pytest.fixture
async def dsn(server: Postgres) -> AsyncIterator[str]:
    """A database that nobody has touched."""
    name = f"test_{next(_numbers)}"
    admin = await asyncpg.connect(server.dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    yield server.dsn.rsplit("/", 1)[0] + f"/{name}"
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
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
