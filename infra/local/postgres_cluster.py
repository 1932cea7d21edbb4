"""Makes PostgreSQL's data directory, once, or checks the one that is there."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from infra.local.postgres_binaries import Binaries
from schemas.errors import StartError


def make_folder(data_dir: Path, uid: int | None) -> None:
    """The data directory, which PostgreSQL's user may enter. Raises StartError."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700 if uid is None else 0o711)
    except OSError as error:
        raise StartError(f"The folder {data_dir} cannot be made: {error.strerror}.") from error


def prepare(
    binaries: Binaries, data_dir: Path, cluster: Path, user: str, uid: int | None, *, sync: bool
) -> None:
    """Afterwards `cluster` is one of our version, and `data_dir` holds the `password` of `user`.
    Without `sync` a new cluster may be lost in a power failure.

    Raises StartError for data of another major version and for something that is no data directory.
    """
    version = cluster / "PG_VERSION"
    if version.exists():
        _check_version(cluster, version.read_text().strip(), binaries.major())
    elif cluster.exists() and any(cluster.iterdir()):
        raise StartError(
            f"{cluster} is not a PostgreSQL data directory: it has no PG_VERSION.",
            hint="Restore it from a backup, or move it away to start with an empty database.",
        )
    else:
        options = [] if sync else ["--no-sync"]
        _initdb(binaries, cluster, _password(data_dir / "password"), user, uid, options)


def _check_version(cluster: Path, found: str, ours: str) -> None:
    if found != ours:
        raise StartError(
            f"The data in {cluster} is of PostgreSQL {found or '(unknown)'}; this is {ours}.",
            hint="Dump it with the old version and restore it with the new one (pg_dump, "
            "pg_restore), or use the old version.",
        )


def _initdb(
    binaries: Binaries,
    cluster: Path,
    password: str,
    user: str,
    uid: int | None,
    options: list[str],
) -> None:
    """Make the cluster beside its place and rename it, so that half a cluster never counts."""
    with tempfile.TemporaryDirectory(dir=cluster.parent, prefix="initdb-") as name:
        work = Path(name)
        secret, target = work / "password", work / "cluster"
        secret.touch(mode=0o600)
        secret.write_text(password)
        if uid is not None:
            os.chown(work, uid, -1)
            os.chown(secret, uid, -1)
        arguments = [
            f"--pgdata={binaries.path(target)}",
            f"--username={user}",
            f"--pwfile={binaries.path(secret)}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--data-checksums",
            *options,
        ]
        binaries.run("initdb", arguments, uid)
        target.replace(cluster)  # an empty folder there is replaced


def _password(path: Path) -> str:
    """Random, readable by us only."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
    return path.read_text()
