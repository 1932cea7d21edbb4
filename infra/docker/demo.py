"""Puts the simulated plant of the profile `demo` into the hub, through the API, as a person would.

    docker compose run --rm demo-setup

asks for the administrator's password (or takes it from standard input), makes the gateway and its
three devices, and puts the gateway's credentials into the volume of its nats-server. Run again, it
makes what is missing. The password goes into no file, no argument and no environment.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from getpass import getpass
from typing import Any

from infra.local.configure import Api, make_devices, make_spoke
from infra.nats.app import SpokeFiles, add_spoke_options, write_spoke_files
from schemas.errors import SpindleError

CONNECTIONS: dict[str, dict[str, Any]] = {
    "modbus": {"driver": "modbus", "host": "sim-modbus", "port": 5020},
    "s7": {"driver": "s7", "host": "sim-s7", "port": 10102},
    "opcua": {"driver": "opcua", "endpoint": "opc.tcp://sim-opcua:4840", "security": "None"},
}
"""Hosts and ports are those of the services in compose.yaml."""


def main() -> None:
    """Entry point. Exit code 1 with one clear sentence when the hub refuses."""
    parser = argparse.ArgumentParser(prog="demo-setup", description=__doc__)
    parser.add_argument("--hub", default="http://hub:8080")
    parser.add_argument("--user", default="admin")
    add_spoke_options(parser)
    chosen = parser.parse_args()
    password = _password(chosen.user)
    if not password:
        sys.exit(f"demo-setup: no password came in.\nGive the one of {chosen.user} to its input.")
    try:
        made = asyncio.run(_set_up(chosen, password))
    except SpindleError as error:
        sys.exit(f"demo-setup: {error.message}\n{error.hint}")
    sys.stdout.write(
        f"Gateway {chosen.spoke} and its devices ({', '.join(made) or 'none new'}) are in the "
        "hub.\nNow let its nats-server take its credentials: docker compose restart nats-spoke\n"
    )


def _password(user: str) -> str:
    if sys.stdin.isatty():
        return getpass(f"Password of {user}: ")
    return sys.stdin.readline().strip()


async def _set_up(chosen: argparse.Namespace, password: str) -> list[str]:
    async with Api(chosen.hub) as api:
        await api.login(chosen.user, password)
        credentials = await make_spoke(api, chosen.spoke)
        files = SpokeFiles(chosen.password, chosen.config)
        write_spoke_files(files, chosen.spoke, chosen.hub_url, credentials)
        return await make_devices(api, chosen.spoke, CONNECTIONS)


if __name__ == "__main__":
    main()
