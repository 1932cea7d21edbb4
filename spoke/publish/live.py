"""Live frames: core NATS, only for devices that somebody watches, at most four times a second.

The hub renews a watch while a page is open; it ends by itself when the hub goes away.
"""

from __future__ import annotations

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from schemas import subjects
from schemas.errors import FrameError
from schemas.frames import Batch, Frame, encode_batch
from schemas.messages.codec import read
from schemas.messages.commands import WatchRequest
from spoke.clock import Clock

MAX_TTL_S = 60.0


class Live:
    def __init__(self, client: Client, spoke: str, clock: Clock) -> None:
        self._client = client
        self._spoke = spoke
        self._clock = clock
        self._until: dict[int, float] = {}
        self._pending: dict[int, dict[tuple[int, str], Frame]] = {}
        self._newest: dict[int, dict[tuple[int, str], Frame]] = {}

    async def start(self) -> None:
        await self._client.subscribe(subjects.command(self._spoke, "watch"), cb=self._on_watch)

    def put(self, device_id: int, frame: Frame) -> None:
        """Note the newest frame; costs two dictionary look-ups when nobody watches."""
        newest = self._newest.setdefault(device_id, {})
        if frame.source_times is None:
            newest[id(frame.tag_ids), frame.wire] = frame
        if device_id in self._until:
            key = (id(frame.tag_ids if frame.source_times is None else frame), frame.wire)
            self._pending.setdefault(device_id, {})[key] = frame

    def forget(self, device_id: int) -> None:
        """The device is gone or configured anew."""
        self._newest.pop(device_id, None)
        self._pending.pop(device_id, None)

    async def flush(self) -> None:
        """Send what is pending; called four times a second."""
        now = self._clock.monotonic()
        for device_id in [device for device, until in self._until.items() if until < now]:
            del self._until[device_id]
            self._pending.pop(device_id, None)
        pending, self._pending = self._pending, {}
        for device_id, frames in pending.items():
            batch = Batch("live", 0, self._clock.time_ns(), tuple(frames.values()))
            message = encode_batch(batch, compress=False)
            try:
                await self._client.publish(subjects.live(self._spoke, device_id), message)
            except (NatsError, OSError):
                return  # the connection is away; its owner says so

    async def _on_watch(self, message: Msg) -> None:
        try:
            wanted = read(WatchRequest, message.data)
        except FrameError:
            return
        now = self._clock.monotonic()
        until = now + min(max(float(wanted.ttl_s), 1.0), MAX_TTL_S)
        for device_id in wanted.devices:
            if device_id not in self._until and device_id in self._newest:
                self._pending[device_id] = dict(self._newest[device_id])  # seen at once
            self._until[device_id] = until
