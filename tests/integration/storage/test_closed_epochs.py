"""What a gateway lost with its stream is counted, once, and the ledger still adds up."""

from __future__ import annotations

import time

from hub.data import _row
from hub.ingest.mirrors import Mirror
from hub.ingest.service import close_epoch
from hub.storage.config import ConfigStore
from hub.storage.database import Database
from hub.storage.queries import Queries
from hub.storage.telemetry import TelemetryStore

MIRROR = Mirror("a", "e1", time.time_ns() // 1000 * 1000, 10)


async def test_the_loss_of_a_wiped_stream_is_counted_once(
    config: ConfigStore, store: TelemetryStore, database: Database
) -> None:
    spoke_id = (await config.insert_spoke("a")).spoke_id
    await store.open_position(spoke_id, MIRROR.epoch, MIRROR.created_ns, MIRROR.first_seq)
    await store.skip(spoke_id, MIRROR.epoch, 9, 11, 2)
    for _ in range(2):  # an ingest that dies in between closes it again
        await close_epoch(store, MIRROR, spoke_id, 16)
    (count,) = await Queries(database).ledger()
    row = _row(count, count.last_seq)
    assert (row.produced, row.lost, row.waiting, row.missing) == (7, 7, 0, 0)
    assert count.closed


async def test_a_stream_of_which_nothing_ever_came_is_in_the_ledger_too(
    config: ConfigStore, store: TelemetryStore, database: Database
) -> None:
    spoke_id = (await config.insert_spoke("a")).spoke_id
    await close_epoch(store, MIRROR, spoke_id, 12)
    (count,) = await Queries(database).ledger()
    row = _row(count, count.last_seq)
    assert (row.produced, row.lost, row.missing) == (3, 3, 0)
