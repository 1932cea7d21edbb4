"""Connections to the two servers that a hub process needs; waits for them, and says so once."""

from __future__ import annotations

import asyncio
import logging

from nats.aio.client import Client

from hub.settings import HubSettings
from hub.storage.database import Database
from schemas import subjects
from schemas.connection import options
from schemas.errors import StartError, StorageError

_log = logging.getLogger(__name__)

_RETRY_S, _TELL_S, _CLOSED_S = 1.0, 5.0, 2.0


async def open_database(dsn: str) -> Database:
    """The database, as soon as it is there. Raises StorageVersionError: waiting cannot cure it."""
    told = False
    while True:
        try:
            return await Database.open(dsn)
        except StorageError as error:
            if not told:
                _log.warning(
                    "Waiting for the database: %s", error.message, extra={"action": "database.wait"}
                )
                told = True
            await asyncio.sleep(_RETRY_S)


async def connect_nats(settings: HubSettings, name: str) -> Client:
    """A connection to the hub's nats-server; it comes back by itself for ever."""
    client = Client()

    def tell() -> None:
        _log.warning(
            "Waiting for the nats-server at %s: %s; check URL and credentials",
            settings.nats_url,
            client.last_error or "no answer",
            extra={"action": "nats.wait"},
        )

    late = asyncio.get_running_loop().call_later(_TELL_S, tell)
    try:
        await client.connect(
            settings.nats_url,
            user_credentials=str(settings.nats_credentials),
            **options(name, subjects.hub_inbox(name)),
        )
    finally:
        late.cancel()
    return client


async def until_closed(client: Client) -> None:
    """Raise StartError when the client has given up for good, as it does after a protocol error."""
    while not client.is_closed:  # noqa: ASYNC110 - the client offers no event for it
        await asyncio.sleep(_CLOSED_S)
    raise StartError("The connection to the hub's nats-server ended for good.")
