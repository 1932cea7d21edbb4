"""Events: in the transaction of their batch, exactly as often as they happened."""

from __future__ import annotations

import asyncio
import time

import msgpack
import numpy as np
import pytest

from hub.function_records import StoredEvent
from hub.storage.config import ConfigStore
from hub.storage.database import Database
from hub.storage.errors import PositionError
from hub.storage.event_rows import EventRows
from hub.storage.queries import Queries
from hub.storage.telemetry import Stored, TelemetryStore
from schemas.events import Event
from schemas.frames import Batch, Frame, decode_batch

NOW = time.time_ns() // 1000 * 1000
SECOND = 10**9
DAY = 86_400 * SECOND


async def make_device(config: ConfigStore, spoke: str) -> tuple[int, int, int]:
    """(spoke, device, tag) ids."""
    row = await config.insert_spoke(spoke)
    device = await config.insert_device(row.spoke_id, "trend", {})
    (tag,) = await config.insert_tags(device.device_id, [("t", {}, "float")])
    return row.spoke_id, device.device_id, tag.tag_id


def message(sequence: int, *events: Event, tag: int = 0) -> Stored:
    frames = ()
    if tag:
        times = np.array([NOW + sequence * SECOND], dtype=np.int64)
        frames = (Frame(np.array([tag], dtype=np.int32), times, np.array([[1.5]])),)
    return Stored(sequence, NOW + sequence, Batch("f0", sequence, NOW, frames, events))


def event(device: int, text: str = "It failed.", at: int = NOW, **detail: object) -> Event:
    return Event(at, device, "error", "fault", text, detail)


async def stored(database: Database, device: int | None = None) -> list[StoredEvent]:
    return await EventRows(database).newest(device, 100)


async def test_events_arrive_with_the_values_of_their_batch(
    database: Database, config: ConfigStore, store: TelemetryStore
) -> None:
    spoke, device, tag = await make_device(config, "a")
    await store.open_position(spoke, "e", NOW, 1)
    items = [
        message(1, event(device, line=14, tags=["x"]), tag=tag),
        message(2, tag=tag),
        message(3, event(device, "Again.", NOW + SECOND), event(0, "The gateway itself.")),
    ]
    await store.store(spoke, "e", 0, items)
    newest, *older = await stored(database)
    assert (newest.time_ns, newest.message) == (NOW + SECOND, "Again.")
    assert [found.message for found in older] == ["The gateway itself.", "It failed."]
    assert older[0].device == ""
    assert older[1] == StoredEvent(
        id=older[1].id,
        time_ns=NOW,
        spoke="a",
        device_id=device,
        device="trend",
        level="error",
        kind="fault",
        message="It failed.",
        detail={"line": 14, "tags": ["x"]},
    )
    assert [found.message for found in await stored(database, device)] == ["Again.", "It failed."]
    assert len(await EventRows(database).newest(None, 2)) == 2
    (position,) = await store.positions(spoke)
    assert (position.messages, position.values) == (3, 2)


async def test_a_batch_again_adds_no_event(
    database: Database, config: ConfigStore, store: TelemetryStore
) -> None:
    spoke, device, tag = await make_device(config, "a")
    await store.open_position(spoke, "e", NOW, 1)
    results = await asyncio.gather(
        *(
            TelemetryStore(database).store(spoke, "e", 0, [message(1, event(device), tag=tag)])
            for _ in range(4)
        ),
        return_exceptions=True,
    )
    assert [type(found) for found in results if found] == [PositionError] * 3
    assert len(await stored(database)) == 1


async def test_a_transaction_that_fails_leaves_no_event(
    database: Database, config: ConfigStore, store: TelemetryStore
) -> None:
    spoke, device, tag = await make_device(config, "a")
    await store.open_position(spoke, "e", NOW, 1)
    with pytest.raises(PositionError):
        await store.store(spoke, "e", 5, [message(6, event(device), tag=tag)])
    assert await stored(database) == []


async def test_a_refused_value_takes_its_event_with_it_and_no_other(
    database: Database, config: ConfigStore, store: TelemetryStore
) -> None:
    spoke, device, tag = await make_device(config, "a")
    await store.open_position(spoke, "e", NOW, 1)
    async with database.using() as conn:  # stands for whatever a database refuses
        await conn.execute("ALTER TABLE event ADD CHECK (message <> 'No.')")
    items = [message(number, event(device, "No." if number == 2 else "Yes."), tag=tag)
             for number in (1, 2, 3)]  # fmt: skip
    await store.store(spoke, "e", 0, items)
    assert [found.message for found in await stored(database)] == ["Yes.", "Yes."]
    (position,) = await store.positions(spoke)
    assert (position.messages, position.dead, position.values) == (2, 1, 2)
    (letter,) = await Queries(database).dead_letters()
    payload = await Queries(database).dead_letter_payload(letter.id)
    assert payload is not None
    assert decode_batch(payload).events == (event(device, "No."),)


