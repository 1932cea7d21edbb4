"""Days come and go."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest

from hub.storage.config import ConfigStore
from hub.storage.database import Database
from hub.storage.partitions import DAY_NS, TABLES
from hub.storage.telemetry import Stored, TelemetryStore
from infra.local.postgres import Postgres
from infra.local.postgres_binaries import system_user
from schemas.errors import StorageError
from schemas.frames import Batch, Frame

TODAY = 20_000
NOW = TODAY * DAY_NS + DAY_NS // 2


class Clock:
    now_ns = NOW

    def __call__(self) -> int:
        return self.now_ns


async def put(store: TelemetryStore, sequence: int, *days: float) -> None:
    """One block row and one point for each day."""
    times = np.array([int(day * DAY_NS) for day in days], dtype=np.int64)
    block = Frame(np.array([1], np.int32), times, np.ones((len(days), 1)))
    ids = np.full(len(days), 2, np.int32)
    points = Frame(ids, times[:1], np.ones((1, len(days))), None, times.reshape(1, -1))
    await store.store(
        1, "e", sequence - 1, [Stored(sequence, 1, Batch("w", 1, 0, (block, points)))]
    )


@pytest.fixture
async def clock(config: ConfigStore, database: Database, adopt: Any) -> Clock:
    await config.insert_spoke("a")
    await adopt([1, 2])
    await TelemetryStore(database).open_position(1, "e", 0, 1)
    return Clock()


async def children(database: Database, table: str) -> set[str]:
    async with database.using() as conn:
        rows = await conn.fetch(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits "
            "WHERE inhparent = to_regclass($1)",
            table,
        )
    return {row["name"] for row in rows}


async def count(database: Database, table: str = "samples") -> int:
    async with database.using() as conn:
        return await conn.fetchval(f"SELECT count(*) FROM {table}")


async def test_days_are_made_ahead_and_dropped_by_age(database: Database, clock: Clock) -> None:
    store = TelemetryStore(database, now_ns=clock)
    await put(store, 1, TODAY, TODAY - 1, TODAY - 2.5, TODAY - 30, TODAY - 31.2, TODAY - 5000)
    assert await count(database) == 12
    await store.maintain(NOW, None)
    assert await count(database) == 12, "without a retention nothing goes"
    dropped = await store.maintain(NOW, 30)
    assert dropped >= 2
    assert await count(database) == 8, "the day that is 30 days old is kept whole"
    if not database.mode.hypertables:
        for table in TABLES:
            assert {f"{table}_20241004", f"{table}_20241005"} <= await children(database, table)
    assert await store.maintain(NOW, 30) == 0
    await put(store, 2, TODAY - 31.2)
    assert await count(database) == 10, "late data is stored until the next turn"
    await store.maintain(NOW, 30)
    assert await count(database) == 8


async def test_rows_of_a_clock_that_was_ahead_move_to_their_day(
    database: Database, clock: Clock
) -> None:
    if database.mode.hypertables:
        pytest.skip("TimescaleDB makes a chunk for every time by itself")
    store = TelemetryStore(database, now_ns=clock)
    await put(store, 1, TODAY + 5.5, TODAY + 9.5)
    assert await count(database, "block_float8_other") == 2
    clock.now_ns = NOW + 5 * DAY_NS
    await store.maintain(clock.now_ns, None)
    assert await count(database, "block_float8_other") == 1
    assert await count(database, "block_float8_20241009") == 1
    await put(store, 2, TODAY + 5.6)
    assert await count(database) == 6


async def test_names_of_partitions_are_their_utc_days(database: Database, clock: Clock) -> None:
    if database.mode.hypertables:
        pytest.skip("chunks are named by TimescaleDB")
    store = TelemetryStore(database, now_ns=clock)
    await put(store, 1, TODAY, TODAY + 1 - 1e-9)
    assert np.datetime64(TODAY, "D") == np.datetime64("2024-10-04")
    assert await children(database, "point") == {"point_20241004", "point_other"}
    assert await count(database, "point_20241004") == 2


@pytest.fixture
def small_disk(plain_server: Postgres) -> Iterator[Path]:
    """A folder on a disk of 24 MB, the database's own."""
    folder = Path(tempfile.mkdtemp(prefix="spindle-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size=24m,uid={_uid()},mode=0700", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode != 0:
        folder.rmdir()
        pytest.skip("a full disk needs the right to mount a tmpfs")
    folder.chmod(0o700)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()


def _uid() -> int:
    return system_user()


async def test_a_full_disk_stops_storing_until_there_is_room(
    plain_server: Postgres, small_disk: Path
) -> None:
    admin = await asyncpg.connect(plain_server.dsn)
    await admin.execute(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
    await admin.execute("CREATE DATABASE small TABLESPACE small")
    database = await Database.open(plain_server.dsn.rsplit("/", 1)[0] + "/small")
    try:
        store = TelemetryStore(database, now_ns=Clock())
        config = ConfigStore(database)
        spoke = await config.insert_spoke("a")
        device = await config.insert_device(spoke.spoke_id, "plc", {})
        await config.insert_tags(device.device_id, [(f"t{n}", {}, "float") for n in range(100)])
        await store.open_position(spoke.spoke_id, "e", 0, 1)
        values = np.random.default_rng(1).random((1000, 100))
        frame = Frame(np.arange(1, 101, dtype=np.int32), np.arange(1000) * 10**9 + NOW, values)

        async def fill() -> None:
            for number in range(1, 100):
                item = Stored(number, 1, Batch("w", number, 0, (frame,)))
                await store.store(spoke.spoke_id, "e", number - 1, [item])

        with pytest.raises(StorageError, match="disk is full") as caught:
            await fill()
        assert caught.value.retryable
        assert "Free space" in caught.value.hint
        (position,) = await store.positions(spoke.spoke_id)
        stored = position.last_seq
        assert 0 < stored < 99
        assert await count(database) == stored * 100_000
        await store.maintain(NOW + 10 * DAY_NS, 1)
        item = Stored(stored + 1, 1, Batch("w", 1, 0, (frame,)))
        await store.store(spoke.spoke_id, "e", stored, [item])
        assert await count(database) == 100_000
    finally:
        await database.close()
        await admin.execute("DROP DATABASE small WITH (FORCE)")
        await admin.execute("DROP TABLESPACE small")
        await admin.close()
