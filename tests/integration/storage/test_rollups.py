"""Trends drawn from roll-ups are those of the raw values, whatever came late or was interrupted."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from hub.records import Series
from hub.storage import rollups
from hub.storage.config import ConfigStore
from hub.storage.database import Database
from hub.storage.queries import Queries
from hub.storage.rollups import RollUps
from hub.storage.telemetry import Stored, TelemetryStore
from schemas.frames import Batch, Frame
from schemas.quality import Quality

SECOND, MINUTE, HOUR, DAY = 10**9, 60 * 10**9, 3600 * 10**9, 86_400 * 10**9
NOW = 20_000 * DAY + 9 * HOUR + 7 * MINUTE + 13 * SECOND
BUCKETS = 20


class Plant:
    """Stores values and remembers them; draws a trend from the database and from memory."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now_ns = NOW
        self.queries = Queries(database, now_ns=lambda: self.now_ns)
        self.store = TelemetryStore(database, now_ns=lambda: self.now_ns)
        self.sequence = 0
        self.times: dict[int, list[int]] = {}
        self.values: dict[int, list[float]] = {}

    async def start(self, config: ConfigStore, *kinds: str) -> list[int]:
        spoke = await config.insert_spoke("a")
        device = await config.insert_device(spoke.spoke_id, "dev", {})
        await self.store.open_position(spoke.spoke_id, "e", 0, 1)
        tags = [(f"t{number}", {}, kind) for number, kind in enumerate(kinds)]
        return [tag.tag_id for tag in await config.insert_tags(device.device_id, tags)]

    async def put(self, ids: list[int], times: np.ndarray, values: np.ndarray, bad: np.ndarray,
                  *, events: bool = False) -> None:  # fmt: skip
        """values and bad [S, N]; as scans, or as events with the same times."""
        quality = np.where(bad, Quality.BAD, Quality.GOOD).astype(np.uint8)
        wire = np.array(ids, np.int32)
        frame = Frame(wire, times, values, quality)
        if events:
            frame = Frame(
                np.tile(wire, len(times)), times[:1], values.reshape(1, -1),
                quality.reshape(1, -1), np.repeat(times, len(ids)).reshape(1, -1),
            )  # fmt: skip
        self.sequence += 1
        item = Stored(self.sequence, 1, Batch("w", 1, 0, (frame,)))
        await self.store.store(1, "e", self.sequence - 1, [item])
        for place, tag_id in enumerate(ids):
            self.times.setdefault(tag_id, []).extend((times // 1000 * 1000).tolist())
            column = np.where(bad[:, place], np.nan, values[:, place].astype(float))
            self.values.setdefault(tag_id, []).extend(column.tolist())

    async def roll_up(self) -> int:
        """Until nothing is due; how many calls it took."""
        calls = 1
        while await self.store.roll_up(self.now_ns):
            calls += 1
        return calls

    async def check(self, tag_id: int, start: int, end: int, level: int) -> Series:
        """The trend must be the one that numpy draws from the raw values."""
        (series,) = await self.queries.trend([tag_id], start, end, BUCKETS)
        assert not series.raw
        width = -(-((end - start) // BUCKETS) // level) * level
        times, values = np.array(self.times[tag_id]), np.array(self.values[tag_id])
        inside = (times >= start) & (times < end)
        times, values = times[inside], values[inside]
        origin = start // level * level
        places = (times - origin) // width
        assert series.times_ns == [max(start, origin + int(p) * width) for p in np.unique(places)]
        for bucket, place in enumerate(np.unique(places)):
            mine = values[(places == place) & ~np.isnan(values)]
            got = (series.minimum[bucket], series.maximum[bucket], series.average[bucket])
            if len(mine):
                assert got == pytest.approx((mine.min(), mine.max(), mine.mean()))
            else:
                assert got == (None, None, None)
        return series

    async def check_all(self, tags: list[int]) -> None:
        for tag_id in tags:
            await self.check(tag_id, NOW - 8 * HOUR - 77 * SECOND, NOW + 31 * SECOND, MINUTE)
            await self.check(tag_id, NOW - 3 * DAY - 77 * SECOND, NOW + 31 * SECOND, HOUR)


@pytest.fixture
def plant(database: Database) -> Plant:
    return Plant(database)


async def rows(database: Database, table: str, condition: str = "true") -> int:
    async with database.using() as conn:
        return await conn.fetchval(f"SELECT count(*) FROM {table} WHERE {condition}")


def scans(rng: np.random.Generator, start: int, end: int, step: int, tags: int):
    """Times with jitter, values, and what of them is bad, as `Plant.put` takes them."""
    times = np.arange(start, end, step) + rng.integers(0, step, 1)
    shape = (len(times), tags)
    return times, rng.normal(0, 1000, shape).round(3), rng.random(shape) < rng.choice([0, 0.1, 1])


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_trend_is_the_same_from_roll_ups(
    plant: Plant, config: ConfigStore, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New and late values, bad ones, points, two layouts of one tag, restarts, a crash, a small
    budget: after every step the trend is that of the raw values."""
    rng = np.random.default_rng(seed)
    tags = await plant.start(config, "float", "float", "int")
    a, b, c = tags
    whole = np.arange(NOW - 3 * DAY, NOW, 40 * MINUTE)
    for ids, wire in (([a, b], "<f4" if seed == 1 else "<f8"), ([c], "<i8")):
        values = rng.integers(-1000, 1000, (len(whole), len(ids))).astype(wire)
        await plant.put(ids, whole, values, rng.random(values.shape) < 0.1)
    dense = scans(rng, NOW - 9 * HOUR, NOW, 20 * SECOND, 2)
    await plant.put([a, b], *dense)
    await plant.put([c], dense[0], dense[1][:, :1].astype("<i8"), dense[2][:, :1])
    await plant.check_all(tags)

    monkeypatch.setattr(rollups, "BUDGET_BYTES", 20_000)
    assert await plant.roll_up() > 2, "a small budget takes several calls"
    monkeypatch.undo()
    await plant.check_all(tags)

    for step in range(6):
        late = NOW - int(rng.integers(0, 3 * 24)) * HOUR - int(rng.integers(0, HOUR))
        ids = [[a], [b, a], [a, b]][step % 3]
        new = scans(rng, late, late + 9 * MINUTE, 7 * SECOND, len(ids))
        await plant.put(ids, *new, events=step % 2 == 1)
        await plant.check_all([a, b])
        if step == 2:
            await crash(plant, monkeypatch)
        if step % 2:
            plant.store = TelemetryStore(plant.database, now_ns=lambda: plant.now_ns)
            await plant.roll_up()
        else:
            await plant.store.roll_up(plant.now_ns)
        await plant.check_all([a, b])
    plant.now_ns = NOW + 2 * HOUR
    await plant.roll_up()
    assert await rows(plant.database, "rollup_mark") == 0
    await plant.check_all(tags)


async def crash(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """A roll-up that ends in its middle, after a part of its result."""

    def fail(self: RollUps, level_s: int, size_bytes: int) -> None:
        raise RuntimeError(f"after {size_bytes} bytes of {level_s}")

    monkeypatch.setattr(RollUps, "_spend", fail)
    with pytest.raises(RuntimeError):
        await plant.store.roll_up(plant.now_ns)
    monkeypatch.undo()


async def test_open_minutes_wait_and_closed_ones_are_complete(
    plant: Plant, config: ConfigStore
) -> None:
    (tag,) = await plant.start(config, "float")
    start = NOW // MINUTE * MINUTE
    times = start + np.arange(90) * SECOND
    values = np.arange(90.0)[:, None]
    values[50] = 77.0
    await plant.put([tag], times, values, np.zeros((90, 1), bool))
    plant.now_ns = start + 79 * SECOND
    await plant.roll_up()
    assert await rows(plant.database, "rollup_block_60") == 0, "its last values may be on the way"
    plant.now_ns = start + 140 * SECOND
    await plant.roll_up()
    async with plant.database.using() as conn:
        first, second = await conn.fetch("SELECT * FROM rollup_block_60 ORDER BY time")
    assert first["time"] == start
    assert [first[name] for name in ("min", "max", "sum", "count", "last")] == [
        [0.0], [77.0], [sum(range(60)) + 27.0], [60], [59.0]
    ]  # fmt: skip
    assert (second["count"], second["last"]) == ([30], [89.0])
    assert await rows(plant.database, "rollup_block_3600") == 0
    plant.now_ns = start + HOUR + MINUTE
    await plant.roll_up()
    assert await rows(plant.database, "rollup_block_3600", "count = '{90}' AND last = '{89}'") == 1


async def test_two_processes_roll_up_once(plant: Plant, config: ConfigStore) -> None:
    tags = await plant.start(config, *["float"] * 120)
    times = NOW - 2 * HOUR + np.arange(0, 3600, 5) * SECOND
    await plant.put(tags, times, np.ones((720, 120)), np.zeros((720, 120), bool))
    others = [TelemetryStore(plant.database) for _ in range(3)]
    await asyncio.gather(*(store.roll_up(plant.now_ns) for store in [plant.store, *others]))
    await plant.roll_up()
    assert await rows(plant.database, "rollup_block_60") == 2 * 61
    assert await rows(plant.database, "rollup_block_60", "60 <> 5 * count[1]") <= 2 * 2


async def test_roll_ups_outlive_the_raw_values(plant: Plant, config: ConfigStore) -> None:
    """And late values of a dropped day do not replace what is known of it."""
    tag, event = await plant.start(config, "float", "float")
    times = np.arange(NOW - 9 * DAY, NOW - 10 * MINUTE, 90 * MINUTE)
    values = np.sin(np.arange(len(times)))[:, None]
    none = np.zeros(values.shape, bool)
    await plant.put([tag], times, values, none)
    await plant.put([event], times, values, none, events=True)
    await plant.roll_up()
    assert await plant.store.maintain(NOW, 3) > 0
    assert await rows(plant.database, "point") < len(times) / 2
    late = times[10:12] + SECOND
    for number, events in ((tag, False), (event, True)):
        known = plant.times[number][:], plant.values[number][:]
        await plant.put([number], late, np.full((2, 1), 9.0), none[:2], events=events)
        plant.times[number], plant.values[number] = known
        await plant.roll_up()
        start = NOW // MINUTE * MINUTE
        await plant.check(number, start - 9 * DAY, start, HOUR)
        await plant.check(number, start - 8 * DAY, start - 6 * DAY, HOUR)
        await plant.check(number, start - 8 * DAY, start - 8 * DAY + 4 * HOUR, MINUTE)
        (late_start,) = await plant.queries.trend([number], NOW - 9 * DAY, NOW, BUCKETS)
        assert late_start.minimum[0] is not None, "the first minute is taken whole"


async def test_a_clock_that_is_ahead_leaves_no_marks(plant: Plant, config: ConfigStore) -> None:
    (tag,) = await plant.start(config, "float")
    times = np.array([0, NOW, NOW + 400 * DAY, 2**62])
    await plant.put([tag], times, np.ones((4, 1)), np.zeros((4, 1), bool))
    plant.now_ns = NOW + 2 * HOUR
    assert await plant.roll_up() < 5
    assert await rows(plant.database, "rollup_mark") == 0
    assert await rows(plant.database, "rollup_block_60") == 4
    assert await rows(plant.database, "rollup_block_3600") == 4
