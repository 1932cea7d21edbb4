"""Gateways, devices and tags in memory; behaves as the Protocol `Fleet` promises."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hub.records import Device, Revision, Role, Spoke, Tag, User
from schemas import quality
from schemas.addresses import check_tags
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.config.opcua import OpcUaConfig
from schemas.errors import (
    ConfigError,
    ConfigErrors,
    ConflictError,
    NotFoundError,
    SpokeOfflineError,
    UnreachableError,
)
from schemas.messages.commands import TestReply
from schemas.messages.health import DeviceHealth
from tests.fakes import nodes, plant
from tests.fakes.clock import NS, STARTED_NS, now_ns
from tests.fakes.health import spoke_health
from tests.fakes.plans import plan

_PAUSE_NS = 30 * NS


class FakeFleet:
    def __init__(self, *, empty: bool = False) -> None:
        self._spokes: dict[int, Spoke] = {}
        self._devices: dict[int, Device] = {}
        self._tags: dict[int, Tag] = {}
        self._revisions: list[Revision] = []
        self._machines: dict[int, plant.Machine] = {}
        self._next = 100
        self.written: dict[int, plant.Value] = {}
        """What was written, by tag id: a setpoint stays where it was put."""
        self.retried: dict[int, int] = {}
        """When somebody asked for a try, by device id."""
        if not empty:
            self._build()

    def _build(self) -> None:
        author = User(1, "t.huber", Role.ADMIN)
        for index, (name, note, online) in enumerate(plant.SPOKES, 1):
            seen = now_ns() - (0 if online else 5430 * NS)
            self._spokes[index] = Spoke(
                index, name, note, STARTED_NS - 90 * 86400 * NS, 1, 1, seen, online
            )
        by_name = {spoke.name: spoke.id for spoke in self._spokes.values()}
        for machine in plant.MACHINES:
            made = self._add(author, by_name[machine.spoke], machine.config, machine.tags)
            self._machines[made.id] = machine
        for spoke in list(self._spokes.values()):
            self._spokes[spoke.id] = replace(spoke, applied_revision=spoke.revision)

    def _id(self) -> int:
        self._next += 1
        return self._next

    def _revise(self, who: User, spoke_id: int, summary: str) -> None:
        spoke = self._spokes[spoke_id]
        number = spoke.revision + 1
        applied = number if spoke.online else spoke.applied_revision
        self._spokes[spoke_id] = replace(spoke, revision=number, applied_revision=applied)
        self._revisions.append(Revision(spoke_id, number, now_ns(), who.name, summary))

    def _add(
        self, who: User, spoke_id: int, config: DeviceConfig, tags: Sequence[TagConfig]
    ) -> Device:
        spoke = self._spokes[spoke_id]
        if any(
            item.config.name == config.name and item.spoke_id == spoke_id
            for item in self._devices.values()
        ):
            raise ConflictError(f"{spoke.name} already has a device with the name {config.name!r}.")
        device = Device(self._id(), spoke_id, spoke.name, config, 0, 1)
        self._devices[device.id] = device
        for tag in tags:
            tag_id = self._id()
            self._tags[tag_id] = Tag(tag_id, device.id, config.name, spoke.name, tag)
        self._revise(who, spoke_id, f"Device {config.name} created with {len(tags)} tags")
        return device

    # --- reading ------------------------------------------------------------------------

    def _device_health(self, device: Device) -> DeviceHealth | None:
        machine = self._machines.get(device.id)
        state, error = (machine.state, machine.error) if machine else ("running", None)
        connection = device.config.connection
        if machine and isinstance(connection, OpcUaConfig) and machine.state != "waiting":
            distrust = nodes.untrusted(connection)
            if distrust:
                state, error = "refused", distrust
            elif error and error["kind"] == "CertificateError":
                state, error = "running", None
        if not device.config.enabled:
            state, error = "off", None
        since = STARTED_NS - (640 * NS if error else 86400 * NS)
        scans = (now_ns() - STARTED_NS) // NS + 86400
        return DeviceHealth(
            id=device.id,
            state=state,
            error=error,
            since_ns=since,
            last_good_ns=now_ns() - (700 * NS if error else 300_000_000),
            scans=scans,
            skipped=3,
            values=scans * device.tags,
            next_try_ns=self._next_try(device) if state == "waiting" else 0,
            connects=1,
            tag_problems=self._tag_problems(device) if state == "running" else {},
        )

    def _next_try(self, device: Device) -> int:
        """Every 30 s since somebody last asked for a try."""
        base = self.retried.get(device.id, STARTED_NS)
        return base + ((now_ns() - base) // _PAUSE_NS + 1) * _PAUSE_NS

    def _tag_problems(self, device: Device) -> dict[str, dict[str, Any]]:
        return {
            str(tag.id): plant.VANISHED
            for tag in self._tags.values()
            if tag.device_id == device.id and plant.VANISHED_NOTE in tag.config.description
        }

    def sample(self, tag: Tag) -> tuple[plant.Value, int]:
        """(value, quality) now."""
        if tag.id in self.written:
            return self.written[tag.id], quality.Quality.GOOD
        return plant.sample(tag.config, tag.id, now_ns() / NS)

    def _shown(self, device: Device) -> Device:
        count = sum(tag.device_id == device.id for tag in self._tags.values())
        known = replace(device, tags=count)
        return replace(known, health=self._device_health(known))

    def _shown_spoke(self, spoke: Spoke) -> Spoke:
        devices = [item for item in self._devices.values() if item.spoke_id == spoke.id]
        tags = sum(tag.spoke == spoke.name for tag in self._tags.values())
        known = replace(spoke, devices=len(devices), tags=tags)
        if spoke.online:
            known = replace(known, last_seen_ns=now_ns())
        if not spoke.last_seen_ns:
            return known
        return replace(known, health=spoke_health(spoke, tags))

    async def spokes(self) -> list[Spoke]:
        return [self._shown_spoke(spoke) for spoke in self._spokes.values()]

    async def spoke(self, spoke_id: int) -> Spoke:
        if spoke_id not in self._spokes:
            raise NotFoundError("This gateway does not exist.")
        return self._shown_spoke(self._spokes[spoke_id])

    async def devices(self, spoke_id: int | None = None) -> list[Device]:
        found = self._devices.values()
        return [self._shown(item) for item in found if spoke_id in (None, item.spoke_id)]

    async def device(self, device_id: int) -> Device:
        if device_id not in self._devices:
            raise NotFoundError("This device does not exist.")
        return self._shown(self._devices[device_id])

    async def tags(self, device_id: int | None = None) -> list[Tag]:
        return [tag for tag in self._tags.values() if device_id in (None, tag.device_id)]

    async def revisions(self, spoke_id: int) -> list[Revision]:
        return [item for item in reversed(self._revisions) if item.spoke_id == spoke_id]

    # --- changing -----------------------------------------------------------------------

    async def create_spoke(self, who: User, name: str, description: str = "") -> Spoke:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,50}", name):
            raise ConfigError(
                f"{name!r} cannot be a gateway's name.",
                hint="Use letters, digits, - and _ only.",
                path="name",
            )
        if any(spoke.name == name for spoke in self._spokes.values()):
            raise ConflictError(f"The gateway {name!r} exists already.")
        made = Spoke(self._id(), name, description, now_ns(), 0, 0, 0, False)
        self._spokes[made.id] = made
        return made

    async def delete_spoke(self, who: User, spoke_id: int) -> None:
        await self.spoke(spoke_id)
        for device in await self.devices(spoke_id):
            await self.delete_device(who, device.id)
        del self._spokes[spoke_id]

    async def credentials(self, who: User, spoke_id: int) -> str:
        spoke = await self.spoke(spoke_id)
        return (
            f"-----BEGIN NATS USER JWT-----\nFAKE.{spoke.name}.JWT\n"
            "------END NATS USER JWT------\n\n"
            "-----BEGIN USER NKEY SEED-----\nSUFAKE\n------END USER NKEY SEED------\n"
        )

    async def create_device(
        self, who: User, spoke_id: int, config: DeviceConfig, tags: Sequence[TagConfig] = ()
    ) -> Device:
        await self.spoke(spoke_id)
        return self._shown(self._add(who, spoke_id, config, tags))

    def made_from(self, device_id: int, profile_id: int, version: int) -> None:
        """Notes the profile of a device."""
        self._devices[device_id] = replace(
            self._devices[device_id], profile_id=profile_id, profile_version=version
        )

    async def update_device(
        self, who: User, device_id: int, config: DeviceConfig, version: int
    ) -> Device:
        old = await self.device(device_id)
        if version != old.version:
            raise ConflictError("Somebody else has changed this device in the meantime.")
        known = {group.name for group in config.groups}
        used = [tag for tag in await self.tags(device_id) if tag.config.group not in known]
        if used:
            text = f"tag {used[0].config.name!r}: scan group {used[0].config.group!r} is gone"
            raise ConfigErrors([ConfigError(text, path="groups")])
        self._devices[device_id] = replace(
            self._devices[device_id], config=config, version=version + 1
        )
        self._revise(who, old.spoke_id, f"Device {config.name} changed")
        return await self.device(device_id)

    async def clone_device(self, who: User, device_id: int, name: str) -> Device:
        old = await self.device(device_id)
        tags = [tag.config for tag in await self.tags(device_id)]
        config = old.config.model_copy(update={"name": name, "enabled": False})
        return self._shown(self._add(who, old.spoke_id, config, tags))

    async def delete_device(self, who: User, device_id: int) -> None:
        old = await self.device(device_id)
        del self._devices[device_id]
        self._tags = {key: tag for key, tag in self._tags.items() if tag.device_id != device_id}
        self._revise(who, old.spoke_id, f"Device {old.config.name} deleted")

    async def create_tags(self, who: User, device_id: int, tags: Sequence[TagConfig]) -> list[Tag]:
        device = await self.device(device_id)
        problems = list(check_tags(tags, device.config.connection))
        names = {tag.config.name for tag in await self.tags(device_id)}
        for index, tag in enumerate(tags):
            if tag.name in names:
                text = f"The device already has a tag {tag.name!r}."
                problems.append(ConfigError(text, path=f"tags.{index}.name"))
        if problems:
            raise ConfigErrors(problems)
        made = [Tag(self._id(), device_id, device.config.name, device.spoke, tag) for tag in tags]
        self._tags |= {tag.id: tag for tag in made}
        self._revise(who, device.spoke_id, f"{len(made)} tags of {device.config.name} created")
        return made

    async def update_tag(self, who: User, tag_id: int, config: TagConfig) -> Tag:
        old = self._tags[tag_id]
        if config.kind is not old.config.kind:
            raise ConflictError(
                "The kind of a tag with stored values cannot change.",
                hint="Create a new tag for it.",
                path="data_type",
            )
        self._tags[tag_id] = replace(old, config=config)
        return self._tags[tag_id]

    async def delete_tags(self, who: User, tag_ids: Sequence[int]) -> int:
        return sum(self._tags.pop(tag_id, None) is not None for tag_id in tag_ids)

    async def test_device(
        self, spoke_id: int, config: DeviceConfig, tags: Sequence[TagConfig]
    ) -> TestReply:
        spoke = await self.spoke(spoke_id)
        if not spoke.online:
            raise SpokeOfflineError(f"The gateway {spoke.name} does not answer.")
        await asyncio.sleep(0.3)  # the way to the gateway and back
        host = getattr(config.connection, "host", "")
        if host.endswith(".99"):
            error = UnreachableError(f"No connection to {host}: no answer within 2 s.")
            return TestReply(error=error.as_dict())
        values = []
        for index, tag in enumerate(tags):
            value, code = plant.sample(tag, index, now_ns() / NS)
            words = quality.words(code)
            values.append(
                {"tag": tag.name, "address": tag.address, "value": value, "quality": int(code)}
                | {"words": words, "problem": ""}
            )
        return TestReply(
            None, 12.4, 8.1, tuple(values), plan(config, tags, running=True, scanned=False)
        )
