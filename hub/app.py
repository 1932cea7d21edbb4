"""`spindle-hub serve` is the web process, `spindle-hub ingest` writes values into SQL."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys

from pydantic import ValidationError

from hub.connect import connect_nats, open_database
from hub.ingest.service import IngestService
from hub.settings import HubSettings
from schemas import logs
from schemas.config.base import explain
from schemas.errors import SpindleError

_log = logging.getLogger(__name__)


def main() -> None:
    """Entry point. Exit code 2 when a setting is wrong, 1 when the hub cannot run."""
    parser = argparse.ArgumentParser(prog="spindle-hub", description="Spindle's hub")
    parser.add_argument("role", choices=("serve", "ingest"))
    role = parser.parse_args().role
    try:
        settings = HubSettings()
        _ = settings.dsn
    except ValidationError as error:
        for problem in explain(error):
            sys.stderr.write(f"SPINDLE_HUB_{problem.path.upper()}: {problem.message}\n")
        sys.exit(2)
    except OSError as error:
        sys.stderr.write(f"spindle-hub cannot read a file that its settings name: {error}\n")
        sys.exit(2)
    logs.set_up(f"hub {role}", settings.log_level)
    try:
        if role == "serve":
            from hub.web import serve

            asyncio.run(serve(settings))
        else:
            _run_fast(settings)
    except* SpindleError as group:
        for cause in group.exceptions:
            hint = getattr(cause, "hint", "")
            _log.error("%s", cause, extra={"action": "hub.stop", "hint": hint})
        sys.exit(1)


def _run_fast(settings: HubSettings) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(_ingest(settings))
    else:
        uvloop.run(_ingest(settings))


async def _ingest(settings: HubSettings) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(_ingest_until_cancelled(settings))
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)


async def _ingest_until_cancelled(settings: HubSettings) -> None:
    database = await open_database(settings.dsn)
    client = await connect_nats(settings, "ingest")
    try:
        await IngestService(client, database, settings).run()
    finally:
        await client.close()
        await database.close()


if __name__ == "__main__":
    main()
