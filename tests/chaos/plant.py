"""The running stack as a chaos test sees it: kill, wait for values, compare stream and SQL."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import nats
import psutil

from infra.local.configure import Api
from infra.local.layout import Folder, Ports
from infra.local.stack import ADMIN, SPOKE, Stack
from schemas import subjects
from schemas.connection import options
from schemas.frames import decode_batch
from tests.chaos.relay import Relay

DEVICES = ("CIP", "Conveyor", "Filler")


class Plant:
    def __init__(self, stack: Stack, relay: Relay, folder: Path) -> None:
        self.stack = stack
        self.relay = relay
        self.folder = folder
        self._api: Api | None = None

    async def sql(self, query: str, *arguments: Any) -> list[Any]:
        """Rows, by a connection of its own, because the server may be killed at any time."""
        connection = await asyncpg.connect(self.stack.postgres.dsn, timeout=5)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def flowing_since(self, moment: float) -> bool:
        """True when SQL has good values of every device that were read after `moment`."""
        try:
            rows = await self.sql(
                "SELECT device FROM samples WHERE tag = 'Scans.Normal' AND quality >= 192 "
                "AND time > to_timestamp($1) GROUP BY 1 ORDER BY 1",
                moment,
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            return False
        return tuple(row["device"] for row in rows) == DEVICES

    async def until_flowing(self, limit_s: float = 60.0) -> float:
        """Seconds until values of every device that are read from now on are in SQL."""
        moment = time.time()
        await until(lambda: self.flowing_since(moment), limit_s, "values flow")
        return time.time() - moment

    def pid(self, name: str) -> int:
        if name == "postgres":
            pid = self.stack.postgres.pid
        elif name == "worker":
            spoke = psutil.Process(self.pid("spoke"))
            pid = next(child.pid for child in spoke.children() if "spoke.worker" in child.cmdline())
        else:
            pid = self.stack.programs[name].pid
        assert pid is not None, f"{name} does not run"
        return pid

    async def kill(self, name: str) -> float:
        """SIGKILL, then the seconds until values flow again."""
        os.kill(self.pid(name), signal.SIGKILL)
        return await self.until_flowing()

    async def api(self) -> Api:
        """Signed in once: the hub limits log-ins."""
        if self._api is None:
            self._api = Api(self.stack.url)
            assert self.stack.first_password is not None
            await self._api.login(ADMIN, self.stack.first_password)
        return self._api

    async def close(self) -> None:
        if self._api is not None:
            await self._api.__aexit__(None, None, None)

    async def ledger(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await (await self.api()).get("/ledger")
        return found

    async def device(self, name: str) -> dict[str, Any]:
        devices = await (await self.api()).get("/devices")
        found: dict[str, Any] = next(item for item in devices if item["name"] == name)
        return found

    async def state_is(self, name: str, state: str) -> bool:
        health = (await self.device(name))["health"]
        return health is not None and health["state"] == state

    async def scans(self) -> dict[str, dict[str, int]]:
        """Scans and skipped scans of each device, by its name."""
        devices = await (await self.api()).get("/devices")
        return {item["name"]: item["health"] for item in devices}

    async def scanned(self, before: dict[str, dict[str, int]], name: str, count: int) -> bool:
        return (await self.scans())[name]["scans"] - before[name]["scans"] >= count

    def postgres_backends(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.pid("postgres")).children()]

    async def until_buffer_grows(self, messages: int) -> None:
        """Wait until the gateway's stream has that many messages more."""
        client = await self._spoke_client()
        context = client.jetstream()
        name = subjects.stream(SPOKE)
        first = (await context.stream_info(name)).state.last_seq

        async def grown() -> bool:
            return (await context.stream_info(name)).state.last_seq - first >= messages

        await until(grown, 30, "the gateway buffers on")
        await client.close()

    async def counters_in_stream(self) -> dict[int, Counter[int]]:
        """By tag id, how often each value of the scan counters is in the spoke's own stream."""
        names = "SELECT tag_id FROM tag WHERE name LIKE 'Scans.%'"
        wanted = {row["tag_id"] for row in await self.sql(names)}
        found: dict[int, Counter[int]] = {tag_id: Counter() for tag_id in wanted}
        client = await self._spoke_client()
        context = client.jetstream()
        state = (await context.stream_info(subjects.stream(SPOKE))).state
        for sequence in range(state.first_seq, state.last_seq + 1):
            message = await context.get_msg(subjects.stream(SPOKE), sequence)
            for frame in decode_batch(message.data or b"").frames:
                _count(frame, found)
        await client.close()
        return found

    async def counters_in_sql(self) -> dict[int, Counter[int]]:
        rows = await self.sql(
            "SELECT tag_id, value_int FROM samples WHERE tag LIKE 'Scans.%' AND quality >= 64"
        )
        found: dict[int, Counter[int]] = {}
        for row in rows:
            found.setdefault(row["tag_id"], Counter())[row["value_int"]] += 1
        return found

    async def _spoke_client(self) -> Any:
        password = (self.folder / "spoke/nats-password").read_text()
        port = self.stack.ports.spoke_nats
        return await nats.connect(
            f"nats://127.0.0.1:{port}",
            user="agent",
            password=password,
            **options("test", subjects.spoke_inbox(SPOKE)),
        )


def _count(frame: Any, found: dict[int, Counter[int]]) -> None:
    for column, tag_id in enumerate(frame.tag_ids.tolist()):
        if tag_id in found:
            bad = None if frame.quality is None else frame.quality[:, column] < 64
            values = frame.values[:, column] if bad is None else frame.values[:, column][~bad]
            found[tag_id].update(int(value) for value in values)


async def until(
    condition: Callable[[], Awaitable[bool]], limit_s: float, what: str, pause_s: float = 0.1
) -> None:
    deadline = time.monotonic() + limit_s
    while not await condition():
        assert time.monotonic() < deadline, f"not within {limit_s:.0f} s: {what}"
        await asyncio.sleep(pause_s)


@asynccontextmanager
async def running_plant(folder: Path, *, demo: bool = True) -> AsyncIterator[Plant]:
    """The whole stack with simulated PLCs, the leaf link through a relay."""
    ports = Ports.free()
    relay = Relay(ports.hub_leaf)
    await relay.start()
    said: list[str] = []
    stack = Stack(Folder(folder), ports, said.append, workers=2, demo=demo, leaf_port=relay.port)
    try:
        async with asyncio.TaskGroup() as tasks:
            await stack.start(tasks)
            plant = Plant(stack, relay, folder)
            yield plant
            await plant.close()
            stack.end()
    finally:
        await stack.stop()
        await relay.stop()
