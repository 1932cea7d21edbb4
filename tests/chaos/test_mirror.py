"""The four musts of the durable mirror (design, section 2), and the fork."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infra.local.stack import SPOKE
from schemas import subjects
from schemas.frames import Batch, Frame, encode_batch
from tests.chaos.plant import Plant, running_plant, until

pytestmark = pytest.mark.chaos

SLOW_LINK_BYTES_S = 250_000
BACKLOG_MESSAGES, MESSAGE_VALUES = 120, 8_000
HALF_OPEN_NOTICED_S = 30.0


def test_names_are_unique_per_spoke() -> None:
    """Equal names in two domains of one account acknowledge each other (nats.md, P1)."""
    for name in (
        subjects.stream,
        lambda spoke: subjects.mirror_consumer(spoke, "e1"),
        lambda spoke: subjects.mirror_delivery(spoke, "e1"),
        lambda spoke: subjects.mirror(spoke, "e1"),
        lambda spoke: subjects.telemetry(spoke, "w0"),
    ):
        assert name("line-1") != name("line-2")


async def test_a_wiped_gateway_starts_a_new_epoch(folder: Path) -> None:
    async with running_plant(folder) as plant:
        await plant.until_flowing()
        await hold_spoke(plant)
        shutil.rmtree(folder / "nats-spoke/jetstream")
        release_spoke(plant)
        await plant.until_flowing(30)
        await until(lambda: epochs(plant, 2), 30, "the ledger shows both epochs")
        rows = await plant.ledger()
        assert [row["missing"] for row in rows] == [0, 0]
        assert once(await plant.counters_in_sql())


async def test_a_gateway_restored_from_an_old_copy_is_a_fork(folder: Path) -> None:
    """Both histories are in SQL, each scan once."""
    async with running_plant(folder) as plant:
        await plant.until_flowing()
        stream = folder / "nats-spoke/jetstream"
        await hold_spoke(plant)
        shutil.copytree(stream, folder / "copy")
        release_spoke(plant)
        await plant.until_flowing()
        await asyncio.sleep(15)  # a tail to lose
        await hold_spoke(plant)
        before = await until_settled(plant)
        shutil.rmtree(stream)
        shutil.move(folder / "copy", stream)
        release_spoke(plant)
        await plant.until_flowing(60)
        await until(lambda: epochs(plant, 2), 30, "the ledger shows both epochs")
        after = await plant.counters_in_sql()
        assert once(after)
        assert all(not before[tag_id] - after[tag_id] for tag_id in before)


async def test_commands_stay_quick_while_a_backlog_catches_up(folder: Path) -> None:
    async with running_plant(folder) as plant:
        await plant.until_flowing()
        api = await plant.api()
        spoke_id = (await api.get("/spokes"))[0]["id"]
        plant.relay.cut = True
        await publish_backlog(plant)
        await asyncio.sleep(6.0)  # the gateway fits its window to the size of the messages
        plant.relay.rate = SLOW_LINK_BYTES_S
        plant.relay.cut = False
        await until(lambda: backlog_known(api), 60, "the hub knows of the backlog")
        body = {
            "name": "probe",
            "connection": {"driver": "sim"},
            "tags": [{"name": "wave", "address": "wave:1", "data_type": "float32"}],
        }
        round_trips = []
        for _ in range(10):
            started = time.monotonic()
            reply = await api.post(f"/spokes/{spoke_id}/test", body)
            round_trips.append(time.monotonic() - started)
            assert reply["error"] is None
            assert await waiting(api) > 10, "the backlog must still be on its way"
            await asyncio.sleep(0.5)
        print("command round trips during catch-up, s:", [round(s, 2) for s in round_trips])
        assert sorted(round_trips)[len(round_trips) // 2] < 1.0


async def test_a_half_open_link_is_noticed(folder: Path) -> None:
    async with running_plant(folder) as plant:
        await plant.until_flowing()
        log = folder / "log/nats-spoke.log"
        plant.relay.cut = True
        cut = time.monotonic()

        async def noticed() -> bool:
            return "Stale Connection" in log.read_text()

        await until(noticed, 2 * HALF_OPEN_NOTICED_S, "the gateway's server closes the dead link")
        seconds = time.monotonic() - cut
        plant.relay.cut = False
        print("half-open link noticed after, s:", round(seconds, 1))
        assert seconds < HALF_OPEN_NOTICED_S + 2  # two seconds for a busy machine
        await plant.until_flowing()


# --- helpers ------------------------------------------------------------------------------------
async def hold_spoke(plant: Plant) -> None:
    for name in ("spoke", "nats-spoke"):
        await plant.stack.programs[name].hold()


def release_spoke(plant: Plant) -> None:
    for name in ("nats-spoke", "spoke"):
        plant.stack.programs[name].release()


async def epochs(plant: Plant, count: int) -> bool:
    rows = await plant.ledger()
    return len(rows) == count


async def until_settled(plant: Plant) -> dict[int, Counter[int]]:
    async def settled() -> bool:
        return all(row["waiting"] == 0 for row in await plant.ledger())

    await until(settled, 30, "everything that was mirrored is in SQL")
    return await plant.counters_in_sql()


def once(counters: dict[int, Counter[int]]) -> bool:
    return bool(counters) and all(set(counts.values()) == {1} for counts in counters.values())


async def publish_backlog(plant: Plant) -> None:
    """Batches of noise, which does not compress, straight into the gateway's stream."""
    client = await plant._spoke_client()
    context = client.jetstream()
    noise = np.random.default_rng(1)
    tag_ids = np.array([row["tag_id"] for row in await plant.sql("SELECT tag_id FROM tag LIMIT 8")])
    for number in range(BACKLOG_MESSAGES):
        values = noise.standard_normal((MESSAGE_VALUES // 8, 8))
        times = time.time_ns() + np.arange(len(values), dtype=np.int64) * 1000
        frame = Frame(tag_ids.astype(np.int32), times, values)
        batch = Batch("backlog", number + 1, time.time_ns(), (frame,))
        await context.publish(subjects.telemetry(SPOKE, "backlog"), encode_batch(batch))
    await client.close()


async def backlog_known(api: Any) -> bool:
    return await waiting(api) > BACKLOG_MESSAGES // 2


async def waiting(api: Any) -> int:
    return sum(row["waiting"] for row in await api.get("/ledger"))
