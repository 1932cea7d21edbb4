"""The publisher against a real nats-server that stalls, dies, refuses, and comes back."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import psutil
import pytest
from nats.aio.client import Client
from nats.js import api

from schemas import subjects
from schemas.connection import options
from schemas.frames import Batch, Frame
from spoke.clock import SystemClock
from spoke.publish.publisher import MAX_OUTSTANDING, Publisher
from spoke.publish.recovery import not_in_stream
from spoke.publish.spool import Spool
from spoke.publish.stream import EPOCH, Stream
from spoke.settings import SpokeSettings
from tests.integration.spoke.conftest import PASSWORD, SPOKE, stored
from tests.servers import NatsServer, eventually

IDS = np.array([1, 2], dtype=np.int32)


def batch(number: int, producer: str = "w0-run1", values: int = 1) -> Batch:
    """Random values, so that zstd makes them no smaller."""
    column = np.random.default_rng(number).random((values, 2))
    frame = Frame(IDS, np.arange(values, dtype=np.int64), column)
    return Batch(producer, number, 0, (frame,))


class Rig:
    def __init__(self, publisher: Publisher, spool: Spool) -> None:
        self.publisher, self.spool, self.number = publisher, spool, 0

    async def put(self, values: int = 1) -> None:
        self.number += 1
        made = batch(self.number, values=values)
        self.spool.append(made.number, made.frames[0])
        self.spool.seal()
        await self.publisher.put(made)

    async def empty(self) -> None:
        await eventually(lambda: self.publisher.outstanding == 0, 40, "all is acknowledged")

    async def tend(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            await self.publisher.tend()


@pytest.fixture
async def rig(server: NatsServer, settings: SpokeSettings, stream: Stream) -> AsyncIterator[Rig]:
    client = Client()
    spool = Spool(settings.spool_dir / "w0", "w0-run1")
    publisher = Publisher(client, SPOKE, "w0", spool, SystemClock(), 1024 * 1024)
    await client.connect(
        settings.nats_url,
        user="agent",
        password=PASSWORD,
        reconnected_cb=publisher.resend,
        **options("publisher", subjects.spoke_inbox(SPOKE)),
    )
    await publisher.start()
    rig = Rig(publisher, spool)
    async with asyncio.TaskGroup() as tasks:
        tending = tasks.create_task(rig.tend())
        yield rig
        tending.cancel()
    await client.close()
    spool.close()


async def numbers(client: Client) -> list[int]:
    return [batch.number for batch in await stored(client)]


async def test_all_arrives_in_order_and_the_spool_is_empty(rig: Rig, client: Client) -> None:
    for _ in range(50):
        await rig.put()
    await rig.empty()
    assert await numbers(client) == list(range(1, 51))
    assert rig.publisher.acknowledged == 50
    assert list(rig.spool._folder.glob("*.seg")) == []


async def test_a_stalled_server_closes_the_window_and_nothing_doubles(
    rig: Rig, server: NatsServer, client: Client
) -> None:
    await rig.put()
    await rig.empty()
    server.send(signal.SIGSTOP)
    before = psutil.Process().memory_info().rss
    while rig.publisher.ready:
        await rig.put(values=2000)
    assert rig.publisher.outstanding <= MAX_OUTSTANDING
    await eventually(lambda: rig.publisher.failing, 20, "the stall is noticed")
    assert not rig.publisher.ready
    assert psutil.Process().memory_info().rss - before < 64 * 1024**2
    server.send(signal.SIGCONT)
    await rig.empty()
    assert rig.publisher.ready
    assert rig.publisher.failing == ""
    assert await numbers(client) == list(range(1, rig.number + 1))


async def test_a_killed_server_loses_and_doubles_nothing(
    rig: Rig, server: NatsServer, client: Client
) -> None:
    for _ in range(20):
        await rig.put()
    server.kill()
    for _ in range(20):
        await rig.put()
    assert rig.publisher.outstanding >= 20
    await eventually(lambda: rig.publisher.failing, what="the outage is noticed")
    server.start()
    await server.listening()
    await rig.empty()
    assert await numbers(client) == list(range(1, 41))
    assert list(rig.spool._folder.glob("*.seg")) == []


async def test_a_second_copy_is_dropped_by_its_id(rig: Rig, client: Client) -> None:
    await rig.put()
    await rig.empty()
    await rig.publisher.put(batch(1))
    await rig.empty()
    assert await numbers(client) == [1]


async def test_what_the_server_no_longer_knows_as_a_duplicate_is_looked_for_first(
    client: Client, settings: SpokeSettings, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored, the acknowledgement lost, and the server away for longer than it remembers ids."""
    config = (await client.jetstream().stream_info(subjects.stream(SPOKE))).config
    await client.jetstream().update_stream(config, duplicate_window=0.1)
    spool = Spool(settings.spool_dir / "w0", "w0-run1")
    clock = SystemClock()
    publisher = Publisher(client, SPOKE, "w0", spool, clock, 2**20)
    rig = Rig(publisher, spool)
    await rig.put()  # it was not started, so it hears no acknowledgement
    await eventually(lambda: _last_seq(client, 1), what="the batch is stored")
    stored_at = clock.monotonic()
    await eventually(lambda: clock.monotonic() - stored_at > 0.3, what="its id is forgotten")
    monkeypatch.setattr("spoke.publish.publisher.DUPLICATE_WINDOW_S", 0)
    await publisher.resend()
    assert publisher.outstanding == 0
    assert await numbers(client) == [1]


