"""The worker processes of a spoke: which of them has which devices."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

from schemas.config.devices import ManifestDevice
from schemas.messages.codec import build
from schemas.messages.health import DeviceHealth
from spoke.child import Child
from spoke.clock import Clock
from spoke.manifest import share


class Workers:
    """One owner of every worker process. `run` keeps them running, until cancelled."""

    def __init__(self, count: int, clock: Clock) -> None:
        self.count = count
        self._shares: list[list[dict[str, Any]]] = [[] for _ in range(count)]
        self._children = [self._child(index, clock) for index in range(count)]
        self._places: dict[int | str | None, int] = {}
        """By device id and by link."""
        self._turns = itertools.count()

    def _child(self, index: int, clock: Clock) -> Child:
        def hello() -> dict[str, Any]:
            return {"devices": self._shares[index]}

        return Child(f"Worker {index}", ["spoke.worker", str(index)], hello, clock)

    @property
    def restarts(self) -> int:
        return sum(child.restarts for child in self._children)

    def apply(self, devices: Sequence[ManifestDevice]) -> None:
        """Hand each worker its devices; a worker restarts only the devices that changed."""
        self._shares = share(devices, self.count)
        self._places = {
            item["id"]: index for index, items in enumerate(self._shares) for item in items
        }
        for device in devices:
            if device.connection.link is not None:
                self._places[device.connection.link] = self._places[device.id]
        for child, items in zip(self._children, self._shares, strict=True):
            child.tell({"devices": items})

    async def call(self, index: int, verb: str, body: bytes) -> bytes:
        """The answer of a worker. Raises SpokeOfflineError when it ends before it answers."""
        return await self._children[index].call(verb, body)

    def place(self, device_id: int | None = None, link: str | None = None) -> int:
        """The worker that runs a device, or whose devices share a connection; else the next one."""
        found = self._places.get(device_id, self._places.get(link))
        return next(self._turns) % self.count if found is None else found

    def devices(self) -> tuple[DeviceHealth, ...]:
        """The newest health of each device that is configured now."""
        known = {item["id"] for share in self._shares for item in share}
        found = [
            build(DeviceHealth, item)
            for child in self._children
            for item in child.report.get("devices", [])
            if item["id"] in known
        ]
        return tuple(sorted(found, key=lambda device: device.id))

    def total(self, field: str) -> int:
        return sum(int(child.report.get(field, 0)) for child in self._children)

    def pids(self) -> list[int]:
        return [child.pid for child in self._children if child.pid is not None]

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for child in self._children:
                tasks.create_task(child.run())
