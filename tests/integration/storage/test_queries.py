"""Newest values, trends, counts; and that the view goes by index."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import numpy as np
import pytest

from hub.records import Latest
from hub.storage.config import ConfigStore
from hub.storage.database import Database
from hub.storage.queries import Queries
from hub.storage.telemetry import Stored, TelemetryStore
from schemas.frames import Batch, Frame
from schemas.quality import Quality

SECOND, DAY = 10**9, 86_400 * 10**9
NOW = time.time_ns() // DAY * DAY + 12 * 3600 * SECOND


class Plant:
    """One spoke with tags, and a stream to store frames into."""

    def __init__(self, database: Database, config: ConfigStore, store: TelemetryStore) -> None:
        self.queries = Queries(database, now_ns=lambda: NOW)
        self._config, self._store, self._sequence = config, store, 0

    async def make(self, *kinds: str) -> list[int]:
        spoke = await self._config.insert_spoke("plant")
        self._spoke = spoke.spoke_id
        device = await self._config.insert_device(spoke.spoke_id, "dev", {})
        tags = await self._config.insert_tags(
            device.device_id, [(f"t{number}", {}, kind) for number, kind in enumerate(kinds)]
        )
        await self._store.open_position(self._spoke, "e", NOW, 1)
        return [tag.tag_id for tag in tags]

    async def put(self, *frames: Frame) -> None:
        self._sequence += 1
        batch = Batch("w", self._sequence, NOW, frames)
        await self._store.store(
            self._spoke, "e", self._sequence - 1, [Stored(self._sequence, NOW, batch)]
        )


@pytest.fixture
def plant(database: Database, config: ConfigStore, store: TelemetryStore) -> Plant:
    return Plant(database, config, store)


def scan(
    ids: list[int], times: list[int], values: Any, quality: Any = None, wire: str = "<f8"
) -> Frame:
    return Frame(
        np.array(ids, np.int32), np.array(times, np.int64), np.array(values, dtype=wire),
        None if quality is None else np.array(quality, np.uint8),
    )  # fmt: skip


def event(ids: list[int], times: list[int], values: list[Any], wire: str = "<f8") -> Frame:
    return Frame(
        np.array(ids, np.int32), np.array([NOW]), np.array([values], dtype=wire), None,
        np.array([times], np.int64),
    )  # fmt: skip


async def test_latest_of_every_kind(plant: Plant) -> None:
    f, i, b, t, p, pb, pi, silent = await plant.make(
        "float", "int", "bool", "text", "float", "bool", "int", "float"
    )
    await plant.put(
        scan([f], [NOW - 2 * SECOND, NOW], [[1.0], [2.5]]),
        scan([i], [NOW], [[2**63 - 1]], wire="<i8"),
        scan([b], [NOW], [[True]], wire="?"),
        scan([t], [NOW], [["é"]], wire="O"),
        event([p, p], [NOW - 1000, NOW - 3000], [7.0, 8.0]),
        event([pb], [NOW], [False], "?"),
        event([pi], [NOW], [-(2**63)], "<i8"),
    )
    good = int(Quality.GOOD)
    found = await plant.queries.latest([f, i, b, t, p, pb, pi, silent])
    assert found == {
        f: Latest(f, NOW, 2.5, good),
        i: Latest(i, NOW, 2**63 - 1, good),
        b: Latest(b, NOW, True, good),
        t: Latest(t, NOW, "é", good),
        p: Latest(p, NOW - 1000, 7.0, good),
        pb: Latest(pb, NOW, False, good),
        pi: Latest(pi, NOW, -(2**63), good),
    }
    assert type(found[b].value) is bool
    assert type(found[pb].value) is bool


async def test_latest_says_bad_and_looks_back(plant: Plant) -> None:
    """A bad value is the newest value; a stale tag is found years back; a future one is not."""
    bad, stale, ahead, moved = await plant.make(*["float"] * 4)
    old = NOW - 300 * DAY
    await plant.put(
        scan([bad], [NOW - SECOND, NOW], [[1.0], [9.0]], [[192], [36]]),
        scan([stale], [old], [[3.0]]),
        scan([ahead], [NOW, NOW + 40_000 * DAY], [[4.0], [5.0]]),
        scan([moved, stale], [NOW - 20 * DAY], [[6.0, 6.5]]),
        scan([moved], [NOW - 21 * DAY], [[7.0]]),
    )
    found = await plant.queries.latest([bad, stale, ahead, moved])
    assert found[bad] == Latest(bad, NOW, None, 36)
    assert found[stale].value == 6.5
    assert found[ahead] == Latest(ahead, NOW, 4.0, 192)
    assert found[moved].value == 6.0


async def test_trend_of_few_samples_is_raw(plant: Plant) -> None:
    (tag,) = await plant.make("float")
    times = [NOW + second * SECOND for second in range(5)]
    quality = [[192], [0], [192], [192], [192]]
    await plant.put(scan([tag], times, [[1.0], [2.0], [3.0], [4.0], [5.0]], quality))
    (series,) = await plant.queries.trend([tag], NOW, NOW + 4 * SECOND)
    assert series.raw
    assert series.times_ns == times[:4]
    assert series.average == series.minimum == series.maximum == [1.0, None, 3.0, 4.0]


async def test_trend_of_many_samples_agrees_with_numpy(plant: Plant) -> None:
    """Blocks, points and two layouts of one tag, in one series."""
    tag, other = await plant.make("int", "int")
    rng = np.random.default_rng(1)
    values = rng.integers(-(10**6), 10**6, 6000)
    times = NOW + np.arange(6000) * SECOND
    await plant.put(
        scan([tag], times[:3000].tolist(), values[:3000, None], wire="<i8"),
        scan(
            [other, tag],
            times[3000:5000].tolist(),
            np.stack([values[3000:5000]] * 2, 1),
            wire="<i8",
        ),
        event([tag] * 1000, times[5000:].tolist(), values[5000:].tolist(), "<i8"),
    )
    (series,) = await plant.queries.trend([tag], NOW, NOW + 6000 * SECOND, buckets=60)
    assert not series.raw
    shaped = values.reshape(60, 100)
    assert series.times_ns == times[::100].tolist()
    assert series.minimum == shaped.min(1).tolist()
    assert series.maximum == shaped.max(1).tolist()
    assert series.average == pytest.approx(shaped.mean(1).tolist())


async def test_trend_of_text_and_bool_keeps_every_change(plant: Plant) -> None:
    text, flag = await plant.make("text", "bool")
    times = [NOW + second * SECOND for second in range(6)]
    await plant.put(
        scan([text], times, [["a"], ["a"], ["b"], ["b"], ["b"], ["b"]], wire="O"),
        scan([flag], times, [[0], [0], [1], [1], [0], [0]], [[192]] * 5 + [[0]], wire="?"),
    )
    words, steps = await plant.queries.trend([text, flag], NOW, NOW + DAY)
    assert (words.times_ns, words.texts) == ([times[0], times[2], times[5]], ["a", "b", "b"])
    assert steps.times_ns == [times[0], times[2], times[4], times[5]]
    assert steps.texts == ["false", "true", "false", None]
    assert steps.average == [0.0, 1.0, 0.0, None]


async def test_counts(plant: Plant) -> None:
    (tag,) = await plant.make("float")
    await plant.put(scan([tag], [NOW], [[1.0]]))
    counters = await plant.queries.counters()
    assert (counters.values, counters.messages, counters.dead, counters.lost) == (1, 1, 0, 0)
    (stream,) = await plant.queries.ledger()
    assert (stream.spoke, stream.epoch, stream.stored, stream.last_seq) == ("plant", "e", 1, 1)
    assert await plant.queries.database_size() > 1_000_000
    assert await plant.queries.dead_letter_payload(1) is None


FILTERS = (
    "tag_id = 1050",
    "tag_id IN (1050, 7)",
    "tag = 't50' AND device = 'dev' AND spoke = 'plant'",
    "tag = 't50'",
)


WINDOWS = ("time >= $1 AND time < $2", "time >= $1")


async def test_the_view_goes_by_index(plant: Plant, database: Database, adopt: Any) -> None:
    """Several days, over 100 blocks, points too: no telemetry table is read from end to end."""
    ids = await plant.make(*["float"] * 200)
    await adopt(range(201, 13_000))
    rng = np.random.default_rng(1)
    for day in range(4):
        for part in range(3):
            start = NOW - day * DAY - part * 600 * SECOND
            times = [start + second * SECOND for second in range(8)]
            wide = np.arange(1000, 13_000)
            frames = [scan(ids, times, rng.random((8, 200)))]
            frames += [scan(wide.tolist(), times, rng.random((8, len(wide))))]
            frames += [
                event(list(range(1, 401)), [at] * 400, rng.random(400).tolist()) for at in times
            ]
            await plant.put(*frames)
    limits = [NOW - DAY, NOW + DAY]
    async with database.using() as conn:
        await conn.execute("ANALYZE")
        rows = await conn.fetch("SELECT relname FROM pg_class WHERE relkind = 'r' AND relpages > 8")
        big = {row["relname"] for row in rows if telemetry(row["relname"])}
        assert len(big) >= 8, "four days of blocks and points"
        for condition, window in itertools.product(FILTERS, WINDOWS):
            args = limits if "$2" in window else limits[:1]
            rows = await conn.fetch(
                f"EXPLAIN (FORMAT JSON) SELECT * FROM samples WHERE {condition} AND {window}",
                *args,
            )
            plan = json.loads(rows[0][0])
            scans = list(scanned(plan[0]["Plan"]))
            assert scans, "the plan must show its scans"
            read_whole = {name for node, name in scans if node == "Seq Scan" and telemetry(name)}
            assert not read_whole & big, (condition, window, read_whole)
            assert any(telemetry(name) for _, name in scans)


def telemetry(name: str) -> bool:
    return name.startswith(("block_f", "block_i", "block_b", "block_t", "point", "_hyper"))


def scanned(plan: dict[str, Any]) -> Any:
    if "Relation Name" in plan:
        yield plan["Node Type"], plan["Relation Name"]
    for child in plan.get("Plans", []):
        yield from scanned(child)
