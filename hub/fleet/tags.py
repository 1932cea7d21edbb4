"""Tags: many at once, because a PLC has thousands."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from hub.fleet import words
from hub.fleet.changes import Changes, Edit
from hub.fleet.records import config_of, tag_of
from hub.fleet.validation import (
    check_calculated,
    check_device,
    check_no_function,
    check_wire,
    expand_and_check,
)
from hub.records import Tag, User
from hub.storage.records import TagRow
from schemas.config.devices import TagConfig
from schemas.config.functions import FunctionConfig
from schemas.errors import ConfigErrors, SpindleError


class Tags(Changes):
    """The part of FleetService about tags."""

    async def tags(self, device_id: int | None = None) -> list[Tag]:
        """In the order of their ids. Raises NotFoundError for a device that does not exist."""
        if device_id is not None:
            await self._store.device(device_id)
        return [tag_of(row) for row in await self._store.tags(device_id=device_id)]

    async def create_tags(self, who: User, device_id: int, tags: Sequence[TagConfig]) -> list[Tag]:
        """An address such as HR:0[10] makes ten tags. Raises ConfigErrors."""
        if not tags:
            return []
        spoke_id = (await self._store.device(device_id)).spoke_id
        async with self._change(who, spoke_id, "tag.create") as edit:
            device = await self._store.device(device_id, edit.conn)
            check_no_function(config_of(device))
            existing = await self._store.tags(device_id=device_id, conn=edit.conn)
            tags = await asyncio.to_thread(
                expand_and_check, config_of(device), tags, _configs(existing)
            )
            rows = await self._store.insert_tags(
                device_id,
                [(tag.name, tag.model_dump(mode="json"), tag.kind) for tag in tags],
                edit.conn,
            )
            edit.says(words.tags_added(device.name, tags), device=device_id, tags=len(tags))
        return [tag_of(row) for row in rows]

    async def update_tag(self, who: User, tag_id: int, config: TagConfig) -> Tag:
        """Raises ConfigErrors (paths are the tag's fields), and ConflictError when the column type
        would change after the first sample."""
        found = await self._store.tag(tag_id)
        if TagConfig.model_validate(found.config) == config:
            return tag_of(found)
        async with self._change(who, found.spoke_id, "tag.change") as edit:
            row = await self._checked(edit, tag_id, config)
            old = TagConfig.model_validate(row.config)
            row = await self._store.update_tag(
                tag_id, config.name, config.model_dump(mode="json"), config.kind, edit.conn
            )
            edit.says(words.tag_change(row.device, old, config), tag=tag_id)
        return tag_of(row)

    async def delete_tags(self, who: User, tag_ids: Sequence[int]) -> int:
        """How many there were; their stored values stay in SQL. One revision per spoke."""
        by_spoke: dict[int, list[TagRow]] = defaultdict(list)
        for row in await self._store.tags(tag_ids=list(set(tag_ids))):
            by_spoke[row.spoke_id].append(row)
        count = 0
        for spoke_id, rows in by_spoke.items():
            async with self._change(who, spoke_id, "tag.delete") as edit:
                for device_id in {row.device_id for row in rows}:
                    check_no_function(config_of(await self._store.device(device_id, edit.conn)))
                ids = [row.tag_id for row in rows]
                count += await self._store.delete_tags(ids, edit.conn)
                names = [row.name for row in rows]
                edit.says(words.tags_deleted(_devices(rows), names), tags=ids[:1000])
        return count

    async def _checked(self, edit: Edit, tag_id: int, config: TagConfig) -> TagRow:
        """The row as it is now, when `config` may take its place."""
        row = await self._store.tag(tag_id, edit.conn)
        device = await self._store.device(row.device_id, edit.conn)
        all_rows = await self._store.tags(device_id=row.device_id, conn=edit.conn)
        others = _configs([other for other in all_rows if other.tag_id != tag_id])
        try:
            await asyncio.to_thread(check_device, config_of(device), [config], others)
        except ConfigErrors as error:
            raise ConfigErrors([_of_one_tag(item) for item in error.problems]) from error
        old = TagConfig.model_validate(row.config)
        if isinstance(config_of(device).connection, FunctionConfig):
            check_calculated(old, config)
        check_wire(row.wire, old, config)
        return row


def _configs(rows: Sequence[TagRow]) -> list[TagConfig]:
    return [TagConfig.model_validate(row.config) for row in rows]


def _of_one_tag(problem: SpindleError) -> SpindleError:
    """`tags.0.address` is `address` where there is one tag only."""
    problem.path = problem.path.removeprefix("tags.0.")
    return problem


def _devices(rows: Sequence[TagRow]) -> str:
    return ", ".join(sorted({row.device for row in rows})[:3])
