"""What holds a function's process: limits, seccomp, landlock. Applied in it, before user code.

Each part is tried; what is reported is only what a test in this very process has found to hold.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from udf.process import syscalls
from udf.process.arena import MAX_RESULT_BYTES

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_NICE = 5
_OPEN_FILES = 64
_THREADS = 256
_MB = 1024**2


def apply(memory_mb: int, readable: Sequence[str], parent: int) -> tuple[str, ...]:
    """Close this process in; it must have one thread. Returns what holds, out of `memory`,
    `network`, `files`, `processes`.

    `memory_mb` is beyond what is used now; `readable` are the only files and folders that can be
    opened afterwards, none for writing. Ends the process when `parent` is gone.
    """
    _die_with(parent)
    _try(lambda: os.nice(_NICE))
    limit = _limits(memory_mb)
    closing = _tried(syscalls.rules)  # made first: to find its library takes files and a process
    _try(lambda: _readable_only(readable))
    if closing is not None:
        _try(closing.load)
    tests: dict[str, Callable[[], bool]] = {
        "memory": lambda: _memory_held(limit),
        "network": _network_held,
        "files": _files_held,
        "processes": lambda: _processes_held(parent),
    }
    return tuple(name for name, test in tests.items() if test())


def _try(part: Callable[[], object]) -> None:
    _tried(part)


def _tried(part: Callable[[], Any]) -> Any:
    """What this system does not have is missing in the report, not an error."""
    try:
        return part()
    except (OSError, RuntimeError, ImportError, ValueError, AttributeError):
        return None


def _die_with(parent: int) -> None:
    """Linux ends this process with the thread that started it; other systems by its closed pipe."""

    def bind() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)

    _try(bind)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(0)


def _limits(memory_mb: int) -> int:
    """Returns the limit of the address space in bytes, 0 where there is none."""
    limit = _address_space() + memory_mb * _MB
    found = [
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_FSIZE, min(memory_mb * _MB, MAX_RESULT_BYTES)),
    ]
    if limit > memory_mb * _MB:
        found.append((resource.RLIMIT_AS, limit))
    for which, most in found:
        _try(lambda which=which, most=most: _lower(which, most))  # type: ignore[misc]
    _try(lambda: _lower(resource.RLIMIT_NPROC, _tasks_of_user() + _THREADS))
    return limit


def _lower(which: int, most: int) -> None:
    hard = resource.getrlimit(which)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (most, most))


def _address_space() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError):
        return 0
    return pages * mmap.PAGESIZE


def _tasks_of_user() -> int:
    """Threads of this user's processes; the limit counts them all."""
    own, tasks = os.getuid(), 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            tasks += folder.stat().st_uid == own and len(list((folder / "task").iterdir()))
        except OSError:
            continue
    return tasks


def _readable_only(paths: Sequence[str]) -> None:
    """Landlock: open these for reading, and nothing for writing."""
    from landlock import FSAccess, Ruleset  # type: ignore[import-untyped]

    ctypes.set_errno(0)  # the library takes an older error for its own
    rules = Ruleset()
    for path in paths:
        reading = FSAccess.READ_FILE
        if Path(path).is_dir():
            reading |= FSAccess.READ_DIR
        ctypes.set_errno(0)
        rules.allow(path, rules=reading)
    ctypes.set_errno(0)
    rules.apply()


# --- what holds ---------------------------------------------------------------------------------
def _memory_held(limit: int) -> bool:
    try:
        mmap.mmap(
            -1, max(limit, mmap.PAGESIZE), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        ).close()
    except (OSError, ValueError):
        return limit > 0
    return False


def _network_held() -> bool:
    """No socket of any family: internet (2), local (1), kernel (16)."""
    libc = ctypes.CDLL(None, use_errno=True)
    for family in (2, 1, 16):
        handle = libc.socket(family, 2, 0)
        if handle >= 0:
            os.close(handle)
            return False
    return True


def _files_held() -> bool:
    """/proc/self/status can always be read, but by landlock; and nothing can be made here."""
    for path, flags in (("/proc/self/status", os.O_RDONLY), ("probe", os.O_CREAT | os.O_WRONLY)):
        try:
            os.close(os.open(path, flags, 0o600))
        except OSError:
            continue
        if flags:
            Path(path).unlink()
        return False
    try:
        Path.cwd().chmod(0o700)
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _processes_held(parent: int) -> bool:
    try:
        os.kill(parent, 0)
    except PermissionError:
        pass
    else:
        return False
    try:
        child = os.fork()
    except PermissionError:
        return True
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return False
