"""The stream goes away, or stands still, in the middle of something."""

from __future__ import annotations

import asyncio
import signal

import numpy as np
from nats.aio.client import Client

from schemas import subjects
from spoke.clock import SystemClock
from spoke.functions.tap import Tap
from spoke.publish.stream import Stream
from spoke.settings import SpokeSettings
from tests.integration.attack.test_careless_functions import LEVEL, wrong
from tests.integration.spoke.conftest import FakeHub
from tests.integration.spoke.functions import OUTPUT, series
from tests.integration.spoke.gateway import cache, device, manifest
from tests.servers import NatsServer, Program, eventually

COUNTS = (
    'import numpy as np; first = self.state.get("n", 0); self.state["n"] = first + len(batch); '
    'return {"value": first + np.arange(1.0, len(batch) + 1)}'
)


async def longer(client: Client, count: int, limit_s: float = 40.0) -> None:
    before = len(await series(client, OUTPUT))

    async def look() -> bool:
        return len(await series(client, OUTPUT)) >= before + count

    await eventually(look, limit_s, what=f"{count} more values")


async def test_whoever_is_busy_while_the_stream_is_made_anew_is_told(
    client: Client, settings: SpokeSettings, stream: Stream
) -> None:
    tap = Tap(client, settings.name, SystemClock())
    await tap.start()
    following = asyncio.ensure_future(tap.run())
    try:
        before = await eventually(lambda: tap.epoch, what="the stream is seen")
        await client.jetstream().delete_stream(subjects.stream(settings.name))
        await stream.ensure()
        await eventually(lambda: tap.epoch != before, what="the new stream is seen")
        async with asyncio.timeout(5):  # not: until it is as long as the old one was
            assert await tap.after(3000, before) == []
    finally:
        following.cancel()


async def test_a_use_changed_while_the_stream_stands_still_counts_each_row_once(
    client: Client,
    settings: SpokeSettings,
    hub: FakeHub,
    spoke: Program,
    server: NatsServer,
) -> None:
    cache(settings, manifest(1, device(1), wrong(hub, COUNTS)))
    spoke.start()
    await longer(client, 20)
    for turn in range(4):
        changed = wrong(hub, COUNTS) | {"name": f"Use {turn}"}
        await hub.offer(manifest(2 + turn, device(1), changed))
        await client.flush()
        server.send(signal.SIGSTOP)
        await asyncio.sleep(0.4 + turn)  # the attack: so long nothing is answered
        server.send(signal.SIGCONT)
        await longer(client, 20)
    spoke.stop()
    made = await series(client, OUTPUT)  # fails where a time is there twice
    raw = await series(client, LEVEL, own=False)
    assert sorted(made) == sorted(at for at in raw if min(made) <= at <= max(made))
    counted = np.array([made[at][0] for at in sorted(made)])
    assert (np.diff(counted) == 1).all()
