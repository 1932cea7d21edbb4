"""`spindle-local`: the whole system on one machine with simulated PLCs; what `make run` starts."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from contextlib import suppress
from pathlib import Path

from infra.local.layout import Folder, Ports
from infra.local.stack import ADMIN, Stack
from schemas import logs
from schemas.errors import SpindleError


def main() -> None:
    """Entry point. Exit code 1 with one clear sentence when it cannot start."""
    parser = argparse.ArgumentParser(prog="spindle-local", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".run"), help="data directory")
    parser.add_argument("--port", type=_port, default=8080, help="port of the web page")
    parser.add_argument("--port-base", type=_port, help="first of the other seven ports")
    chosen = parser.parse_args()
    logs.set_up("local", "WARNING")
    sys.exit(asyncio.run(_run(Folder(chosen.data), Ports.from_base(chosen.port, chosen.port_base))))


def _port(text: str) -> int:
    number = int(text)
    if not 1024 <= number <= 65535 - 8:
        raise argparse.ArgumentTypeError("a port is a number from 1024 to 65527")
    return number


async def _run(folder: Folder, ports: Ports) -> int:
    stack = Stack(folder, ports, _say)
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    code = 0
    try:
        async with asyncio.TaskGroup() as tasks:
            await stack.start(tasks)
            _banner(stack, folder)
    except* SpindleError as group:
        code = 1
        for error in group.exceptions:
            if isinstance(error, SpindleError):
                sys.stderr.write(f"\nSpindle cannot start: {error.message}\n{error.hint}\n")
    except* asyncio.CancelledError:
        _say("\nStopping ...")
    finally:
        with suppress(asyncio.CancelledError):
            await stack.stop()
    if not code:
        _say("Stopped. The data is kept; start again with make run.")
    return code


def _banner(stack: Stack, folder: Folder) -> None:
    _say(f"\n  Spindle runs.    {stack.url}")
    if stack.first_password is not None:
        _say(f"  User {ADMIN}       Password {stack.first_password}")
        _say("  The password is shown this once; change it under the user menu.")
        stack.seen_password()
    _say(f"  Data and logs    {folder.root}")
    _say("  Ctrl-C stops everything.\n")


def _say(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()
    logging.getLogger(__name__).debug(sentence)


if __name__ == "__main__":
    main()
