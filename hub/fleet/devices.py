"""Devices: create, change, clone, delete, and a test before anything is written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pydantic import ValidationError

from hub.fleet import words
from hub.fleet.changes import Changes, Edit
from hub.fleet.records import config_of, device_of
from hub.fleet.secrets import unmasked
from hub.fleet.validation import (
    check_device,
    check_function_change,
    check_groups,
    check_no_function,
    expand_and_check,
)
from hub.functions.steps import check_steps
from hub.records import Device, User
from hub.storage.config import ConfigStore
from hub.storage.records import DeviceRow
from schemas.config.base import explain
from schemas.config.devices import DeviceConfig, ManifestDevice, ManifestTag, TagConfig
from schemas.errors import ConfigErrors, ConflictError
from schemas.messages.commands import TestReply, TestRequest

TEST_DEVICE_ID = 1
"""On the spoke a test stores nothing, so its ids need only differ among themselves."""


class Devices(Changes):
    """The part of FleetService about devices."""

    async def devices(self, spoke_id: int | None = None) -> list[Device]:
        return [device_of(row, self._presence) for row in await self._store.devices(spoke_id)]

    async def device(self, device_id: int) -> Device:
        return device_of(await self._store.device(device_id), self._presence)

    async def create_device(
        self, who: User, spoke_id: int, config: DeviceConfig, tags: Sequence[TagConfig] = ()
    ) -> Device:
        check_no_function(config)
        config = unmasked(config, None)
        tags = await asyncio.to_thread(expand_and_check, config, tags)
        await asyncio.to_thread(check_steps, config, tags)
        async with self._change(who, spoke_id, "device.create") as edit:
            device_id = await self._insert(edit, config, tags)
            edit.says(words.device_added(config.name, tags), device=device_id)
        return await self.device(device_id)

    async def update_device(
        self, who: User, device_id: int, config: DeviceConfig, version: int
    ) -> Device:
        """Raises ConflictError when `version` is not the newest; the mask keeps a secret."""
        row = await self._store.device(device_id)
        if self._same(row, config, version):
            return device_of(row, self._presence)
        async with self._change(who, row.spoke_id, "device.change") as edit:
            old = config_of(await self._store.device(device_id, edit.conn))
            config = unmasked(config, old)
            check_function_change(old, config)
            await self._name_is_free(edit, config.name, device_id)
            rows = await self._store.tags(device_id=device_id, conn=edit.conn)
            tags = [TagConfig.model_validate(tag.config) for tag in rows]
            check_groups(config, tags)
            await asyncio.to_thread(check_device, config, tags)
            await asyncio.to_thread(check_steps, config, tags)
            await self._store.update_device(
                device_id, config.name, config.model_dump(mode="json"), version, edit.conn
            )
            edit.says(words.device_change(old, config), device=device_id)
        return await self.device(device_id)

    async def clone_device(self, who: User, device_id: int, name: str) -> Device:
        source = await self._store.device(device_id)
        check_no_function(config_of(source))
        async with self._change(who, source.spoke_id, "device.clone") as edit:
            source = await self._store.device(device_id, edit.conn)
            config = _renamed(config_of(source), name)
            rows = await self._store.tags(device_id=device_id, conn=edit.conn)
            tags = [TagConfig.model_validate(tag.config) for tag in rows]
            new_id = await self._insert(edit, config, tags)
            edit.says(f"Device {config.name} cloned from {source.name}", device=new_id)
        return await self.device(new_id)

    async def delete_device(self, who: User, device_id: int) -> None:
        row = await self._store.device(device_id)
        async with self._change(who, row.spoke_id, "device.delete") as edit:
            await self._store.delete_device(device_id, edit.conn)
            edit.says(f"Device {row.name} deleted", device=device_id)

    async def test_device(
        self, spoke_id: int, config: DeviceConfig, tags: Sequence[TagConfig]
    ) -> TestReply:
        """A masked secret is that of the stored device of this name on this spoke."""
        check_no_function(config)
        spoke = await self._store.spoke(spoke_id)
        stored = [row for row in await self._store.devices(spoke_id) if row.name == config.name]
        config = unmasked(config, config_of(stored[0]) if stored else None)
        tags = await asyncio.to_thread(expand_and_check, config, tags)
        numbered = tuple(
            ManifestTag(id=number, **tag.model_dump()) for number, tag in enumerate(tags, 1)
        )
        device = ManifestDevice(id=TEST_DEVICE_ID, tags=numbered, **config.model_dump())
        return await self._commands.test(spoke.name, TestRequest(device.model_dump(mode="json")))

    async def _insert(self, edit: Edit, config: DeviceConfig, tags: Sequence[TagConfig]) -> int:
        await self._name_is_free(edit, config.name)
        return await insert_device(self._store, edit, config, tags)

    async def _name_is_free(self, edit: Edit, name: str, but: int | None = None) -> None:
        for row in await self._store.devices(edit.spoke_id, edit.conn):
            if row.name == name and row.device_id != but:
                raise ConflictError(
                    f"Gateway {edit.spoke} has a device {name!r} already.", path="name"
                )

    def _same(self, row: DeviceRow, config: DeviceConfig, version: int) -> bool:
        """Saved without a change, for example twice: no new revision."""
        return row.version == version and unmasked(config, config_of(row)) == config_of(row)


async def insert_device(
    store: ConfigStore, edit: Edit, config: DeviceConfig, tags: Sequence[TagConfig]
) -> int:
    """The rows of a device with its tags; its id."""
    row = await store.insert_device(
        edit.spoke_id, config.name, config.model_dump(mode="json"), edit.conn
    )
    if tags:
        rows = [(tag.name, tag.model_dump(mode="json"), tag.kind) for tag in tags]
        await store.insert_tags(row.device_id, rows, edit.conn)
    return row.device_id


def _renamed(config: DeviceConfig, name: str) -> DeviceConfig:
    try:
        return DeviceConfig.model_validate(config.model_dump() | {"name": name, "enabled": False})
    except ValidationError as error:
        raise ConfigErrors(explain(error)) from error
