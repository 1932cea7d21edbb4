"""The supervisor's side of the function host: what it runs, what it says, what it may write."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from schemas.config.devices import ManifestDevice
from schemas.config.functions import FunctionConfig
from schemas.errors import NotFoundError, SpindleError, error_of
from schemas.messages.codec import build, pack, read
from schemas.messages.health import DeviceHealth, FunctionHealth
from schemas.messages.writes import (
    OperateReply,
    OperateRequest,
    SelectReply,
    SelectRequest,
    WriteState,
    WriteValue,
)
from spoke.child import Child
from spoke.clock import Clock
from spoke.workers import Workers

_log = logging.getLogger(__name__)


class FunctionKeeper:
    """Keeps one function host running, from the first use on."""

    def __init__(self, workers: Workers, clock: Clock) -> None:
        self._workers = workers
        self._child = Child(
            "Function host", ["spoke.functions.host"], self._hello, clock, self._asked
        )
        self._uses: list[dict[str, Any]] = []
        self._device_of: dict[int, int] = {}
        self._writable: frozenset[int] = frozenset()
        self._wanted = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None

    def apply(self, devices: Sequence[ManifestDevice]) -> None:
        """All devices of the manifest; those with the driver `function` are uses."""
        self._uses = wirings(devices)
        self._device_of = {tag.id: device.id for device in devices for tag in device.tags}
        self._writable = frozenset(
            tag_id
            for device in devices
            if isinstance(device.connection, FunctionConfig) and device.enabled
            for tag_id in device.connection.writes.values()
        )
        if self._uses:
            self._wanted.set()
        self._child.tell(self._hello())

    async def run(self) -> None:
        """Until cancelled."""
        await self._wanted.wait()
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._child.run())

    async def call(self, verb: str, body: bytes) -> bytes:
        """Raises SpokeOfflineError while it is not running."""
        return await self._child.call(verb, body)

    @property
    def restarts(self) -> int:
        return self._child.restarts

    def pids(self) -> list[int]:
        return [] if self._child.pid is None else [self._child.pid]

    def functions(self) -> tuple[FunctionHealth, ...]:
        return tuple(build(FunctionHealth, item) for item in self._of_now("functions"))

    def devices(self) -> tuple[DeviceHealth, ...]:
        found = {item["id"]: build(DeviceHealth, item) for item in self._of_now("devices")}
        for use in self._uses:
            device = use["device"]
            if not device["enabled"]:
                found[device["id"]] = DeviceHealth(device["id"], "off")
        return tuple(found.values())

    def _of_now(self, field: str) -> list[dict[str, Any]]:
        known = {use["device"]["id"] for use in self._uses}
        return [item for item in self._child.report.get(field, []) if item["id"] in known]

    def _hello(self) -> dict[str, Any]:
        return {"uses": self._uses}

    # --- writes ---------------------------------------------------------------------------------
    def _asked(self, message: dict[str, Any]) -> None:
        assert self._tasks is not None
        self._tasks.create_task(self._write(message["ask"], *message["write"]))

    async def _write(self, number: int, tag_id: int, value: Any) -> None:
        answer: dict[str, Any]
        try:
            answer = {"outcome": await self._written(tag_id, value)}
        except SpindleError as error:
            answer = {"error": error.as_dict()}
        self._child.tell({"answer": number, **answer})

    async def _written(self, tag_id: int, value: Any) -> str:
        """Select and operate like a person's write (schemas/messages/writes.py), only for tags that
        whoever deployed a function bound to one of its write ports."""
        device_id = self._device_of.get(tag_id)
        if device_id is None or tag_id not in self._writable:
            raise NotFoundError(
                f"No function may write the tag {tag_id}.",
                hint="Bind it to a write port on the Functions page.",
            )
        place = self._workers.place(device_id=device_id)
        request = SelectRequest(device_id, (WriteValue(tag_id, value),))
        selected = read(SelectReply, await self._workers.call(place, "select", pack(request)))
        problem = selected.error or (selected.problems[0] if selected.problems else None)
        if problem is not None:
            raise error_of(problem)
        operate = OperateRequest(device_id, selected.ticket)
        reply = read(OperateReply, await self._workers.call(place, "operate", pack(operate)))
        if reply.error is not None:
            raise error_of(reply.error)
        result = reply.results[0]
        if result.state in (WriteState.REFUSED, WriteState.UNKNOWN) and result.error:
            raise error_of(result.error)
        return str(result.state)


def wirings(devices: Sequence[ManifestDevice]) -> list[dict[str, Any]]:
    """Each use with the tags that it names, as the host takes them: [id, name, device, unit]."""
    known = {tag.id: (tag, device) for device in devices for tag in device.tags}
    found = []
    for use in devices:
        config = use.connection
        if not isinstance(config, FunctionConfig):
            continue
        ids = {tag_id for tags in config.inputs.values() for tag_id in tags}
        named = [
            known[tag_id] for tag_id in sorted(ids | set(config.writes.values())) if tag_id in known
        ]
        groups = {(device.id, tag.group) for tag, device in named if tag.id in ids}
        found.append(
            {
                "device": use.model_dump(mode="json"),
                "tags": [[tag.id, tag.name, device.name, tag.unit] for tag, device in named],
                "groups": len(groups),
            }
        )
    return found
