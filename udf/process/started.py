"""Starts a function's process, with its pipes and arenas, and ends it with all that it has."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from udf.process import arena, boot
from udf.process.channel import MAX_REPLY_BYTES, Channel
from udf.process.environment import Environment, readable, runtime_roots

_QUIET: dict[str, str] = {
    "OPENBLAS_NUM_THREADS": "1",  # a thread per core takes memory, and CPU from acquisition
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",  # else each thread takes 128 MB of address space
    "MALLOC_TRIM_THRESHOLD_": "67108864",
    "LANG": "C.UTF-8",
}
"""All of its environment variables."""
_END_S = 5.0


@dataclass(slots=True)
class Started:
    """A process and this side's ends."""

    process: subprocess.Popen[bytes]
    channel: Channel
    dump: int
    """What faulthandler and C libraries write."""
    inward: int
    """Arena of what it is asked."""
    outward: int
    """Arena of what it answers."""
    ended: int | None
    """Can be read when it has ended; None where the system has no such thing."""
    _open: list[int] = field(default_factory=list)

    def kill(self) -> None:
        """At once, with its process group. Never raises."""
        if self.process.returncode is None:
            with suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
            with suppress(OSError):
                self.process.kill()

    def ended_within(self, time_s: float) -> bool:
        """Whether it ends in that time. It keeps its number until `end`, which so finds what it
        has left in its process group."""
        if self.ended is not None:
            poll = select.poll()
            poll.register(self.ended, select.POLLIN)
            return bool(poll.poll(time_s * 1000))
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(time_s)
        return self.process.returncode is not None

    def end(self) -> int | None:
        """Kill it, take its exit code (None when it does not end), and close what is ours."""
        self.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_END_S)
        while self._open:
            with suppress(OSError):
                os.close(self._open.pop())
        return self.process.returncode


def start(environment: Environment, memory_mb: int) -> Started:
    """Raises OSError when the system has no room for another process."""
    with _pipes() as (ours, theirs):
        arguments = {
            "requests": theirs[0],
            "replies": theirs[1],
            "inward": theirs[3],
            "outward": theirs[4],
            "roots": runtime_roots(),
            "paths": [str(path) for path in environment.paths],
            "entry": environment.entry,
            "name": environment.name,
            "version": environment.version,
            "home": environment.home,
            "memory_mb": memory_mb,
            "readable": [str(path) for path in readable(environment)],
            "parent": os.getpid(),
        }
        # The system ends the process with the *thread* that starts it, so that thread must stay.
        process = _starter(os.getpid()).submit(_popen, environment, arguments, theirs).result()
    for descriptor in ours[:3]:
        os.set_blocking(descriptor, False)
    ended = _ended(process.pid)
    channel = Channel(ours[1], ours[0], MAX_REPLY_BYTES, ended)
    opened = ours if ended is None else [*ours, ended]
    return Started(process, channel, ours[2], ours[3], ours[4], ended, opened)


def _ended(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):  # Linux before 5.3, or another system
        return None


def _popen(
    environment: Environment, arguments: dict[str, Any], theirs: list[int]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            *(str(environment.python), "-I", "-S", "-B", "-X", "utf8"),
            *(str(Path(boot.__file__)), json.dumps(arguments)),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs[2],
        pass_fds=[theirs[0], theirs[1], theirs[3], theirs[4]],
        cwd=environment.empty,
        env=_QUIET,
        start_new_session=True,
    )


@contextmanager
def _pipes() -> Iterator[tuple[list[int], list[int]]]:
    """Descriptors of both sides: requests, replies, dump, inward, outward. Theirs are closed
    afterwards, ours too when it fails."""
    ours: list[int] = []
    theirs: list[int] = []
    try:
        for mine_writes in (True, False, False):
            read, write = os.pipe()
            ours.append(write if mine_writes else read)
            theirs.append(read if mine_writes else write)
        os.set_blocking(theirs[2], False)  # who fills the dump waits for nobody
        for name in ("spindle-in", "spindle-out"):
            ours.append(arena.make(name))
            theirs.append(arena.share(ours[-1], write=name == "spindle-out"))
        yield ours, theirs
    except BaseException:
        _close(ours)
        raise
    finally:
        _close(theirs)


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


@cache
def _starter(pid: int) -> ThreadPoolExecutor:
    """The one thread of this process that starts others."""
    return ThreadPoolExecutor(1, thread_name_prefix=f"functions-of-{pid}")
