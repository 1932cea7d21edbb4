"""store(): values, position and dead letters are one transaction, once."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from hub.storage.config import ConfigStore
from hub.storage.database import Database
from hub.storage.errors import PositionError
from hub.storage.queries import Queries
from hub.storage.telemetry import Dead, Stored, TelemetryStore
from schemas.errors import StorageError
from schemas.frames import Batch, Frame, decode_batch

NOW = time.time_ns() // 1000 * 1000
SECOND = 10**9


async def make_tags(
    config: ConfigStore, spoke: str, count: int, kind: str = "float"
) -> tuple[int, list[int]]:
    row = await config.insert_spoke(spoke)
    device = await config.insert_device(row.spoke_id, "dev", {})
    tags = await config.insert_tags(
        device.device_id, [(f"t{number}", {}, kind) for number in range(count)]
    )
    return row.spoke_id, [tag.tag_id for tag in tags]


def frame_of(ids: list[int], value: float = 1.5, scans: int = 2, start: int = NOW) -> Frame:
    times = start + np.arange(scans, dtype=np.int64) * SECOND
    values = np.full((scans, len(ids)), value, dtype="<f4")
    return Frame(np.array(ids, dtype=np.int32), times, values)


def message(sequence: int, *frames: Frame) -> Stored:
    return Stored(sequence, NOW + sequence, Batch("w0", sequence, NOW, frames))


async def count(database: Database, table: str) -> int:
    async with database.using() as conn:
        return await conn.fetchval(f"SELECT count(*) FROM {table}")


async def test_values_position_and_dead_letters_arrive_together(
    database: Database, config: ConfigStore, store: TelemetryStore
) -> None:
    spoke, ids = await make_tags(config, "a", 250)
    await store.open_position(spoke, "e1", NOW, 1000)
    items = [
        message(1000, frame_of(ids)),
        Dead(1002, NOW, b"junk", "Not a batch."),
        message(1003, frame_of(ids, 2.5, 3, NOW + 10 * SECOND)),
    ]
    await store.store(spoke, "e1", 999, items, lost=1)

    (position,) = await store.positions(spoke)
    assert (position.last_seq, position.last_time_ns) == (1003, NOW + 1003)
    assert (position.messages, position.values) == (2, 250 * 5)
    assert (position.dead, position.lost) == (1, 1)
    assert await count(database, "samples") == 250 * 5
    assert await count(database, "block_float4") == 3 * 5
    (letter,) = await Queries(database).dead_letters()
    assert (letter.sequence, letter.reason, letter.size_bytes) == (1002, "Not a batch.", 4)
    assert {tag.wire for tag in await config.tags()} == {"<f4"}


async def test_a_wrong_position_writes_nothing(
    database: Database, config: ConfigStore, store: TelemetryStore
) -> None:
    spoke, ids = await make_tags(config, "a", 3)
    await store.open_position(spoke, "e1", NOW, 1)
    await store.store(spoke, "e1", 0, [message(1, frame_of(ids))])
    before = await store.positions(spoke)
    for expected in (0, 2):
        with pytest.raises(PositionError):
            await store.store(
                spoke, "e1", expected, [message(7, frame_of(ids)), Dead(8, NOW, b"", "x")], lost=2
            )
    with pytest.raises(PositionError):
        await store.store(spoke, "unknown epoch", 0, [message(1, frame_of(ids))])
    assert await store.positions(spoke) == before
    assert await count(database, "samples") == 6
    assert await count(database, "dead_letter") == 0


async def test_a_message_twice_is_refused_before_anything_is_written(
    config: ConfigStore, store: TelemetryStore
) -> None:
    spoke, ids = await make_tags(config, "a", 3)
    await store.open_position(spoke, "e1", NOW, 1)
    with pytest.raises(ValueError, match="does not follow"):
        await store.store(spoke, "e1", 0, [message(1, frame_of(ids)), message(1, frame_of(ids))])


async def test_a_crash_in_between_leaves_nothing(
    database: Database, config: ConfigStore, store: TelemetryStore
) -> None:
    """The server ends the session after the COPY and before the commit."""
    spoke, ids = await make_tags(config, "a", 3)
    await store.open_position(spoke, "e1", NOW, 1)
    async with database.using() as conn:
        await conn.execute(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;"
            "CREATE TRIGGER die BEFORE UPDATE ON stream_position FOR EACH ROW "
            "EXECUTE FUNCTION die()"
        )
    with pytest.raises(StorageError) as caught:
        await store.store(spoke, "e1", 0, [message(1, frame_of(ids))])
    assert caught.value.retryable
    assert await count(database, "samples") == 0
    async with database.using() as conn:
        await conn.execute("DROP TRIGGER die ON stream_position")
    await store.store(spoke, "e1", 0, [message(1, frame_of(ids))])
    assert await count(database, "samples") == 6


async def test_two_ingests_store_one_message_once(database: Database, config: ConfigStore) -> None:
    """Also the layouts and partitions that both make at the same moment."""
    spoke, ids = await make_tags(config, "a", 350)
    stores = [TelemetryStore(database) for _ in range(6)]
    await stores[0].open_position(spoke, "e1", NOW, 1)
    for sequence in (1, 2, 3):
        results = await asyncio.gather(
            *(
                one.store(spoke, "e1", sequence - 1, [message(sequence, frame_of(ids))])
                for one in stores
            ),
            return_exceptions=True,
        )
        refused = [result for result in results if result is not None]
        assert [type(result) for result in refused] == [PositionError] * 5, refused
    assert await count(database, "samples") == 3 * 700
    assert await count(database, "block_layout") == 4
    assert await count(database, "block_member") == 350


async def test_streams_of_two_spokes_go_in_parallel(
    database: Database, config: ConfigStore
) -> None:
    spokes = [await make_tags(config, f"s{number}", 120) for number in range(4)]
    stores = [TelemetryStore(database) for _ in spokes]
    for one, (spoke, _) in zip(stores, spokes, strict=True):
        await one.open_position(spoke, "e", NOW, 1)
    for sequence in range(1, 6):
        async with asyncio.TaskGroup() as group:
            for one, (spoke, ids) in zip(stores, spokes, strict=True):
                group.create_task(
                    one.store(spoke, "e", sequence - 1, [message(sequence, frame_of(ids))])
                )
    assert await count(database, "samples") == 4 * 5 * 240


async def test_a_spoke_cannot_write_anothers_tags(
    database: Database, config: ConfigStore, store: TelemetryStore
) -> None:
    thief, own = await make_tags(config, "a", 2)
    _, others = await make_tags(config, "b", 2)
    await store.open_position(thief, "e", NOW, 1)
    mixed = frame_of([*own, others[0]])
    events = Frame(
        mixed.tag_ids,
        mixed.times[:1],
        mixed.values[:1],
        None,
        np.full((1, 3), NOW, dtype=np.int64),
    )
    twice = frame_of([own[0], own[0]])
    impossible = frame_of([-1])
    items = [
        message(number, frame)
        for number, frame in enumerate((mixed, events, twice, impossible, frame_of(own)), start=1)
    ]
    await store.store(thief, "e", 0, items)
    assert await count(database, "samples") == 4
    letters = await Queries(database).dead_letters()
    assert [letter.sequence for letter in letters] == [4, 3, 2, 1]
    assert letters[3].reason == f"Tag {others[0]} belongs to another gateway."
    assert "twice" in letters[1].reason
    kept = decode_batch(await Queries(database).dead_letter_payload(letters[3].id) or b"")
    assert np.array_equal(kept.frames[0].values, mixed.values)
    (position,) = await store.positions(thief)
    assert (position.messages, position.dead, position.values) == (1, 4, 4)


async def test_unknown_tags_are_dead_letters_until_they_exist(
    config: ConfigStore, store: TelemetryStore
) -> None:
    """Stored, they would be the history of whoever gets the id."""
    spoke, ids = await make_tags(config, "a", 2)
    await store.open_position(spoke, "e", NOW, 1)
    coming = ids[-1] + 1
    await store.store(spoke, "e", 0, [message(1, frame_of([coming]))])
    (_,) = await config.insert_tags(
        (await config.devices(spoke))[0].device_id, [("x", {}, "float")]
    )
    await store.store(spoke, "e", 1, [message(2, frame_of([coming]))])
    (position,) = await store.positions(spoke)
    assert (position.messages, position.dead) == (1, 1)


async def test_a_tag_keeps_the_kind_of_its_first_sample(
    database: Database, config: ConfigStore, store: TelemetryStore
) -> None:
    spoke, ids = await make_tags(config, "a", 1)
    await store.open_position(spoke, "e", NOW, 1)
    text = Frame(
        np.array(ids, dtype=np.int32),
        np.array([NOW + SECOND], dtype=np.int64),
        np.array([["abc"]], dtype=object),
    )
    double = frame_of(ids)
    double = Frame(double.tag_ids, double.times + 10 * SECOND, double.values.astype("<f8"))
    items = [message(1, frame_of(ids)), message(2, text), message(3, double)]
    await store.store(spoke, "e", 0, items)
    (position,) = await store.positions(spoke)
    assert (position.messages, position.dead) == (2, 1)
    (letter,) = await Queries(database).dead_letters()
    assert "float since its first sample" in letter.reason
    (series,) = await Queries(database).trend(ids, NOW, NOW + 60 * SECOND)
    assert len(series.times_ns) == 4


async def test_one_refused_value_costs_one_message(
    database: Database, config: ConfigStore, store: TelemetryStore
) -> None:
    spoke, ids = await make_tags(config, "a", 3)
    await store.open_position(spoke, "e", NOW, 1)
    async with database.using() as conn:  # stands for whatever a database refuses
        await conn.execute("ALTER TABLE block_float4 ADD CHECK (values[1] <> 666)")
    items = [message(number, frame_of(ids, 666 if number == 3 else 1)) for number in range(1, 6)]
    await store.store(spoke, "e", 0, items)
    (position,) = await store.positions(spoke)
    assert (position.last_seq, position.messages, position.dead) == (5, 4, 1)
    assert position.values == await count(database, "samples") == 4 * 6
    (letter,) = await Queries(database).dead_letters()
    assert letter.sequence == 3
    assert "check" in letter.reason


async def test_lost_messages_without_any_item_move_the_position(
    config: ConfigStore, store: TelemetryStore
) -> None:
    spoke, _ = await make_tags(config, "a", 1)
    await store.open_position(spoke, "e", NOW, 100)
    await store.store(spoke, "e", 99, [], lost=5)
    await store.skip(spoke, "e", 104, 110, 6)
    with pytest.raises(PositionError):
        await store.skip(spoke, "e", 104, 110, 6)
    await store.close_position(spoke, "e", lost=2)
    (position,) = await store.positions(spoke)
    assert (position.first_seq, position.last_seq, position.lost) == (100, 110, 13)
    assert position.closed


async def test_opening_a_position_twice_keeps_it(
    config: ConfigStore, store: TelemetryStore
) -> None:
    spoke, ids = await make_tags(config, "a", 1)
    await store.open_position(spoke, "e", NOW, 1)
    await store.store(spoke, "e", 0, [message(1, frame_of(ids))])
    again = await store.open_position(spoke, "e", NOW + 1, 50)
    assert (again.first_seq, again.last_seq, again.created_ns) == (1, 1, NOW)
