"""One PostgreSQL server for all integration tests of a run; each suite has own databases on it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from infra.local.postgres import Postgres
from tests.fixtures.folders import open_folder

FAST = {"fsync": "off", "shared_buffers": "128MB", "max_connections": "100"}
"""A test's database need not survive a power failure of this machine."""


@pytest.fixture(scope="session")
def plain_server() -> Iterator[Postgres]:
    with open_folder(data=True) as folder:
        server = Postgres(folder / "data", settings=FAST)
        asyncio.run(server.start())
        yield server
        asyncio.run(server.stop())
