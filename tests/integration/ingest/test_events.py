"""Events from a real stream into SQL, as often as they happened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import asyncpg
import msgpack
import nats
import numpy as np
import pytest
from nats.aio.client import Client
from nats.js import api

from hub.ingest.mirrors import Mirror
from hub.ingest.session import Session
from hub.storage.config import ConfigStore
from hub.storage.database import Database
from hub.storage.event_rows import EventRows
from hub.storage.queries import Queries
from hub.storage.telemetry import TelemetryStore
from infra.local.postgres import Postgres
from schemas.connection import options
from schemas.events import Event
from schemas.frames import Batch, Frame, encode_batch
from tests.servers import NatsServer, eventually, free_port

NOW = time.time_ns() // 1000 * 1000
COUNT, WAVE = 40, 10


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    port = free_port()
    server = NatsServer(
        tmp_path / "nats",
        f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{tmp_path}/js" }}',
        port,
    )
    server.start()
    await server.listening()
    client = await nats.connect(f"nats://127.0.0.1:{port}", **options("test", "_INBOX_test"))
    yield client
    await client.close()
    server.stop()


@pytest.fixture
async def database(plain_server: Postgres) -> AsyncIterator[Database]:
    admin = await asyncpg.connect(plain_server.dsn)
    await admin.execute("CREATE DATABASE ingest_events")
    opened = await Database.open(plain_server.dsn.rsplit("/", 1)[0] + "/ingest_events")
    yield opened
    await opened.close()
    await admin.execute("DROP DATABASE ingest_events WITH (FORCE)")
    await admin.close()


async def _spoke(database: Database) -> tuple[int, int, int]:
    """(spoke, use of a function, its tag) ids."""
    config = ConfigStore(database)
    spoke = await config.insert_spoke("line-1")
    device = await config.insert_device(spoke.spoke_id, "trend", {})
    (tag,) = await config.insert_tags(device.device_id, [("level", {}, "float")])
    return spoke.spoke_id, device.device_id, tag.tag_id


def _message(number: int, device: int, tag: int) -> bytes:
    times = np.array([NOW + number * 1_000_000], dtype=np.int64)
    frame = Frame(np.array([tag], dtype=np.int32), times, np.array([[float(number)]]))
    event = Event(int(times[0]), device, "error", "fault", f"Fault {number}", {"line": number})
    return encode_batch(Batch("f0", number, NOW, (frame,), (event,)))


async def _stored(database: Database, spoke: int, sequence: int) -> bool:
    found = await TelemetryStore(database).positions(spoke)
    return bool(found) and found[0].last_seq == sequence


def _broken(number: int) -> bytes:
    body: bytes = msgpack.packb({"p": "f0", "n": number, "c": NOW, "f": [], "e": b"\xc1"})
    return b"SP\x01\x00" + body


@pytest.fixture
async def mirror(client: Client) -> Mirror:
    mirror = Mirror("line-1", "e1", NOW, 1)
    await client.jetstream().add_stream(api.StreamConfig(name=mirror.stream, subjects=["t"]))
    return mirror


async def test_two_ingests_and_a_crash_store_each_event_once(
    client: Client, database: Database, mirror: Mirror
) -> None:
    """Both get every message; the database ends the session of one in the middle of a commit."""
    spoke, device, tag = await _spoke(database)
    async with database.using() as conn:
        await conn.execute(
            "CREATE SEQUENCE crash; CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN IF nextval('crash') IN (1, 4) THEN "
            "PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END $$;"
            "CREATE TRIGGER die BEFORE UPDATE ON stream_position FOR EACH ROW "
            "EXECUTE FUNCTION die()"
        )
    stream = client.jetstream()
    sessions = [Session(client, TelemetryStore(database), mirror, spoke, 0.01) for _ in range(2)]
    running = [asyncio.create_task(session.run()) for session in sessions]
    try:
        for first in range(1, COUNT, WAVE):
            for number in range(first, first + WAVE):
                await stream.publish("t", _message(number, device, tag))
            await eventually(partial(_stored, database, spoke, first + WAVE - 1), 30.0)
    finally:
        for task in running:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    async with database.using() as conn:
        assert await conn.fetchval("SELECT last_value FROM crash") > 4
        assert await conn.fetchval("SELECT count(*) FROM samples") == COUNT
    found = await EventRows(database).newest(device, 1000)
    assert [event.message for event in found] == [f"Fault {n}" for n in range(COUNT, 0, -1)]
    assert [event.time_ns for event in found] == [NOW + n * 1_000_000 for n in range(COUNT, 0, -1)]


async def test_events_that_cannot_be_read_are_a_dead_letter_and_the_stream_goes_on(
    client: Client, database: Database, mirror: Mirror
) -> None:
    spoke, device, tag = await _spoke(database)
    for payload in (_message(1, device, tag), _broken(2), _message(3, device, tag)):
        await client.jetstream().publish("t", payload)
    session = Session(client, TelemetryStore(database), mirror, spoke, 0.01)
    task = asyncio.create_task(session.run())
    try:
        await eventually(lambda: session.status.stored_seq == 3, 30.0)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    found = await EventRows(database).newest(device, 10)
    assert [event.message for event in found] == ["Fault 3", "Fault 1"]
    (letter,) = await Queries(database).dead_letters()
    assert (letter.sequence, letter.reason.startswith("Not events")) == (2, True)
    assert await Queries(database).dead_letter_payload(letter.id) == _broken(2)
