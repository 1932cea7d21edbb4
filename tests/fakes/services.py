"""The bundle of services in memory, so that pages run without database, NATS or gateway."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Sequence

from hub.function_services import Functions
from hub.records import DeadLetter, Latest, LedgerRow, Role, Series, System, Tag, User
from hub.services import (
    Access,
    Data,
    Fleet,
    Live,
    Profiles,
    Remote,
    Services,
    TagFiles,
    Watcher,
)
from schemas.config.functions import FunctionConfig
from schemas.errors import ConflictError, ForbiddenError, LoginError, StorageError
from schemas.kinds import Kind
from schemas.quality import Quality, words
from tests.fakes import plant
from tests.fakes.clock import NS, STARTED_NS, now_ns
from tests.fakes.fleet import FakeFleet
from tests.fakes.function_fleet import FunctionFleet
from tests.fakes.functions import FakeFunctions
from tests.fakes.profiles import FakeProfiles
from tests.fakes.remote import FakeRemote
from tests.fakes.tag_files import FakeTagFiles

PASSWORD = "plant-floor-7"


class FakeAccess:
    def __init__(self) -> None:
        self._users = {
            "admin": User(1, "admin", Role.ADMIN),
            "engineer": User(2, "engineer", Role.ENGINEER),
            "viewer": User(3, "viewer", Role.VIEWER),
            "operator": User(4, "operator", Role.OPERATOR),
        }
        self._passwords = dict.fromkeys(self._users, PASSWORD)
        self._tokens: dict[str, str] = {}

    async def login(self, name: str, password: str) -> str:
        if self._passwords.get(name) != password:
            raise LoginError
        token = secrets.token_urlsafe(24)
        self._tokens[token] = name
        return token

    async def logout(self, token: str) -> None:
        self._tokens.pop(token, None)

    def expire_all(self) -> None:
        self._tokens.clear()

    async def user(self, token: str) -> User:
        name = self._tokens.get(token)
        if name is None:
            raise LoginError("The session has ended.", hint="Sign in again.")
        return self._users[name]

    def require(self, user: User, role: Role) -> None:
        if not user.role.includes(role):
            raise ForbiddenError(f"Your role {user.role} does not allow this.")

    async def users(self) -> list[User]:
        return list(self._users.values())

    async def create_user(self, who: User, name: str, password: str, role: Role) -> User:
        if name in self._users:
            raise ConflictError(f"The user {name!r} exists already.")
        self._users[name] = User(len(self._users) + 1, name, role)
        self._passwords[name] = password
        return self._users[name]

    async def change_password(self, who: User, old: str, new: str) -> None:
        if self._passwords[who.name] != old:
            raise LoginError("The present password is wrong.")
        self._passwords[who.name] = new


class FakeData:
    """`broken` makes the database fail, as a page may meet it."""

    def __init__(self, fleet: FakeFleet, *, empty: bool = False) -> None:
        self._fleet = fleet
        self._empty = empty
        self.broken = False

    async def _by_id(self) -> dict[int, Tag]:
        return {tag.id: tag for tag in await self._fleet.tags()}

    def _check(self) -> None:
        if self.broken:
            raise StorageError("The database does not answer.")

    async def latest(self, tag_ids: Sequence[int]) -> dict[int, Latest]:
        tags = await self._by_id()
        found = {}
        for tag_id in tag_ids:
            value, code = self._fleet.sample(tags[tag_id])
            found[tag_id] = Latest(tag_id, now_ns(), value, int(code))
        return found

    async def trend(
        self, tag_ids: Sequence[int], start_ns: int, end_ns: int, buckets: int = 600
    ) -> list[Series]:
        self._check()
        await asyncio.sleep(0.03)
        tags = await self._by_id()
        end_ns = min(end_ns, now_ns())
        return [
            _series(tags[tag_id], start_ns, end_ns, buckets) for tag_id in tag_ids if tag_id in tags
        ]

    async def ledger(self) -> list[LedgerRow]:
        self._check()
        rows = []
        for spoke in await self._fleet.spokes():
            if spoke.health is None:
                continue
            stream = spoke.health.stream
            waiting = stream.last_seq - stream.hub_seq
            dead = 2 if spoke.name == "utilities" else 0
            rows.append(
                LedgerRow(
                    spoke.name,
                    stream.epoch,
                    stream.last_seq,
                    stream.hub_seq - dead,
                    dead,
                    0,
                    waiting,
                    0,
                    stream.hub_seq * 740,
                    spoke.last_seen_ns,
                )
            )
        return rows

    async def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        if self._empty:
            return []
        reason = "Not a batch: schema version 9 is newer than this hub."
        return [
            DeadLetter(n, "utilities", "8f31c2", 1201 + n, STARTED_NS - n * 60 * NS, reason, 4210)
            for n in (1, 2)
        ]

    async def system(self) -> System:
        if self.broken:
            text = "connection to 127.0.0.1:5432 refused"
            return System("0.1.0", "PostgreSQL", False, text, 0, True, 0.0, 74.0, 2)
        t = now_ns() / NS
        rate = 0.0 if self._empty else 41_000 + 1500 * plant.level(3, 0.0, 1.0, t)
        lag = 0.0 if self._empty else 0.42 + 0.2 * abs(plant.level(5, 0.0, 1.0, t))
        size = 9_000_000 if self._empty else 84_300_000_000
        name = "PostgreSQL 17.4 + TimescaleDB 2.19 (community edition)"
        return System("0.1.0", name, True, "", size, True, rate, lag, 0 if self._empty else 2)


def _series(tag: Tag, start_ns: int, end_ns: int, buckets: int) -> Series:
    scan_s = 1.0
    start, end = start_ns / NS, end_ns / NS
    raw = (end - start) / scan_s <= buckets or tag.config.kind in (Kind.BOOL, Kind.TEXT)
    step = scan_s if raw else (end - start) / buckets
    if raw:
        step = max(step, (end - start) / 2000)
    times = [start + index * step for index in range(max(0, int((end - start) / step)))]
    if tag.config.kind in (Kind.BOOL, Kind.TEXT):
        values = [plant.sample(tag.config, tag.id, time)[0] for time in times]
        texts = [_text(value) for value in values]
        blank: list[float | None] = [None] * len(times)
        return Series(tag.id, [int(t * NS) for t in times], blank, blank, blank, True, texts)
    lows: list[float | None] = []
    means: list[float | None] = []
    highs: list[float | None] = []
    for time in times:
        points = [time] if raw else [time + step * part / 8 for part in range(8)]
        found = [plant.sample(tag.config, tag.id, point)[0] for point in points]
        good = [float(value) for value in found if isinstance(value, int | float)]
        lows.append(min(good) if good else None)
        highs.append(max(good) if good else None)
        means.append(sum(good) / len(good) if good else None)
    return Series(tag.id, [int(t * NS) for t in times], lows, means, highs, raw)


def _text(value: plant.Value) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


class FakeWatcher:
    PERIOD_S = 0.5

    def __init__(self, live: FakeLive, device_id: int) -> None:
        self._live = live
        self._device_id = device_id

    async def __aenter__(self) -> Watcher:
        self._live.watchers += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._live.watchers -= 1

    async def next(self) -> bytes:
        await asyncio.sleep(self.PERIOD_S)
        device = await self._live.fleet.device(self._device_id)
        health = device.health
        stopped = health is None or health.state != "running"
        if isinstance(device.config.connection, FunctionConfig):
            stopped = not (await self._live.fleet.spoke(device.spoke_id)).online
        rows = []
        for tag in await self._live.fleet.tags(self._device_id):
            value, code = self._live.fleet.sample(tag)
            if health and str(tag.id) in health.tag_problems:
                value, code = None, Quality.BAD_COMM_FAILURE
            text = "not connected" if stopped else words(code)
            shown = None if stopped else value
            rows.append({"id": tag.id, "v": shown, "q": text, "t": now_ns() // 1_000_000})
        return json.dumps({"rows": rows}).encode()


class FakeLive:
    """`watchers` counts the open ones."""

    def __init__(self, fleet: FakeFleet) -> None:
        self.fleet = fleet
        self.watchers = 0

    def watch(self, device_id: int) -> Watcher:
        return FakeWatcher(self, device_id)


def fake_services(*, empty: bool = False) -> Services:
    """The bottling line, or with `empty` a hub as it is after its first start."""
    fleet = FunctionFleet(empty=empty)
    access: Access = FakeAccess()
    typed_fleet: Fleet = fleet
    data: Data = FakeData(fleet, empty=empty)
    live: Live = FakeLive(fleet)
    remote: Remote = FakeRemote(fleet)
    tag_files: TagFiles = FakeTagFiles(fleet)
    profiles: Profiles = FakeProfiles(fleet, empty=empty)
    functions: Functions = FakeFunctions(fleet, empty=empty)
    return Services(access, typed_fleet, data, live, remote, tag_files, profiles, functions)
