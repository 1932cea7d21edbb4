"""`spindle-nats`: makes the files of the NATS servers and of those who connect to them.

    spindle-nats init-hub      at every start of a hub; only the first makes secrets
    spindle-nats init-spoke    at every start of a gateway; only the first makes its password
    spindle-nats credentials   puts a gateway's credentials, from standard input, in place

Secrets are made once and are only ever in files of mode 0600. What follows from them (server
configurations, credentials of the hub's processes, the database's URL) is written anew each time,
so that a new version of Spindle or a changed option takes effect by itself.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import jwt

from hub.fleet.identity import Identity, write_secret
from infra.nats.config import HubServer, SpokeServer
from schemas.errors import ConfigError, SpindleError, StartError
from schemas.subjects import SPOKE_NAME

CLIENT_PORT, LEAF_PORT, MONITOR_PORT = 4222, 7422, 8222
"""The monitor listens on loopback only; the health check asks it."""
STORE = Path("/var/lib/nats")
_ALL_INTERFACES = "0.0.0.0"
_SEED_BYTES = 24
_JWT_BEGIN, _JWT_END = "-----BEGIN NATS USER JWT-----", "------END NATS USER JWT------"


@dataclass(frozen=True, slots=True)
class HubFiles:
    """Where the hub's files go; each folder is a volume, so that a program sees only its own."""

    identity: Path
    """Seeds of the plant's NATS identity: made once, only for the hub's web process."""
    database_password: Path
    """Made once, for the database and for us."""
    secrets: Path
    """Folder for `dsn`, `serve.creds` and `ingest.creds`."""
    config: Path
    """The nats-server's configuration."""


@dataclass(frozen=True, slots=True)
class SpokeFiles:
    """Where a gateway's files go."""

    password: Path
    """Made once, for the gateway's program and its own nats-server."""
    config: Path
    """The nats-server's configuration; `hub.creds` is beside it."""

    @property
    def credentials(self) -> Path:
        return self.config.with_name("hub.creds")


def write_hub_files(files: HubFiles, database: str) -> None:
    """Everything that the hub, its nats-server and its database need.

    `database` is `host:port/name`. Raises OSError when a folder cannot be written.
    """
    identity = Identity.load_or_make(files.identity)
    password = quote(_made_once(files.database_password), safe="")
    write_secret(files.secrets / "dsn", f"postgresql://spindle:{password}@{database}\n")
    for role in ("serve", "ingest"):
        write_secret(files.secrets / f"{role}.creds", identity.hub_credentials(role))
    server = HubServer(
        STORE,
        CLIENT_PORT,
        LEAF_PORT,
        client_host=_ALL_INTERFACES,
        leaf_host=_ALL_INTERFACES,
        monitor_port=MONITOR_PORT,
    )
    write_secret(files.config, server.render(identity))


def write_spoke_files(files: SpokeFiles, spoke: str, hub_url: str, given: str = "") -> bool:
    """Everything that a gateway and its nats-server need; `given` are new credentials.

    Returns whether there are credentials: without them the server runs, the gateway buffers, and
    nothing goes to the hub. Raises ConfigError for a bad name or credentials of another gateway.
    """
    if not SPOKE_NAME.match(spoke):
        raise ConfigError(
            f"{spoke!r} cannot be the name of a gateway.",
            hint="Use 1 to 32 lower-case letters, digits and dashes.",
        )
    password = _made_once(files.password)
    if given:
        check_credentials(given, spoke)
        write_secret(files.credentials, given)
    enrolled = files.credentials.exists()
    server = SpokeServer(
        spoke=spoke,
        store=STORE,
        port=CLIENT_PORT,
        user="agent",
        password=password,
        hub_url=hub_url if enrolled else "",
        credentials=files.credentials,
        host=_ALL_INTERFACES,
        monitor_port=MONITOR_PORT,
    )
    write_secret(files.config, server.render())
    return enrolled


def check_credentials(text: str, spoke: str) -> None:
    """Raises ConfigError unless these are credentials of this gateway. The hub's nats-server checks
    the signature; here a wrong file is noticed while the person is looking."""
    token = text.partition(_JWT_BEGIN)[2].partition(_JWT_END)[0].strip()
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise ConfigError(
            "This is not a credentials file of a gateway.",
            hint="Give the whole file that the hub showed under Gateways, unchanged.",
        ) from error
    if claims.get("name") != spoke:
        raise ConfigError(
            f"These credentials are of the gateway {claims.get('name')!r}, and this is {spoke!r}.",
            hint=f"Make credentials for {spoke} in the hub under Gateways.",
        )


def _made_once(path: Path) -> str:
    if not path.exists():
        write_secret(path, secrets.token_urlsafe(_SEED_BYTES))
    password = path.read_text().strip()
    if not password:
        raise StartError(f"{path} is empty.", hint="Delete it; a new password is made.")
    return password


# --- the command line ---------------------------------------------------------------------------
def main() -> None:
    """Entry point. Exit code 1 with one clear sentence when a file cannot be made."""
    chosen = _parser().parse_args()
    try:
        _run(chosen)
    except SpindleError as error:
        sys.exit(f"spindle-nats: {error.message}\n{error.hint}")
    except OSError as error:
        sys.exit(f"spindle-nats cannot write its files: {error}\nCorrect the folder's owner.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spindle-nats", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    hub = commands.add_parser("init-hub")
    for name in ("identity", "database-password", "secrets", "config"):
        hub.add_argument(f"--{name}", type=Path, required=True)
    hub.add_argument("--database", default="timescaledb:5432/spindle", help="host:port/name")
    for name in ("init-spoke", "credentials"):
        add_spoke_options(commands.add_parser(name))
    return parser


def add_spoke_options(parser: argparse.ArgumentParser) -> None:
    """The options that `write_spoke_files` needs."""
    parser.add_argument("--spoke", required=True, help="the gateway's name")
    parser.add_argument("--hub-url", required=True, help="for example nats-leaf://hub.plant:7422")
    parser.add_argument("--password", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)


def _run(chosen: argparse.Namespace) -> None:
    if chosen.command == "init-hub":
        files = HubFiles(chosen.identity, chosen.database_password, chosen.secrets, chosen.config)
        write_hub_files(files, chosen.database)
        sys.stdout.write("The hub's files are in place.\n")
        return
    given = sys.stdin.read() if chosen.command == "credentials" else ""
    if chosen.command == "credentials" and not given.strip():
        raise ConfigError("No credentials came in.", hint="Add `< credentials-file`, and -T.")
    spoke_files = SpokeFiles(chosen.password, chosen.config)
    enrolled = write_spoke_files(spoke_files, chosen.spoke, chosen.hub_url, given)
    sys.stdout.write(
        f"The gateway's files are in place; it {'has' if enrolled else 'does not have'} "
        "credentials for the hub.\n"
    )


if __name__ == "__main__":
    main()
