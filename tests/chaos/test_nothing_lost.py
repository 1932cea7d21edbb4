"""The promise: kill any part, cut the link, start cold without the hub; nothing is lost, nothing is
doubled, and it comes back by itself.

The oracle is strict: every scan counter that the spoke's stream acknowledged is in SQL exactly
once, and the ledger says missing = 0. A worker or spoke that is killed may lose the scan that was
on the wire at that moment, and nothing that it had read.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.chaos.plant import Plant, running_plant, until

pytestmark = pytest.mark.chaos

KILLED = ("worker", "spoke", "nats-spoke", "ingest", "nats-hub", "serve", "postgres")
LINK_CUT_S = 60.0
ON_THE_WIRE = 2  # the kill of a worker and that of the spoke, one scan each at most


async def test_every_counter_is_in_sql_exactly_once(
    folder: Path, record_property: pytest.RecordProperty
) -> None:
    seconds: dict[str, float] = {}
    async with running_plant(folder) as plant:
        await plant.until_flowing()
        for name in KILLED:
            seconds[name] = await plant.kill(name)
        seconds["link cut"] = await cut_link(plant)
        seconds["cold start without hub"] = await start_cold_without_hub(plant)
        seconds["live again after it"] = await plant.until_flowing()
        await settle(plant)
        in_stream, in_sql = await plant.counters_in_stream(), await plant.counters_in_sql()
        polled = await plant.sql(
            "SELECT tag_id FROM tag JOIN device USING (device_id) "
            "WHERE tag.name LIKE 'Scans.%' AND device.name <> 'CIP'"
        )
    record_property("recovery_s", json.dumps({key: round(s, 1) for key, s in seconds.items()}))
    print("recovery, seconds:", {key: round(s, 1) for key, s in seconds.items()})
    assert in_sql == in_stream
    for counts in in_sql.values():
        assert set(counts.values()) == {1}, "a scan was stored twice"
    for row in polled:
        values = sorted(in_sql[row["tag_id"]])
        gaps = values[-1] - values[0] + 1 - len(values)
        assert gaps <= ON_THE_WIRE, f"{gaps} scans that were read are not in SQL"


async def cut_link(plant: Plant) -> float:
    """Black hole for a minute; the seconds from the heal until values flow."""
    plant.relay.cut = True
    await asyncio.sleep(LINK_CUT_S)  # the duration is the test
    plant.relay.cut = False
    return await plant.until_flowing()


async def start_cold_without_hub(plant: Plant) -> float:
    """The spoke reads and stores without any hub; the seconds until its stream grows."""
    hub = [plant.stack.programs[name] for name in ("serve", "ingest", "nats-hub")]
    spoke = [plant.stack.programs[name] for name in ("spoke", "nats-spoke")]
    for program in (*hub, *spoke):
        await program.hold()
    loop = asyncio.get_running_loop()
    started = loop.time()
    for program in reversed(spoke):
        program.release()
    client = await plant._spoke_client()
    context = client.jetstream()

    async def last() -> int:
        return int((await context.stream_info("TEL_line-1")).state.last_seq)

    async def grows() -> bool:
        try:
            before = await last()
            await asyncio.sleep(1.0)
            return await last() > before
        except Exception:  # JetStream is starting
            return False

    await until(grows, 30, "the stream grows without a hub")
    seconds = loop.time() - started
    await client.close()
    for program in hub:
        program.release()
    return seconds


async def settle(plant: Plant) -> None:
    """Stop acquisition and wait until everything that the stream has is in SQL."""
    for name in [name for name in plant.stack.programs if name.startswith("sim-")]:
        await plant.stack.programs[name].hold()
    await plant.stack.programs["spoke"].hold()  # SIGTERM: flushes what it has into the stream

    async def complete() -> bool:
        rows = await plant.ledger()
        return bool(rows) and all(row["waiting"] == 0 for row in rows)

    await until(complete, 60, "the ledger waits for nothing")
    await asyncio.sleep(3.0)  # a status of the ingest later it still says so
    rows = await plant.ledger()
    assert [row["missing"] for row in rows] == [0] * len(rows)
    assert [row["lost"] for row in rows] == [0] * len(rows)
    assert [row["dead"] for row in rows] == [0] * len(rows)
