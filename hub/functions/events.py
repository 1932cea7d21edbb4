"""What happened to functions and devices, for people."""

from __future__ import annotations

from hub.function_records import StoredEvent
from hub.storage.database import Database
from hub.storage.event_rows import EventRows

MAX_EVENTS = 1_000
"""In one answer."""


class Events:
    """Events(database): the part of hub.function_services.Functions about events."""

    def __init__(self, database: Database) -> None:
        self._rows = EventRows(database)

    async def events(self, device_id: int | None = None, limit: int = 200) -> list[StoredEvent]:
        """Newest first, of one device or of all. Raises StorageError."""
        return await self._rows.newest(device_id, max(1, min(limit, MAX_EVENTS)))
