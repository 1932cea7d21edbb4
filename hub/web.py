"""The hub's web process: services, API and UI on one server."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from nats.aio.client import Client
from nicegui import ui

from hub import api
from hub.access.service import AccessService
from hub.connect import connect_nats, open_database, until_closed
from hub.data import DataService
from hub.fleet.commands import CommandService
from hub.fleet.identity import Identity
from hub.fleet.live import LiveService
from hub.fleet.presence import PresenceService
from hub.fleet.profiles import ProfileService
from hub.fleet.remote import RemoteService
from hub.fleet.rpc import Rpc
from hub.fleet.service import FleetService
from hub.fleet.tag_files import TagFileService
from hub.functions.service import FunctionService
from hub.services import Services
from hub.settings import HubSettings
from hub.storage.config import ConfigStore
from hub.storage.database import Database
from hub.ui import app as pages
from schemas.errors import SpindleError

_log = logging.getLogger(__name__)

_SEEN_S = 10.0
_OWN_SERVER = ("show", "reload")  # options of ui.run, which would start its own event loop
_STOP_S = 3


async def serve(settings: HubSettings) -> None:
    """Run until a signal. Writes the first administrator's password to standard output, once."""
    database = await open_database(settings.dsn)
    client = await connect_nats(settings, "hub")
    store = ConfigStore(database)
    access = AccessService(store)
    password = await access.ensure_admin()
    if password is not None:
        print_first_login(password)
    presence = PresenceService()
    folder = tempfile.TemporaryDirectory(prefix="spindle-functions-", ignore_cleanup_errors=True)
    try:
        functions_folder = settings.functions_folder or Path(folder.name)
        services, live, functions = await _services(
            settings, client, database, access, presence, functions_folder
        )
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(live.run()),
                tasks.create_task(functions.rollouts.run()),
                tasks.create_task(_note_presence(store, presence)),
                tasks.create_task(until_closed(client)),
            ]
            await _web(settings, services)
            for task in background:
                task.cancel()
    finally:
        await client.close()
        await database.close()
        folder.cleanup()


def print_first_login(password: str) -> None:
    """The only place where a password leaves the hub; nobody can ask for it again."""
    sys.stdout.write(f"FIRST LOGIN user=admin password={password}\n")
    sys.stdout.flush()


async def _services(
    settings: HubSettings,
    client: Client,
    database: Database,
    access: AccessService,
    presence: PresenceService,
    functions_folder: Path,
) -> tuple[Services, LiveService, FunctionService]:
    identity = None
    if settings.identity_file is not None:
        identity = Identity.load_or_make(settings.identity_file)
    rpc = Rpc(client)
    await rpc.start()
    await presence.start(client)
    commands = CommandService(client, rpc, identity)
    store = ConfigStore(database)
    fleet = FleetService(store, presence, commands)
    await commands.answer_handshakes(fleet.manifest)
    functions = FunctionService(store, presence, commands, functions_folder)
    await functions.artifacts.answer(client)
    data = DataService(database, presence, client)
    await data.start()

    async def spoke_of(device_id: int) -> str:
        return (await fleet.device(device_id)).spoke

    live = LiveService(client, spoke_of)
    bundle = Services(
        access=access,
        fleet=fleet,
        data=data,
        live=live,
        remote=RemoteService(store, presence, commands),
        tag_files=TagFileService(store, presence, commands),
        profiles=ProfileService(store, presence, commands),
        functions=functions,
        settings={"leaf_url": settings.leaf_url},
    )
    return bundle, live, functions


async def _web(settings: HubSettings, services: Services) -> None:
    app = FastAPI(openapi_url=None)
    api.mount(app, services)
    pages.mount(services)
    options = {key: value for key, value in pages.RUN_OPTIONS.items() if key not in _OWN_SERVER}
    ui.run_with(app, **options)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_graceful_shutdown=_STOP_S,
        proxy_headers=bool(settings.public_url),
        server_header=False,
        ws_max_size=1024 * 1024,
    )
    _log.info("Hub on http://%s:%d", settings.host, settings.port, extra={"action": "hub.start"})
    await uvicorn.Server(config).serve()


async def _note_presence(store: ConfigStore, presence: PresenceService) -> None:
    """Keep `last seen` and the applied revision in SQL, for the next start of the hub."""
    noted: dict[str, int] = {}
    while True:
        await asyncio.sleep(_SEEN_S)
        try:
            for row in await store.spokes():
                seen = presence.last_seen_ns(row.name)
                if seen and seen != noted.get(row.name):
                    revision = presence.applied_revision(row.name) or 0
                    await store.spoke_seen(row.spoke_id, seen, revision)
                    noted[row.name] = seen
        except SpindleError as error:
            _log.debug("Presence not noted: %s", error, extra={"action": "presence.late"})
