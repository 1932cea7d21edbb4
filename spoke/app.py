"""`spindle-spoke`: the gateway."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from pydantic import ValidationError

from schemas import logs
from schemas.config.base import explain
from spoke.clock import SystemClock
from spoke.settings import SpokeSettings
from spoke.supervisor import Supervisor

_log = logging.getLogger(__name__)


def main() -> None:
    """Entry point. Exit code 2 when a setting is wrong; each problem is one line."""
    try:
        settings = SpokeSettings()
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        _ = settings.nats_password
    except ValidationError as error:
        for problem in explain(error):
            sys.stderr.write(f"SPINDLE_SPOKE_{problem.path.upper()}: {problem.message}\n")
        sys.exit(2)
    except OSError as error:
        sys.stderr.write(f"spindle-spoke cannot use its files: {error}\n")
        sys.exit(2)
    logs.set_up(f"spoke {settings.name}", settings.log_level)
    asyncio.run(_run(settings))


async def _run(settings: SpokeSettings) -> None:
    supervisor = Supervisor(settings, SystemClock())
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(supervisor.run())
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        _log.info("Gateway %s starts", settings.name, extra={"action": "spoke.start"})
    _log.info("Gateway %s stopped", settings.name, extra={"action": "spoke.stop"})


if __name__ == "__main__":
    main()