async def test_an_event_of_another_gateways_device_is_a_dead_letter(
    database: Database, config: ConfigStore, store: TelemetryStore
) -> None:
    thief, own, _ = await make_device(config, "a")
    _, others, _ = await make_device(config, "b")
    await store.open_position(thief, "e", NOW, 1)
    items = [
        message(1, event(own), event(others)),
        message(2, event(99_999)),
        message(3, event(own)),
    ]
    await store.store(thief, "e", 0, items)
    assert [found.device_id for found in await stored(database)] == [own]
    letters = await Queries(database).dead_letters()
    assert [letter.sequence for letter in letters] == [2, 1]
    assert f"device {others}" in letters[1].reason


async def test_events_of_a_deleted_device_are_kept(
    database: Database, config: ConfigStore, store: TelemetryStore
) -> None:
    spoke, device, _ = await make_device(config, "a")
    await config.delete_device(device)
    await store.open_position(spoke, "e", NOW, 1)
    await store.store(spoke, "e", 0, [message(1, event(device))])
    assert len(await stored(database, device)) == 1


async def test_what_json_or_the_database_cannot_hold_is_kept_as_text(
    database: Database, config: ConfigStore, store: TelemetryStore
) -> None:
    """A gateway says what it likes; a NaN in a detail must not cost the values of its batch."""
    spoke, device, tag = await make_device(config, "a")
    await store.open_position(spoke, "e", NOW, 1)
    deep: object = "end"
    for _ in range(200):
        deep = [deep]
    odd = Event(
        NOW, device, "info", "event", "odd",
        {"nan": float("nan"), "bytes": b"\0\xff", "zero": "a\0b", "deep": deep, "n": 2**63,
         "ok": [1, 2.5, True, None]},
    )  # fmt: skip
    large = Event(NOW - 1000, device, "info", "event", "large", {"text": "x" * 100_000})
    await store.store(spoke, "e", 0, [message(1, odd, large, tag=tag)])
    found, cut = await stored(database, device)
    assert found.detail["nan"] == "nan"
    assert found.detail["zero"] == "a\N{SYMBOL FOR NULL}b"
    assert found.detail["ok"] == [1, 2.5, True, None]
    assert found.detail["n"] == 2**63
    assert "end" not in str(found.detail["deep"])
    assert cut.detail == {"cut": True}
    (position,) = await store.positions(spoke)
    assert (position.dead, position.values) == (0, 1)


async def test_events_are_dropped_with_the_samples_of_their_time(
    database: Database, config: ConfigStore, store: TelemetryStore
) -> None:
    spoke, device, _ = await make_device(config, "a")
    await store.open_position(spoke, "e", NOW, 1)
    ages = (0, 2, 40)
    await store.store(
        spoke,
        "e",
        0,
        [message(1, *(event(device, f"{age} days", NOW - age * DAY) for age in ages))],
    )
    await store.maintain(NOW, None)
    assert len(await stored(database)) == 3
    await store.maintain(NOW, 30)
    assert [found.message for found in await stored(database)] == ["0 days", "2 days"]


async def test_a_batch_without_events_asks_nothing_more(
    database: Database, config: ConfigStore, store: TelemetryStore
) -> None:
    """Statements that the database sees for a batch of values, before and after."""
    spoke, _, tag = await make_device(config, "a")
    await store.open_position(spoke, "e", NOW, 1)
    await store.store(spoke, "e", 0, [message(1, tag=tag)])
    async with database.using() as conn:
        await conn.execute("ALTER TABLE event RENAME TO event_away")
    await store.store(spoke, "e", 1, [message(2, tag=tag)])
    (position,) = await store.positions(spoke)
    assert position.values == 2


def test_the_detail_of_an_event_is_a_map_in_a_message() -> None:
    """The wire has no other form, so that the row always has one."""
    batch = decode_batch(_with_events(msgpack.packb([[NOW, 1, "info", "event", "m", {"a": 1}]])))
    assert batch.events[0].detail == {"a": 1}


def _with_events(packed: bytes) -> bytes:
    body: bytes = msgpack.packb({"p": "f0", "n": 1, "c": NOW, "f": [], "e": packed})
    return b"SP\x01\x00" + body
