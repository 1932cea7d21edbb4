"""One change of a spoke's configuration: rows, revision and audit line in one transaction."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from hub.fleet.manifests import build_manifest
from hub.fleet.ports import Commands, Presence
from hub.records import User
from hub.storage.config import ConfigStore
from hub.storage.database import Connection
from schemas.errors import SpindleError

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Edit:
    """An open change. Whoever makes it says in `summary` what it was."""

    conn: Connection
    spoke_id: int
    spoke: str
    number: int
    """The revision that it becomes."""
    summary: str = ""
    detail: dict[str, Any] = field(default_factory=dict)

    def says(self, summary: str, **detail: Any) -> None:
        """The sentence for people, and ids for the audit log."""
        self.summary = summary
        self.detail = detail


class Changes:
    """What the parts of FleetService share."""

    def __init__(self, store: ConfigStore, presence: Presence, commands: Commands) -> None:
        self._store = store
        self._presence = presence
        self._commands = commands

    @asynccontextmanager
    async def _change(self, who: User, spoke_id: int, action: str) -> AsyncIterator[Edit]:
        """One change at a time per spoke; after the commit the spoke gets a notice.

        Raises NotFoundError. Any error inside the block leaves everything as it was.
        """
        async with self._store.database.transaction() as conn:
            number = await self._store.lock_spoke(spoke_id, conn) + 1
            spoke = await self._store.spoke(spoke_id, conn)
            edit = Edit(conn, spoke_id, spoke.name, number)
            yield edit
            await self._commit_revision(who.name, action, edit)
        await self._notify(spoke.name, number)

    async def _commit_revision(self, author: str, action: str, edit: Edit) -> None:
        manifest = await build_manifest(
            self._store, edit.spoke_id, edit.spoke, edit.number, edit.conn
        )
        await self._store.insert_revision(
            edit.spoke_id, edit.number, author, edit.summary, manifest, edit.conn
        )
        detail = {"revision": edit.number, "summary": edit.summary, **edit.detail}
        await self._store.insert_audit(author, action, edit.spoke, detail, edit.conn)

    async def _notify(self, spoke: str, number: int) -> None:
        """A notice that is lost does no harm: the spoke asks at its next handshake."""
        try:
            await self._commands.notify_manifest(spoke, number)
        except SpindleError as error:
            log.debug("No notice to %s: %s", spoke, error, extra={"action": "notice_lost"})
