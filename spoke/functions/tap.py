"""Reads the local stream by sequence numbers, for functions.

Direct gets in batches (NATS ADR-31) keep no state on the server: a restart of either side, or a
stream made anew, needs no repair. One reader follows the end of the stream for everybody; who is
further behind fetches for itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from schemas import subjects
from schemas.errors import FrameError
from schemas.frames import Batch, decode_batch
from spoke.clock import Clock
from spoke.publish.stream import EPOCH, EPOCH_SEQ

_log = logging.getLogger(__name__)

AWAY = (NatsError, JetStreamError, OSError, TimeoutError)
_IDLE_S, _AGAIN_S, _LOOK_S, _ANSWER_S = 0.1, 0.5, 2.0, 5.0
_COUNT, _BYTES = 64, 1024 * 1024
_RING_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A message of the stream. `batch` is None when it cannot be read."""

    seq: int
    subject: str
    batch: Batch | None
    headers: dict[str, str]
    size: int
    """Bytes in memory."""


class Tap:
    def __init__(self, client: Client, spoke: str, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._stream = subjects.stream(spoke)
        self._inbox = ""
        self._turn = asyncio.Lock()
        self._replies: asyncio.Queue[Msg] = asyncio.Queue()
        self._number = 0
        self._ring: deque[Entry] = deque()
        self._ring_bytes = 0
        self._next = 0
        self._news = asyncio.Event()
        self.epoch = ""
        """Of the stream as it is now; empty until it was seen."""
        self.epoch_seq = 1
        """First sequence number of the epoch."""
        self.last_seq = 0

    async def start(self) -> None:
        """Subscribe, once after connecting."""
        self._inbox = self._client.new_inbox()
        await self._client.subscribe(f"{self._inbox}.*", cb=self._replies.put)

    async def run(self) -> None:
        """Follow the end of the stream, until cancelled."""
        looked = -_LOOK_S
        while True:
            try:
                if self._clock.monotonic() - looked >= _LOOK_S:
                    await self._look()
                    looked = self._clock.monotonic()
                found = await self.get(self._next)
            except AWAY:
                await self._clock.sleep(_AGAIN_S)
                continue
            for entry in found:
                self._keep(entry)
            if found:
                self._next = found[-1].seq + 1
                self.last_seq = max(self.last_seq, found[-1].seq)
                self._wake()
            else:
                await self._clock.sleep(_IDLE_S)

    async def after(self, position: int, epoch: str, up_to: int | None = None) -> list[Entry]:
        """The next messages after a position, at least one, none beyond `up_to`; waits for them.

        Empty when the position is of another epoch than the stream (by now). Raises nats errors.
        """
        while True:
            if self.epoch != epoch:
                return []
            if self._ring and self._ring[0].seq <= position + 1 <= self._ring[-1].seq:
                found = self._ringed(position)
            elif self._next and position + 1 < self._next:
                found = await self.get(position + 1)
            else:
                found = []
            found = _bite(found)
            if up_to is not None:
                found = [entry for entry in found if entry.seq <= up_to] or found[:1]
            if found:
                return found
            await self._news.wait()

    async def position_of(self, subject: str) -> dict[str, str]:
        """The headers of the last message of a subject; empty without one. Raises nats errors."""
        found = await self._ask({"last_by_subj": subject}, one=True)
        return dict(found[0].headers or {}) if found else {}

    async def get(self, seq: int) -> list[Entry]:
        """Up to 64 messages or 1 MB from `seq` on; empty when there are none (yet)."""
        request = {"seq": seq, "batch": _COUNT, "max_bytes": _BYTES, "next_by_subj": ">"}
        return [_entry(message) for message in await self._ask(request)]

    # --- the end of the stream ------------------------------------------------------------------
    async def _look(self) -> None:
        info = await self._client.jetstream().stream_info(self._stream)
        notes = info.config.metadata or {}
        epoch = notes.get(EPOCH, "")
        self.last_seq = info.state.last_seq
        if epoch != self.epoch:
            self.epoch_seq = int(notes.get(EPOCH_SEQ, "1"))
            self._ring.clear()
            self._ring_bytes = 0
            self._next = info.state.last_seq + 1
            self.epoch = epoch
            self._wake()

    def _keep(self, entry: Entry) -> None:
        self._ring.append(entry)
        self._ring_bytes += entry.size
        while self._ring_bytes > _RING_BYTES:
            self._ring_bytes -= self._ring.popleft().size

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _ringed(self, position: int) -> list[Entry]:
        start = bisect_right(self._ring, position, key=lambda entry: entry.seq)
        return [self._ring[at] for at in range(start, min(start + _COUNT, len(self._ring)))]

    async def _ask(self, request: dict[str, Any], *, one: bool = False) -> list[Msg]:
        """The messages of one direct get, in order and without a hole."""
        async with self._turn, asyncio.timeout(_ANSWER_S):
            self._number += 1
            inbox = f"{self._inbox}.{self._number}"
            subject = subjects.direct_get(self._stream)
            await self._client.publish(subject, json.dumps(request).encode(), reply=inbox)
            found: list[Msg] = []
            while True:
                message = await self._replies.get()
                if message.subject != inbox:
                    continue  # an answer that came too late
                headers = message.headers or {}
                if "Status" in headers:
                    return found
                before = int(headers.get("Nats-Last-Sequence", "0"))
                if found and before != int((found[-1].headers or {})["Nats-Sequence"]):
                    raise TimeoutError  # a hole: a reply was dropped; whoever asks asks again
                found.append(message)
                if one:
                    return found


def _entry(message: Msg) -> Entry:
    headers = dict(message.headers or {})
    try:
        batch = decode_batch(message.data)
    except FrameError as error:
        _log.debug("Unreadable message: %s", error, extra={"action": "functions.unreadable"})
        batch = None
    size = sum(frame.nbytes for frame in batch.frames) if batch else len(message.data)
    seq, subject = int(headers["Nats-Sequence"]), headers["Nats-Subject"]
    return Entry(seq, subject, batch, headers, size + 200)


def _bite(entries: list[Entry]) -> list[Entry]:
    """The first of them, up to 1 MB of values: what a function makes of them has to fit into a
    message too."""
    size = 0
    for number, entry in enumerate(entries, 1):
        size += entry.size
        if size >= _BYTES:
            return entries[:number]
    return entries
