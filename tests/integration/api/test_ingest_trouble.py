"""What the hub says of itself: the database and the ingest each speak for themselves."""

from __future__ import annotations

import time

import pytest

from hub.data import DataService
from schemas import subjects
from schemas.messages.codec import pack
from schemas.messages.ingest import IngestStatus
from tests.integration.api.gateway import connected
from tests.servers import eventually


@pytest.fixture
async def gateway(hub, tmp_path):
    async with connected(hub, tmp_path) as found:
        yield found


async def test_trouble_of_the_ingest_is_not_the_databases(hub, gateway):
    data = DataService(hub.store.database, gateway.presence, gateway.client)
    await data.start()

    async def says(error: str, wanted_ok: bool, age_s: float = 0.0):
        status = IngestStatus(time.time_ns() - int(age_s * 1e9), 5.0, (), error)
        await gateway.client.publish(subjects.INGEST_STATUS, pack(status))

        async def look():
            found = await data.system()
            return found if found.ingest_ok is wanted_ok else None

        return await eventually(look, 5.0)

    silent = await data.system()
    assert (silent.ingest_ok, silent.ingest_error) == (
        False,
        "The ingest process does not report.",
    )
    assert (silent.database_ok, silent.database_error) == (True, "")
    well = await says("", True)
    assert (well.ingest_error, well.values_per_s) == ("", 5.0)
    waits = await says("line-1: the mirror is away", False)
    assert (waits.database_ok, waits.database_error) == (True, "")
    assert waits.ingest_error == "line-1: the mirror is away"
    assert (await says("", True)).ingest_ok
    old = await says("", False, age_s=60)
    assert "does not report" in old.ingest_error


async def test_a_database_that_is_away_is_not_the_ingests_trouble(hub, gateway):
    data = DataService(hub.store.database, gateway.presence, gateway.client)
    await data.start()
    await gateway.client.publish(
        subjects.INGEST_STATUS, pack(IngestStatus(time.time_ns(), 0.0, ()))
    )

    async def look():
        return (await data.system()).ingest_ok

    await eventually(look, 5.0)
    await hub.store.database.pool.close()
    away = await data.system()
    assert not away.database_ok
    assert away.database_error
    assert away.ingest_ok
