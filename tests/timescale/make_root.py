"""Makes a Debian root with PostgreSQL 17 and TimescaleDB (Apache edition) for the storage tests.

    python tests/timescale/make_root.py [.cache/trixie-timescale]

No registry of Python packages has the extension, and Debian trixie does. The root is made once
(about two minutes) by mmdebstrap as root, with the apt mirror and options of this machine, and then
reused. It is only ever entered by chroot, and nothing in it starts by itself.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

SUITE = "trixie"
PACKAGES = "postgresql-17,postgresql-17-timescaledb"
DEFAULT = Path(__file__).resolve().parents[2] / ".cache" / "trixie-timescale"
BIN = "usr/lib/postgresql/17/bin"
_KEPT_OPTIONS = ("Acquire::Check-", "Acquire::http", "Acquire::https", "Acquire::Retries")


def missing() -> str:
    """Why the root cannot be made or used here, in one sentence; empty when it can."""
    if os.geteuid() != 0:
        return "TimescaleDB tests need root (chroot into a Debian trixie tree)"
    if not _ready(DEFAULT) and shutil.which("mmdebstrap") is None:
        return "TimescaleDB tests need mmdebstrap, or a ready .cache/trixie-timescale"
    return ""


def missing_community(root: Path = DEFAULT) -> str:
    """Why the community edition cannot be tested here; empty when its library is in the root."""
    if list((root / BIN).parent.glob("lib/timescaledb-tsl-*.so")):
        return ""
    return "TimescaleDB community edition is not installed (no registry has it)"


def make(root: Path = DEFAULT) -> Path:
    """The root, made now if it is not there. Two callers at once share one making.

    Raises subprocess.CalledProcessError with mmdebstrap's output when that fails.
    """
    if _ready(root):
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    with root.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _ready(root):
            return root
        unfinished = root.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        subprocess.run(_command(unfinished), check=True, capture_output=True, text=True)
        shutil.rmtree(root, ignore_errors=True)
        unfinished.rename(root)
    return root


def _ready(root: Path) -> bool:
    return (root / BIN / "postgres").exists()


def _command(target: Path) -> list[str]:
    options = [f"--aptopt={line}" for line in _host_options()]
    return [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={PACKAGES}",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        *options,
        SUITE,
        str(target),
        _mirror(),
    ]


def _mirror() -> str:
    """The mirror that this machine's apt uses for its main archive."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    return next(uri for uri in listed if uri.rstrip("/").endswith("/debian"))


def _host_options() -> list[str]:
    dump = subprocess.run(["apt-config", "dump"], check=True, capture_output=True, text=True)
    return [
        line
        for line in dump.stdout.splitlines()
        if line.startswith(_KEPT_OPTIONS) and '""' not in line
    ]


if __name__ == "__main__":
    chosen = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else DEFAULT
    if reason := missing():
        sys.exit(reason)
    try:
        print(make(chosen))
    except subprocess.CalledProcessError as error:
        sys.exit(f"mmdebstrap failed:\n{error.stderr}")
