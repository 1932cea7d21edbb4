"""The API over real services and a real PostgreSQL; only the NATS side of the fleet is a fake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI

from hub.access.passwords import Passwords
from hub.access.service import AccessService
from hub.api import mount
from hub.fleet.profiles import ProfileService
from hub.fleet.service import FleetService
from hub.fleet.tag_files import TagFileService
from hub.functions.service import FunctionService
from hub.records import DeadLetter, Latest, LedgerRow, Series, System
from hub.services import Services
from hub.storage.config import ConfigStore
from hub.storage.database import Database
from infra.local.postgres import Postgres
from schemas.errors import SpokeOfflineError
from schemas.messages.commands import TestReply, TestRequest
from schemas.messages.functions import FunctionLookReply, FunctionLookRequest
from schemas.messages.health import DeviceHealth, SpokeHealth

EMPTY = """TRUNCATE spoke, app_user, audit, hub_secret, profile, function, function_package,
    deployment
    RESTART IDENTITY CASCADE"""


@pytest.fixture(scope="session")
def dsn(plain_server: Postgres) -> Iterator[str]:
    """One database for all tests here."""

    async def run(command: str) -> None:
        admin = await asyncpg.connect(plain_server.dsn)
        await admin.execute(command)
        await admin.close()

    asyncio.run(run("CREATE DATABASE api"))
    yield plain_server.dsn.rsplit("/", 1)[0] + "/api"
    asyncio.run(run("DROP DATABASE api WITH (FORCE)"))


@pytest.fixture
async def store(dsn: str) -> AsyncIterator[ConfigStore]:
    """Empty tables for each test; ids start at 1."""
    database = await Database.open(dsn)
    async with database.using() as conn:
        await conn.execute(EMPTY)
    yield ConfigStore(database)
    await database.close()


@dataclass
class FakeFleet:
    """Presence and Commands: what the spokes would say, and what was sent to them."""

    healths: dict[str, SpokeHealth] = field(default_factory=dict)
    notices: list[tuple[str, int]] = field(default_factory=list)
    tests: list[TestRequest] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    looks: list[FunctionLookRequest] = field(default_factory=list)

    def health(self, spoke_name: str) -> SpokeHealth | None:
        return self.healths.get(spoke_name)

    def last_seen_ns(self, spoke_name: str) -> int:
        return self.seen.get(spoke_name, 0)

    def online(self, spoke_name: str) -> bool:
        return spoke_name in self.healths

    def applied_revision(self, spoke_name: str) -> int | None:
        health = self.healths.get(spoke_name)
        return health.revision if health else None

    def say(self, spoke_name: str, revision: int, *devices: DeviceHealth) -> None:
        self.healths[spoke_name] = SpokeHealth(
            spoke_name, "0.1.0", 2_000_000_000, 1_000_000_000, revision, devices
        )

    async def notify_manifest(self, spoke_name: str, revision: int) -> None:
        if not self.online(spoke_name):
            raise SpokeOfflineError
        self.notices.append((spoke_name, revision))

    async def test(self, spoke_name: str, request: TestRequest) -> TestReply:
        if not self.online(spoke_name):
            raise SpokeOfflineError(f"{spoke_name} does not answer.")
        self.tests.append(request)
        values = tuple({"tag": tag["name"], "value": 1.5} for tag in request.device["tags"])
        return TestReply(connect_ms=1.0, read_ms=2.0, values=values)

    async def look(self, spoke_name: str, request: FunctionLookRequest) -> FunctionLookReply:
        self.looks.append(request)
        return FunctionLookReply(log=({"number": 1, "message": "hello"},))

    def credentials(self, spoke_name: str) -> str:
        return f"-----BEGIN NATS USER JWT-----\n{spoke_name}"


@dataclass
class FakeData:
    """hub.services.Data with fixed answers; the real one has its own tests."""

    database_ok: bool = True

    async def latest(self, tag_ids: Any) -> dict[int, Latest]:
        return {tag_id: Latest(tag_id, 1_700_000_000_123_456_789, 21.5, 192) for tag_id in tag_ids}

    async def trend(
        self, tag_ids: Any, start_ns: int, end_ns: int, buckets: int = 600
    ) -> list[Series]:
        return [
            Series(tag_id, [start_ns, end_ns], [1.0, None], [2.0, None], [3.0, None], False)
            for tag_id in tag_ids
        ]

    async def ledger(self) -> list[LedgerRow]:
        return [LedgerRow("line-1", "e1", 10, 8, 1, 0, 1, 0, 800, 1_700_000_000_000_000_000)]

    async def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        return [DeadLetter(1, "line-1", "e1", 7, 1_700_000_000_000_000_000, "not msgpack", 12)]

    async def system(self) -> System:
        return System("0.1.0", "PostgreSQL 18", self.database_ok, "", 1, True, 5.0, 0.1, 1)


class Clock:
    """Hand-moved time: ns UTC and steady seconds."""

    def __init__(self) -> None:
        self.now_ns = 1_790_000_000 * 10**9

    def ns(self) -> int:
        return self.now_ns

    def steady(self) -> float:
        return self.now_ns / 1e9

    def advance(self, seconds: float) -> None:
        self.now_ns += int(seconds * 1e9)


@dataclass
class Hub:
    """Everything that a test here needs."""

    store: ConfigStore
    access: AccessService
    fleet: FleetService
    spokes: FakeFleet
    data: FakeData
    clock: Clock
    app: FastAPI
    admin_password: str
    services: Services

    def client(self, token: str = "", *, address: str = "10.0.0.1") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(
            self.app, raise_app_exceptions=False, client=(address, 40000)
        )
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(transport=transport, base_url="http://hub", headers=headers)

    async def as_role(self, role: str) -> httpx.AsyncClient:
        """A client that is logged in as a new user of this role."""
        async with self.client(await self.access.login("admin", self.admin_password)) as admin:
            password = f"for-the-{role}-only"
            body = {"name": f"some-{role}", "password": password, "role": role}
            answer = await admin.post("/api/v1/users", json=body)
            assert answer.status_code == 201, answer.text
        return self.client(await self.access.login(f"some-{role}", password))


@pytest.fixture
def hasher() -> PasswordHasher:
    """Cheap, where log-in is not what is tested."""
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture
async def hub(store: ConfigStore, hasher: PasswordHasher, tmp_path: Path) -> Hub:
    clock, spokes, data = Clock(), FakeFleet(), FakeData()
    access = AccessService(
        store, passwords=Passwords(hasher), clock=clock.ns, steady_clock=clock.steady
    )
    fleet = FleetService(store, spokes, spokes)
    password = await access.ensure_admin()
    assert password is not None
    services = Services(
        access=access,
        fleet=fleet,
        data=data,
        live=None,  # type: ignore[arg-type]
        remote=None,  # type: ignore[arg-type]
        tag_files=TagFileService(store, spokes, spokes),
        profiles=ProfileService(store, spokes, spokes),
        functions=FunctionService(store, spokes, spokes, tmp_path / "functions"),
    )
    app = FastAPI()
    mount(app, services)
    return Hub(store, access, fleet, spokes, data, clock, app, password, services)


@pytest.fixture
async def admin(hub: Hub) -> AsyncIterator[httpx.AsyncClient]:
    async with hub.client(await hub.access.login("admin", hub.admin_password)) as client:
        yield client


@pytest.fixture
async def engineer(hub: Hub) -> AsyncIterator[httpx.AsyncClient]:
    async with await hub.as_role("engineer") as client:
        yield client


@pytest.fixture
async def operator(hub: Hub) -> AsyncIterator[httpx.AsyncClient]:
    async with await hub.as_role("operator") as client:
        yield client


@pytest.fixture
async def viewer(hub: Hub) -> AsyncIterator[httpx.AsyncClient]:
    async with await hub.as_role("viewer") as client:
        yield client


@pytest.fixture
async def spoke_id(admin: httpx.AsyncClient) -> int:
    answer = await admin.post("/api/v1/spokes", json={"name": "line-1"})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])
