"""Steps on a real gateway: what they make is what is stored."""

from __future__ import annotations

from typing import Any

from nats.aio.client import Client

from spoke.settings import SpokeSettings
from tests.integration.spoke.conftest import FakeHub
from tests.integration.spoke.functions import series
from tests.integration.spoke.gateway import device, manifest
from tests.servers import Program, eventually

LEVEL = 11
STEPS: list[dict[str, Any]] = [
    {"function": "scale", "tags": ["Le*"], "parameters": {"scale": 0.0001, "offset": 500.0}},
    {"function": "clamp", "tags": ["Level"], "parameters": {"low": 0.0, "high": 1000.0}},
    {"function": "moving_average", "tags": ["Level"], "parameters": {"rows": 3}},
]


async def test_steps_of_a_manifest_change_what_is_stored(
    client: Client, settings: SpokeSettings, hub: FakeHub, spoke: Program
) -> None:
    await hub.offer(manifest(1, device(1, steps=STEPS)))
    spoke.start()
    await hub.applied(1)

    async def values() -> list[float]:
        found = await series(client, LEVEL, own=False)
        return [value for value, _ in found.values()] if len(found) > 20 else []

    found = await eventually(values, what="values are stored")
    assert all(500 < value < 500.1 for value in found)
