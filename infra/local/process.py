"""One supervised program of the local stack: started, restarted when it dies, stopped in order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infra.local.postgres_binaries import die_with_parent
from schemas.errors import StartError

_log = logging.getLogger(__name__)

_FIRST_RESTART_S, _MAX_RESTART_S, _STABLE_S, _STOP_S = 0.2, 5.0, 20.0, 10.0
_GIVE_UP = 5


class Program:
    """`start` begins, `keep` restarts it until cancelled, `stop` ends it.

    The program ends with this process, whatever ends that (parent-death signal), and it does not
    see the terminal's Ctrl-C: the stack stops its programs in order.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log_path: Path,
        environment: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """`on_line` gets each line of standard output instead of the log file."""
        self.name = name
        self.restarts = 0
        self._command = list(command)
        self._log_path = log_path
        self._environment = environment or {}
        self._on_line = on_line
        self._process: asyncio.subprocess.Process | None = None
        self._wanted = asyncio.Event()
        self._wanted.set()

    @property
    def pid(self) -> int | None:
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def start(self) -> None:
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        with self._log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if self._on_line else log,
                stderr=log,
                env=_inherited() | dict(self._environment),
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )

    async def keep(self) -> None:
        """Restart it whenever it ends. Raises StartError when it never started; what has run well
        once is tried for ever, so that one broken part does not end the others."""
        failures, proven = 0, False
        while True:
            process = self._process
            assert process is not None
            started = asyncio.get_running_loop().time()
            await self._read(process)
            code = await process.wait()
            if not self._wanted.is_set():
                await self._wanted.wait()
                failures = 0
                await self.start()
                continue
            lived = asyncio.get_running_loop().time() - started
            proven = proven or lived > _STABLE_S
            failures = 0 if lived > _STABLE_S else failures + 1
            # 2: it refuses its settings, trying is no use
            if not proven and (code == 2 or failures > _GIVE_UP):
                raise StartError(
                    f"{self.name} does not start: {self._last_line()}",
                    hint=f"The whole story is in {self._log_path}.",
                )
            _log.log(
                logging.DEBUG if failures > 1 else logging.WARNING,  # once, while it goes on
                "%s ended (exit code %s); starting it again; its log is %s",
                self.name,
                code,
                self._log_path,
                extra={"action": "program.restart"},
            )
            await asyncio.sleep(min(_MAX_RESTART_S, _FIRST_RESTART_S * 2 ** max(failures - 1, 0)))
            self.restarts += 1
            await self.start()

    async def hold(self) -> None:
        """Stop it and keep it down until `release`: for tests of an absence."""
        self._wanted.clear()
        await self.stop()

    def release(self) -> None:
        self._wanted.set()

    async def stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        if self._on_line is None or process.stdout is None:
            return
        async for line in process.stdout:
            self._on_line(line.decode("utf-8", "replace").rstrip("\n"))

    def _last_line(self) -> str:
        """The last line that names an error, else the last one."""
        lines = self._log_path.read_text("utf-8", "replace").strip().splitlines()
        telling = [line for line in lines if "Error" in line or "error" in line]
        return (telling or lines or ["it said nothing"])[-1].strip(" |")


def python(module: str, *arguments: str) -> list[str]:
    """The command of one of our own modules."""
    return [sys.executable, "-m", module, *arguments]


def _inherited() -> dict[str, str]:
    """What a program needs of our environment; SPINDLE_* of the user must not leak in."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")
    found = os.environ  # noqa: TID251 - handed on, not read as settings
    return {name: found[name] for name in kept if name in found}
