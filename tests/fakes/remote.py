"""A device at work, in memory; behaves as the Protocol `Remote` promises."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from hub.records import Device, Tag, User
from schemas.config.devices import Access, TagConfig
from schemas.config.drivers import DriverConfig
from schemas.config.opcua import OpcUaConfig
from schemas.errors import (
    ConfigError,
    ConfigErrors,
    SpindleError,
    SpokeOfflineError,
    UnreachableError,
    WriteRefusedError,
)
from schemas.kinds import Kind
from schemas.messages.browsing import BrowseReply, DiscoverReply
from schemas.messages.diagnosis import DiagnoseReply
from schemas.messages.writes import WriteResult, WriteState
from tests.fakes import nodes
from tests.fakes.clock import NS, now_ns
from tests.fakes.fleet import FakeFleet
from tests.fakes.plans import plan, trace

Value = float | int | bool | str
UNKNOWN, DIFFERS, REFUSED = 599, 598, 597
"""Writing these numbers gives these results; every other value is verified."""


class FakeRemote:
    """`written` counts the values that a device got."""

    def __init__(self, fleet: FakeFleet) -> None:
        self._fleet = fleet
        self._tracing: dict[int, tuple[int, int]] = {}
        self.written = 0

    async def _online(self, spoke_id: int) -> str:
        spoke = await self._fleet.spoke(spoke_id)
        if not spoke.online:
            raise SpokeOfflineError(f"The gateway {spoke.name} does not answer.")
        await asyncio.sleep(0.02)
        return spoke.name

    async def diagnose(
        self, device_id: int, trace_s: float | None = None, *, retry: bool = False
    ) -> DiagnoseReply:
        await self._online((await self._fleet.device(device_id)).spoke_id)
        if retry:
            self._fleet.retried[device_id] = now_ns()
        device = await self._fleet.device(device_id)
        if trace_s is not None:
            self._tracing.pop(device_id, None)
            if trace_s > 0:
                self._tracing[device_id] = (now_ns(), now_ns() + int(trace_s * NS))
        start, end = self._tracing.get(device_id, (0, 0))
        tags = [tag.config for tag in await self._fleet.tags(device_id)]
        groups = plan(device.config, tags, running=_running(device))
        link = device.config.connection.link or ""
        others = [
            item for item in await self._fleet.devices(device.spoke_id) if _shares(item, link)
        ]
        return DiagnoseReply(
            time_ns=now_ns(),
            health=device.health,
            groups=groups,
            link=link if len(others) > 1 else "",
            tracing=end > now_ns(),
            trace=trace(groups, start, min(end, now_ns()), running=_running(device)),
        )

    async def discover(
        self, spoke_id: int, connection: DriverConfig, device_id: int | None = None
    ) -> DiscoverReply:
        name = await self._online(spoke_id)
        await asyncio.sleep(0.2)
        if not isinstance(connection, OpcUaConfig):
            text = f"The driver {connection.driver} has no endpoints to find."
            return DiscoverReply(error=ConfigError(text).as_dict())
        if ".99" in connection.endpoint:
            text = f"No connection to {connection.endpoint}: no answer within 4 s."
            own = nodes.certificate(f"Spindle gateway {name}", 1800)
            return DiscoverReply(own=own, error=UnreachableError(text).as_dict())
        return nodes.offers(connection, name)

    async def browse(
        self,
        spoke_id: int,
        connection: DriverConfig,
        node: str = "",
        *,
        deep: bool = False,
        device_id: int | None = None,
    ) -> BrowseReply:
        await self._online(spoke_id)
        if not isinstance(connection, OpcUaConfig):
            text = f"The driver {connection.driver} cannot be browsed."
            return BrowseReply(error=ConfigError(text, hint="Import a tag file.").as_dict())
        device = await self._fleet.device(device_id) if device_id else None
        error = device.health.error if device and device.health else None
        if error:
            return BrowseReply(error=error)
        await asyncio.sleep(0.8 if deep else 0.1)
        return nodes.below(node, deep=deep)

    async def write(
        self, who: User, device_id: int, values: Mapping[int, Value]
    ) -> list[WriteResult]:
        device = await self._fleet.device(device_id)
        tags = {tag.id: tag for tag in await self._fleet.tags(device_id)}
        problems: list[SpindleError] = []
        for tag_id, value in values.items():
            text = _wrong(tags[tag_id].config, value) if tag_id in tags else "is not of this device"
            if text:
                name = tags[tag_id].config.name if tag_id in tags else f"Tag {tag_id}"
                problems.append(ConfigError(f"{name} {text}.", path=f"values.{tag_id}"))
        if problems:
            raise ConfigErrors(problems)
        await self._online(device.spoke_id)
        await asyncio.sleep(0.15)
        return [self._written(tags[tag_id], value, device) for tag_id, value in values.items()]

    def _written(self, tag: Tag, value: Value, device: Device) -> WriteResult:
        if not _running(device):
            error = WriteRefusedError(f"{device.config.name} is not connected.")
            return WriteResult(tag.id, WriteState.REFUSED, error=error.as_dict())
        if value == REFUSED:
            refused = WriteRefusedError(
                "The device refused the value: write protected.", hint="Set the PLC to remote."
            )
            return WriteResult(tag.id, WriteState.REFUSED, error=refused.as_dict())
        if value == UNKNOWN:
            return WriteResult(tag.id, WriteState.UNKNOWN)
        self.written += 1
        if value == DIFFERS:
            return WriteResult(tag.id, WriteState.DIFFERS, 550.0)
        self._fleet.written[tag.id] = value
        return WriteResult(tag.id, WriteState.VERIFIED, value)


def _running(device: Device) -> bool:
    return device.health is not None and device.health.state == "running"


def _shares(device: Device, link: str) -> bool:
    return bool(link) and device.config.enabled and device.config.connection.link == link


def _wrong(tag: TagConfig, value: Value) -> str:
    """What is wrong with writing the value, as the end of a sentence; empty when nothing is."""
    if tag.access is not Access.READ_WRITE:
        return "is read-only"
    fits = {Kind.BOOL: bool, Kind.TEXT: str}.get(tag.kind, (int, float))
    if not isinstance(value, fits) or (isinstance(value, bool) and tag.kind is not Kind.BOOL):
        return f"takes a {tag.kind} value"
    if isinstance(value, bool | str):
        return ""
    if tag.write_low is not None and value < tag.write_low:
        return f"must be at least {tag.write_low:g}"
    if tag.write_high is not None and value > tag.write_high:
        return f"must be at most {tag.write_high:g}"
    return ""