async def test_a_full_stream_is_retried_until_there_is_room(
    rig: Rig, client: Client, stream: Stream, settings: SpokeSettings
) -> None:
    context, name = client.jetstream(), subjects.stream(SPOKE)
    config = (await context.stream_info(name)).config
    full = replace(config, max_bytes=200_000, discard=api.DiscardPolicy.NEW)
    await context.update_stream(full)
    for _ in range(12):
        await rig.put(values=2000)
    await eventually(lambda: "maximum bytes" in rig.publisher.failing, what="it is refused")
    assert 0 < rig.publisher.outstanding < 12
    await context.update_stream(replace(full, max_bytes=10_000_000))
    await rig.empty()
    assert sorted(await numbers(client)) == list(range(1, 13))


async def test_batches_wait_for_a_stream_that_is_made_later(rig: Rig, client: Client) -> None:
    name = subjects.stream(SPOKE)
    config = (await client.jetstream().stream_info(name)).config
    await client.jetstream().delete_stream(name)
    await rig.put()
    await eventually(lambda: rig.publisher.failing, what="there is no stream")
    await client.jetstream().add_stream(config)
    await rig.empty()
    assert await numbers(client) == [1]


async def test_ensure_keeps_the_epoch_and_fits_the_limits(
    client: Client, stream: Stream, settings: SpokeSettings
) -> None:
    context, name = client.jetstream(), subjects.stream(SPOKE)
    epoch = await stream.ensure()
    assert await stream.ensure() == epoch
    settings.stream_max_bytes = 64 * 1024**2
    settings.discard_new = True
    assert await Stream(context, settings).ensure() == epoch
    config = (await context.stream_info(name)).config
    assert config.max_bytes == 64 * 1024**2
    assert config.discard == api.DiscardPolicy.NEW
    assert (config.metadata or {})[EPOCH] == epoch
    consumer = await context.consumer_info(name, subjects.mirror_consumer(SPOKE, epoch))
    assert consumer.config.ack_policy == api.AckPolicy.FLOW_CONTROL
    await context.delete_stream(name)
    assert await stream.ensure() != epoch
    health = await stream.health()
    assert (health.last_seq, health.max_bytes) == (0, 64 * 1024**2)


async def test_recovery_asks_the_stream_what_it_has(
    rig: Rig, client: Client, settings: SpokeSettings
) -> None:
    """Also when other workers wrote thousands of messages in the meantime."""
    for _ in range(3):
        await rig.put()
    await rig.empty()
    frame = batch(0).frames[0]
    for number in (3, 4):  # 3 is in the stream, its acknowledgement was lost
        rig.spool._sequence = 2
        rig.spool.append(number, frame)
        rig.spool.seal()
    for number in range(600):
        await client.publish(
            subjects.telemetry(SPOKE, "w1"), b"x", headers={"Nats-Msg-Id": str(number)}
        )
    context = client.jetstream()
    await eventually(lambda: _last_seq(client, 603), what="the others have written")
    leftovers = Spool(settings.spool_dir / "w0", "w0-run2").leftovers()
    assert [(item.number, item.after) for item in leftovers] == [(3, 2), (4, 2)]
    missing = await not_in_stream(client, SPOKE, leftovers)
    assert [item.number for item in missing] == [4]
    unknown = [replace(item, after=0) for item in leftovers]
    assert [item.number for item in await not_in_stream(client, SPOKE, unknown)] == [4]
    await context.purge_stream(subjects.stream(SPOKE))
    assert len(await not_in_stream(client, SPOKE, leftovers)) == 2


async def _last_seq(client: Client, wanted: int) -> bool:
    info = await client.jetstream().stream_info(subjects.stream(SPOKE))
    return info.state.last_seq >= wanted
