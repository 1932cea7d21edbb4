"""The UI on the fakes as a real server: `python -m tests.fakes.ui_server [--port N] [--empty]`.

Prints `http://127.0.0.1:<port>` when it is bound. Lines on standard input change the world while
the pages are open: `expire` ends every session, `broken on` and `broken off` fail the database.
End of input ends the server, so it never outlives the test that started it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import uvicorn
from fastapi import FastAPI
from nicegui import ui

from hub.ui.app import RUN_OPTIONS, mount
from tests.fakes.services import FakeAccess, FakeData, FakeLive, fake_services


async def serve(port: int, *, empty: bool) -> None:
    services = fake_services(empty=empty)
    app = FastAPI(openapi_url=None)
    mount(services)
    ui.run_with(app, **{k: v for k, v in RUN_OPTIONS.items() if k not in ("show", "reload")})
    listener = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))

    def command() -> None:
        line = sys.stdin.readline()
        if not line:
            server.should_exit = True
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            return
        assert isinstance(services.access, FakeAccess)
        assert isinstance(services.data, FakeData)
        assert isinstance(services.live, FakeLive)
        word = line.strip()
        if word == "expire":
            services.access.expire_all()
        elif word.startswith("broken"):
            services.data.broken = word.endswith("on")
        elif word == "watchers":
            sys.stdout.write(f"{services.live.watchers}\n")
            sys.stdout.flush()

    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), command)
    sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve(sockets=[listener])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--empty", action="store_true")
    arguments = parser.parse_args()
    os.environ.setdefault("NICEGUI_STORAGE_PATH", "/tmp/nicegui-storage")
    asyncio.run(serve(arguments.port, empty=arguments.empty))


if __name__ == "__main__":
    main()
