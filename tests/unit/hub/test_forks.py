"""When two histories count as forked, and when nothing can be said."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from hub.ingest.forks import ForkWatch
from hub.ingest.mirrors import Mirror
from schemas.messages.codec import read
from schemas.messages.commands import EpochRequest
from schemas.messages.health import SpokeHealth, StreamHealth

MIRROR = Mirror("line-1", "e1", 1)
ABSENT = {"error": {"code": 404, "err_code": 10037, "description": "no message found"}}


class Sides:
    """Both ends' answers, as JetStream's STREAM.MSG.GET gives them, and what the spoke is told."""

    def __init__(self, ours: dict[int, str], theirs: dict[int, str]) -> None:
        self._ours, self._theirs = ours, theirs
        self.trouble: dict[str, Any] | None = None
        self.told: list[int] = []

    async def time_of(self, _mirror: Mirror, sequence: int) -> str | None:
        return self._ours.get(sequence)

    async def jetstream(self, _spoke: str, _call: str, body: dict[str, Any]) -> dict[str, Any]:
        if self.trouble is not None:
            return self.trouble
        time = self._theirs.get(body["seq"])
        return ABSENT if time is None else {"message": {"time": time}}

    async def tell(self, _subject: str, payload: bytes) -> None:
        self.told.append(read(EpochRequest, payload).first_seq)


def history(first: int, last: int, name: str = "a") -> dict[int, str]:
    return {number: f"{name}{number}" for number in range(first, last + 1)}


async def agree(sides: Sides, first: int, last: int, *, watch: ForkWatch | None = None) -> bool:
    theirs = sides._theirs
    stream = StreamHealth("e1", first_seq=min(theirs), last_seq=max(theirs))
    health = SpokeHealth("line-1", "1", 1, 1, 1, stream=stream)
    return await (watch or ForkWatch(sides, sides)).agree(MIRROR, health, first, last)


async def test_a_lost_tail_is_a_fork_where_it_begins() -> None:
    sides = Sides(history(1, 100), history(1, 60) | history(61, 80, "b"))
    assert not await agree(sides, 1, 100)
    assert sides.told == [61]


@pytest.mark.parametrize("code", [10059, 10008])
async def test_a_server_that_starts_or_stops_is_no_fork(code: int) -> None:
    sides = Sides(history(1, 100), history(1, 100))
    sides.trouble = {"error": {"code": 503, "err_code": code, "description": "not now"}}
    assert not await agree(sides, 1, 100)
    assert sides.told == []


async def test_what_the_gateway_evicted_is_no_fork() -> None:
    sides = Sides(history(1, 100), history(90, 300))
    del sides._theirs[100]  # since its health message
    assert await agree(sides, 1, 100)
    assert sides.told == []


async def test_it_is_told_until_it_obeys_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    sides = Sides(history(1, 100), history(1, 60) | history(61, 300, "b"))
    watch = ForkWatch(sides, sides)
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            assert not await agree(sides, 1, 100, watch=watch)
    assert sides.told == [61, 61, 61]
    assert [record.action for record in caplog.records] == ["ingest.fork"]
