"""Spokes, their revisions and the handshake."""

from __future__ import annotations

from typing import Any

from hub.fleet.changes import Changes, Edit
from hub.fleet.records import revision_of, spoke_of
from hub.records import Revision, Spoke, User
from schemas.errors import ConfigError, ConflictError, NotFoundError
from schemas.subjects import HUB_DOMAIN, SPOKE_NAME

HUB = "hub"
"""The author of what the hub does by itself."""
MAX_REVISIONS = 100


class Spokes(Changes):
    """The part of FleetService about spokes."""

    async def spokes(self) -> list[Spoke]:
        return [spoke_of(row, self._presence) for row in await self._store.spokes()]

    async def spoke(self, spoke_id: int) -> Spoke:
        return spoke_of(await self._store.spoke(spoke_id), self._presence)

    async def create_spoke(self, who: User, name: str, description: str = "") -> Spoke:
        """With revision 1, which is empty. The name of a deleted spoke stays taken."""
        name = name.strip()
        if not SPOKE_NAME.match(name) or name == HUB_DOMAIN:
            raise ConfigError(
                f"{name!r} cannot be the name of a gateway.",
                hint="Use up to 32 lower-case letters, digits and dashes, such as line-1; "
                f"{HUB_DOMAIN!r} is the hub's own name.",
                path="name",
            )
        try:
            async with self._store.database.transaction() as conn:
                row = await self._store.insert_spoke(name, description.strip(), conn)
                edit = Edit(conn, row.spoke_id, name, row.revision + 1)
                edit.says("Gateway added")
                await self._commit_revision(who.name, "spoke.create", edit)
        except ConflictError as error:
            raise ConflictError(
                f"There is or was a gateway {name!r}.",
                hint="Choose another name: the values of a deleted gateway keep its name.",
                path="name",
            ) from error
        return await self.spoke(row.spoke_id)

    async def delete_spoke(self, who: User, spoke_id: int) -> None:
        """With all devices and tags; the stored values stay in SQL."""
        async with self._change(who, spoke_id, "spoke.delete") as edit:
            for device in await self._store.devices(spoke_id, edit.conn):
                await self._store.delete_device(device.device_id, edit.conn)
            await self._store.delete_spoke(spoke_id, edit.conn)
            edit.says("Gateway deleted")

    async def credentials(self, who: User, spoke_id: int) -> str:
        row = await self._store.spoke(spoke_id)
        made = self._commands.credentials(row.name)
        await self._store.insert_audit(who.name, "spoke.credentials", row.name)
        return made

    async def revisions(self, spoke_id: int) -> list[Revision]:
        """The newest first, at most MAX_REVISIONS."""
        await self._store.spoke(spoke_id)
        return [revision_of(row) for row in await self._store.revisions(spoke_id, MAX_REVISIONS)]

    async def manifest(self, spoke_name: str, have_revision: int) -> dict[str, Any] | None:
        """The handshake: the newest manifest as a JSON map, None when the spoke has it.

        A spoke that is ahead of the hub has a revision from before the database was restored from
        a backup. Its number would come again with other content, so the hub goes past it.
        Raises NotFoundError for a spoke that does not exist (any more).
        """
        row = await self._store.spoke_by_name(spoke_name)
        if row is None:
            raise NotFoundError(f"There is no gateway {spoke_name!r}.")
        if have_revision == row.revision:
            return None
        if have_revision > row.revision:
            return await self._go_past(row.spoke_id, spoke_name, have_revision)
        return (await self._store.revision(row.spoke_id, row.revision)).manifest

    async def _go_past(self, spoke_id: int, spoke: str, have_revision: int) -> dict[str, Any]:
        async with self._store.database.transaction() as conn:
            newest = await self._store.lock_spoke(spoke_id, conn)
            if newest <= have_revision:
                newest = have_revision + 1
                edit = Edit(conn, spoke_id, spoke, newest)
                edit.says(f"Renumbered, because the gateway has revision {have_revision} already")
                await self._commit_revision(HUB, "spoke.renumber", edit)
            return (await self._store.revision(spoke_id, newest, conn)).manifest
