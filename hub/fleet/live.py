"""Live values of devices, encoded once per device and handed to every watcher.

While somebody watches a device the hub renews a lease on the spoke; a spoke sends nothing else.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from schemas import subjects
from schemas.errors import FrameError
from schemas.frames import Frame, decode_batch
from schemas.messages.codec import pack
from schemas.messages.commands import WatchRequest
from schemas.quality import is_bad, words

_log = logging.getLogger(__name__)

_RENEW_S, _TTL_S = 5.0, 15.0
_MAX_PENDING = 16

SpokeOf = Callable[[int], Awaitable[str]]


class LiveService:
    """Implements hub.services.Live. `run` renews the leases; `spoke_of` gives a device's spoke."""

    def __init__(self, client: Client, spoke_of: SpokeOf) -> None:
        self._client = client
        self._spoke_of = spoke_of
        self._topics: dict[int, _Topic] = {}

    def watch(self, device_id: int) -> DeviceWatcher:
        return DeviceWatcher(self, device_id)

    async def run(self) -> None:
        """Renew the leases until cancelled."""
        while True:
            await asyncio.sleep(_RENEW_S)
            for topic in list(self._topics.values()):
                await topic.renew()

    async def join(self, watcher: DeviceWatcher) -> None:
        topic = self._topics.get(watcher.device_id)
        if topic is None:
            spoke = await self._spoke_of(watcher.device_id)
            topic = self._topics.setdefault(
                watcher.device_id, _Topic(self._client, spoke, watcher.device_id)
            )
        topic.watchers.add(watcher)
        await topic.open()
        for message in topic.newest:
            watcher.push(message)

    async def leave(self, watcher: DeviceWatcher) -> None:
        topic = self._topics.get(watcher.device_id)
        if topic is None:
            return
        topic.watchers.discard(watcher)
        if not topic.watchers:
            del self._topics[watcher.device_id]
            await topic.close()


class DeviceWatcher:
    """Implements hub.services.Watcher. A watcher that is too slow misses messages, never memory."""

    def __init__(self, live: LiveService, device_id: int) -> None:
        self.device_id = device_id
        self._live = live
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(_MAX_PENDING)

    async def __aenter__(self) -> DeviceWatcher:
        try:
            await self._live.join(self)
        except BaseException:  # the page went away meanwhile: nobody watches then
            await self._live.leave(self)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._live.leave(self)

    async def next(self) -> bytes:
        return await self._queue.get()

    def push(self, message: bytes) -> None:
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(message)


class _Topic:
    """One watched device: its subscription and its watchers."""

    def __init__(self, client: Client, spoke: str, device_id: int) -> None:
        self.watchers: set[DeviceWatcher] = set()
        self.newest: list[bytes] = []
        self._client = client
        self._spoke = spoke
        self._device_id = device_id
        self._subscription: Subscription | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        async with self._opening:
            if self._subscription is None:
                subject = subjects.live(self._spoke, self._device_id)
                self._subscription = await self._client.subscribe(subject, cb=self._on_frames)
            await self.renew()

    async def renew(self) -> None:
        request = WatchRequest((self._device_id,), _TTL_S)
        try:
            await self._client.publish(subjects.command(self._spoke, "watch"), pack(request))
        except (NatsError, OSError):
            _log.debug("Watch not renewed", extra={"action": "watch.unsent"})

    async def close(self) -> None:
        async with self._opening:
            if self._subscription is not None:
                try:
                    await self._subscription.unsubscribe()
                except (NatsError, OSError):
                    _log.debug("Not unsubscribed", extra={"action": "watch.unsub"})
                self._subscription = None

    async def _on_frames(self, message: Msg) -> None:
        try:
            frames = decode_batch(message.data).frames
        except FrameError:
            return
        payload = encode_rows(frames)
        self.newest = [payload]
        for watcher in self.watchers:
            watcher.push(payload)


def encode_rows(frames: tuple[Frame, ...]) -> bytes:
    """The message for the browser: the newest scan of each frame."""
    rows = [row for frame in frames for row in _rows(frame)]
    return json.dumps({"rows": rows}, separators=(",", ":"), allow_nan=False).encode()


def _rows(frame: Frame) -> list[dict[str, Any]]:
    if not frame.size:
        return []
    values = frame.values[-1].tolist()
    quality = [192] * len(values) if frame.quality is None else frame.quality[-1].tolist()
    if frame.source_times is not None:
        times = frame.source_times[-1].tolist()
    else:
        times = [int(frame.times[-1])] * len(values)
    return [
        {
            "id": tag_id,
            "v": None if is_bad(code) else _plain(value),
            "q": words(code),
            "t": time_ns // 1_000_000,
        }
        for tag_id, value, code, time_ns in zip(
            frame.tag_ids.tolist(), values, quality, times, strict=True
        )
    ]


def _plain(value: Any) -> Any:
    """JSON knows no NaN, and JavaScript no integer past 2**53: those travel as texts."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return str(value)
    return value
