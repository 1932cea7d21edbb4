"""Rows of events: written in the transaction of the batch that they came with."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hub.function_records import StoredEvent
from hub.storage.database import Connection, Database
from hub.storage.errors import BatchRefusedError
from hub.storage.rows import NUL_SIGN
from schemas.events import Event

MAX_DETAIL_CHARS = 32_000
"""Of one event's detail as JSON; more of it is not kept."""
_MAX_DEPTH = 8

_FOREIGN = """
-- Devices that these events name and that are not this gateway's (any more).
SELECT id FROM unnest($2::int[]) AS id
 WHERE NOT EXISTS (SELECT FROM device WHERE device_id = id AND spoke_id = $1) LIMIT 1
"""
_INSERT = """
-- All of one transaction at once.
INSERT INTO event (spoke_id, device_id, at, level, kind, message, detail)
SELECT spoke_id, device_id, at, level, kind, message, detail::jsonb
  FROM unnest($1::int[], $2::int[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],
              $7::text[]) AS e(spoke_id, device_id, at, level, kind, message, detail)
"""
_NEWEST = """
-- Newest first, of one device or of all.
SELECT e.event_id AS id, e.at AS time_ns, s.name AS spoke, e.device_id,
       coalesce(d.name, '') AS device, e.level, e.kind, e.message, e.detail
  FROM event e JOIN spoke s USING (spoke_id) LEFT JOIN device d USING (device_id)
 WHERE {which} ORDER BY e.at DESC, e.event_id DESC LIMIT $1
"""


@dataclass(frozen=True, slots=True)
class EventRow:
    spoke_id: int
    event: Event


class EventRows:
    """Reads, and the check of what a gateway sends."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def admit(self, spoke_id: int, events: Sequence[Event]) -> list[EventRow]:
        """Events are of the gateway's own devices, or of itself (device 0).

        Raises BatchRefusedError, StorageError.
        """
        named = sorted({event.device_id for event in events} - {0})
        async with self._database.using() as conn:
            foreign = await conn.fetchval(_FOREIGN, spoke_id, named)
        if foreign is not None:
            raise BatchRefusedError(f"An event names device {foreign}, which is not its gateway's.")
        return [EventRow(spoke_id, event) for event in events]

    async def newest(self, device_id: int | None, limit: int) -> list[StoredEvent]:
        """Newest first. Raises StorageError."""
        which = "true" if device_id is None else "e.device_id = $2"
        of = () if device_id is None else (device_id,)
        async with self._database.using() as conn:
            rows = await conn.fetch(_NEWEST.format(which=which), limit, *of)
        return [StoredEvent(**row) for row in rows]

    async def drop(self, before_ns: int) -> None:
        """Events older than this are gone. Raises StorageError."""
        async with self._database.using() as conn:
            await conn.execute("DELETE FROM event WHERE at < $1", before_ns)


async def write_events(conn: Connection, rows: Sequence[EventRow]) -> None:
    """Into the transaction of `conn`. Raises what asyncpg raises."""
    events = [row.event for row in rows]
    await conn.execute(
        _INSERT,
        [row.spoke_id for row in rows],
        [event.device_id for event in events],
        [event.time_ns for event in events],
        [event.level for event in events],
        [event.kind for event in events],
        [event.message for event in events],
        [_json(event.detail) for event in events],
    )


def _json(detail: dict[str, Any]) -> str:
    """What a gateway says, as JSON that the database takes."""
    text = json.dumps(plain(detail))
    return text if len(text) <= MAX_DETAIL_CHARS else '{"cut": true}'


def plain(value: Any, depth: int = 0) -> Any:
    """As JSON has it: NaN and infinity, bytes, deep nests and keys that are no text as texts;
    without U+0000."""
    if isinstance(value, dict | list | tuple) and depth >= _MAX_DEPTH:
        return "..."
    if isinstance(value, dict):
        return {_text(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return _text(value)


def _text(value: Any) -> str:
    return str(value).replace("\0", NUL_SIGN)
