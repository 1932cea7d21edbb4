"""Starts and stops an own PostgreSQL server on 127.0.0.1, for one machine and for the tests.

    server = Postgres(Path("/var/lib/spindle/postgres"))
    await server.start()
    ... server.dsn ...
    await server.stop()

The data directory holds `cluster/` (PostgreSQL's own, of the user it runs as; postgres_places.py
says when it is elsewhere), `password` (0600) and, unless told otherwise, `postgres.log`. The server
ends with this process, whatever ends that.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import asyncpg

from infra.local.postgres_binaries import Binaries, embedded
from infra.local.postgres_cluster import make_folder, prepare
from infra.local.postgres_places import Places
from schemas.errors import StartError

log = logging.getLogger(__name__)

USER = DATABASE = "spindle"
POLL_S = 0.05
PROGRESS_S = 5.0
ORPHAN_S = 30.0
"""How long the server of a killed predecessor may take to end."""
STOP_S = 60.0
"""How long a fast shutdown may take (it writes a checkpoint) before we end it at once."""
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


class Postgres:
    """One server. Two of them in one process are fine; start and stop them in the main thread."""

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        *,
        log_path: Path | None = None,
        settings: Mapping[str, str] | None = None,
        binaries: Binaries | None = None,
        places: Places | None = None,
    ) -> None:
        """`port` 0 takes a free one; `settings` add to or replace SETTINGS; `places` are for what
        PostgreSQL's user cannot reach here."""
        self.data_dir = data_dir.absolute()
        self.cluster = self.data_dir / "cluster"
        self.port = port
        self.log_path = (log_path or self.data_dir / "postgres.log").absolute()
        self._fixed_port = port != 0
        self._settings = {**SETTINGS, **(settings or {})}
        self._binaries = binaries
        self._places = places or Places()
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def dsn(self) -> str:
        """With the password, so keep it out of logs."""
        password = (self.data_dir / "password").read_text()
        return f"postgresql://{USER}:{quote(password)}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process else None

    async def start(self) -> None:
        """Return when it takes connections; crash recovery takes the time it takes.

        Raises StartError, and then nothing is left running.
        """
        binaries, uid = await asyncio.to_thread(self._prepare)
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        await self._wait_for_predecessor()
        self._choose_port()
        self._launch(binaries, uid)
        try:
            await self._ready()
            await self._make_database()
        except BaseException:
            await self.stop()
            raise
        log.info("PostgreSQL runs on port %d", self.port, extra={"action": "postgres.started"})

    async def stop(self) -> None:
        """Fast shutdown: sessions are ended, everything committed is on disk. Twice is fine."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(STOP_S):
                await _ended(process)
        except TimeoutError:
            log.warning(
                "PostgreSQL took over %d s to stop and is ended at once; it recovers at its next "
                "start",
                int(STOP_S),
                extra={"action": "postgres.stop_slow"},
            )
            process.send_signal(signal.SIGQUIT)
            await _ended(process)
        log.info("PostgreSQL stopped", extra={"action": "postgres.stopped"})

    async def wait(self) -> int:
        """Wait until the server ends, by itself or by `stop`, and give its exit code."""
        if self._process is None:
            return 0
        return await _ended(self._process)

    # --- before the start ---------------------------------------------------------------------

    def _prepare(self) -> tuple[Binaries, int | None]:
        """The programs to run and as whom; the cluster exists afterwards. Raises StartError."""
        binaries = self._binaries or embedded()
        uid = binaries.user(self._places.recorded(self.data_dir))
        make_folder(self.data_dir, uid)
        binaries = self._places.programs(binaries, uid)
        self.cluster = self._places.cluster(binaries, self.data_dir, uid)
        sync = self._settings.get("fsync") != "off"
        prepare(binaries, self.data_dir, self.cluster, USER, uid, sync=sync)
        self._places.record(self.data_dir, self.cluster)
        return binaries, uid

    async def _wait_for_predecessor(self) -> None:
        """A server whose starter was killed is still ending; its pid file may outlive it."""
        until = time.monotonic() + ORPHAN_S
        while (pid := self._owner()) is not None:
            if time.monotonic() > until:
                raise StartError(
                    f"A PostgreSQL server (process {pid}) already runs in {self.data_dir}.",
                    hint="Stop the other Spindle, or give this one another data directory.",
                )
            await asyncio.sleep(POLL_S)
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    def _owner(self) -> int | None:
        """The process that really works in our cluster: a pid file alone proves nothing, because
        the number may belong to another program by now."""
        try:
            pid = int((self.cluster / "postmaster.pid").read_text().split("\n")[0])
            os.kill(pid, 0)
            folder = Path(f"/proc/{pid}/cwd")
            return pid if not Path("/proc/self").exists() or folder.samefile(self.cluster) else None
        except (OSError, ValueError):
            return None

    def _choose_port(self) -> None:
        if not self._fixed_port:
            self.port = 0
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                raise self._port_taken() from error
            self.port = probe.getsockname()[1]

    def _port_taken(self) -> StartError:
        return StartError(
            f"PostgreSQL cannot use port {self.port}: another program has it.",
            hint="Choose another port for PostgreSQL, or end the other program "
            f"(`ss -ltnp 'sport = :{self.port}'` names it).",
        )

    # --- the start ----------------------------------------------------------------------------

    def _launch(self, binaries: Binaries, uid: int | None) -> None:
        args = ["-D", binaries.path(self.cluster)]
        for name, value in {**self._settings, "port": str(self.port)}.items():
            args += ["-c", f"{name}={value}"]
        with self.log_path.open("ab") as out:
            self._log_start = out.tell()
            self._process = binaries.popen(args, uid, out)

    async def _ready(self) -> None:
        """Line 8 of postmaster.pid says `ready` (utils/pidfile.h); a dead process says why not."""
        process = self._process
        assert process is not None
        started = told = time.monotonic()
        while True:
            if process.poll() is not None:
                raise self._why()
            lines = self._pid_lines()
            ours = len(lines) > 7 and lines[0] == str(process.pid)
            if ours and lines[7].strip() == "ready":
                return
            if time.monotonic() - told > PROGRESS_S:
                told = time.monotonic()
                log.info(
                    "PostgreSQL is still starting after %d s: %s",
                    int(told - started),
                    self._last_line(),
                    extra={"action": "postgres.starting"},
                )
            await asyncio.sleep(POLL_S)

    def _pid_lines(self) -> list[str]:
        try:
            return (self.cluster / "postmaster.pid").read_text().split("\n")
        except OSError:
            return []

    def _words(self) -> list[str]:
        with self.log_path.open("rb") as file:
            file.seek(self._log_start)
            return file.read(100_000).decode("utf-8", "replace").splitlines()

    def _last_line(self) -> str:
        return next(iter(self._words()[-1:]), "")

    def _why(self) -> StartError:
        words = self._words()
        if any("Address already in use" in line for line in words):
            return self._port_taken()
        fatal = [line for line in words if "FATAL:" in line or "PANIC:" in line]
        cause = fatal[0].split(":  ")[-1] if fatal else " ".join(words)[:300] or "no output"
        return StartError(
            f"PostgreSQL did not start: {cause}",
            hint=f"Its log is {self.log_path}; if the data directory is damaged, restore a backup.",
        )

    async def _make_database(self) -> None:
        template = self.dsn.rsplit("/", 1)[0] + "/postgres"
        try:
            conn = await asyncpg.connect(template, timeout=30)
        except asyncpg.InvalidPasswordError as error:
            raise StartError(
                f"The password in {self.data_dir / 'password'} is not that of the data directory.",
                hint="Restore both from the same backup.",
            ) from error
        try:
            if not await conn.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
                await conn.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await conn.close()


async def _ended(process: subprocess.Popen[bytes]) -> int:
    while True:
        code = process.poll()
        if code is not None:
            return code
        await asyncio.sleep(POLL_S)
