"""What the tests of the gateway's process have in common."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import psutil
from nats.aio.client import Client

from schemas import subjects
from spoke.settings import SpokeSettings
from tests.integration.spoke.conftest import SPOKE, stored
from tests.servers import Program, eventually


def device(number: int, **fields: Any) -> dict[str, Any]:
    tags = [
        {"id": number * 10 + 1, "name": "Level", "address": "wave"},
        {"id": number * 10 + 2, "name": "Count", "address": "counter", "data_type": "int32"},
    ]
    base = {"id": number, "name": f"Tank {number}", "connection": {"driver": "sim"}, "tags": tags}
    return base | {"groups": [{"name": "normal", "period_ms": 50}]} | fields


def manifest(revision: int, *devices: dict[str, Any]) -> dict[str, Any]:
    return {"spoke": SPOKE, "revision": revision, "devices": list(devices)}


def cache(settings: SpokeSettings, found: dict[str, Any]) -> None:
    settings.manifest_file.write_text(json.dumps(found))


async def last_seq(client: Client) -> int:
    try:
        return (await client.jetstream().stream_info(subjects.stream(SPOKE))).state.last_seq
    except Exception:
        return 0


async def grows(client: Client, by: int = 4) -> None:
    before = await last_seq(client)

    async def look() -> bool:
        return await last_seq(client) >= before + by

    await eventually(look, what="batches arrive")


async def assert_contiguous(client: Client) -> int:
    """Every producer's batches are 1, 2, 3 ..., once each; how many producers there were."""
    found: dict[str, list[int]] = defaultdict(list)
    for batch in await stored(client):
        found[batch.producer].append(batch.number)
    for producer, numbers in found.items():
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), producer
    return len(found)


def workers(spoke: Program) -> list[psutil.Process]:
    children = psutil.Process(spoke.pid).children()
    return [child for child in children if "spoke.worker" in child.cmdline()]


def actions(spoke: Program) -> list[str]:
    lines = [json.loads(line) for line in spoke.log.read_text().splitlines()]
    return [line.get("action", "") for line in lines]


async def first_time(client: Client, tag: int, after_ns: int = 0) -> int:
    return min((time for time in await scan_times(client, tag) if time > after_ns), default=0)


async def scan_times(client: Client, tag: int) -> list[int]:
    """Every scan of a tag in the stream, ns UTC."""
    if not await last_seq(client):
        return []
    frames = [frame for batch in await stored(client) for frame in batch.frames]
    return [int(stamp) for frame in frames if tag in frame.tag_ids for stamp in frame.times]
