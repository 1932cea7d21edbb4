"""PostgreSQL inside the Debian root of make_root.py, entered by chroot, run unprivileged."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from pathlib import Path

from make_root import BIN, make

from infra.local.postgres import Postgres
from infra.local.postgres_binaries import Binaries, Identity

# /dev/shm and sockets of the root are not ours to rely on.
SETTINGS = {
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "dynamic_shared_memory_type": "mmap",
    "shared_buffers": "128MB",
    "fsync": "off",
}


class ChrootBinaries(Binaries):
    """The programs of a Debian tree; paths are those inside it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root / BIN)
        self.root = root

    def path(self, path: Path) -> str:
        return "/" + str(path.relative_to(self.root))

    def argv(self, program: str, uid: int | None) -> list[str]:
        enter = ["chroot", str(self.root)]
        if uid is not None:
            enter += ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
            enter += ["--pdeathsig=INT"]
        return [*enter, f"/{BIN}/{program}"]

    def identity(self, uid: int | None) -> Identity:
        del uid  # chroot needs root; setpriv changes the user afterwards
        return Identity(None, None, None)

    def user(self, cluster: Path) -> int | None:
        del cluster
        lines = (self.root / "etc/passwd").read_text().splitlines()
        return next(int(line.split(":")[2]) for line in lines if line.startswith("postgres:"))

    def closed(self, path: Path, uid: int | None) -> Path | None:
        """Inside the root everything on the way is open."""
        del path, uid
        return None


class TimescaleServer:
    """A fresh server; its data is in memory where that may be mounted, and gone after `stop`."""

    def __init__(self) -> None:
        root = make()
        data = root / "var/lib"
        self._data = Path(tempfile.mkdtemp(dir=data, prefix="spindle-test-"))
        mount = ["mount", "-t", "tmpfs", "-o", "size=4g", "tmpfs", str(self._data)]
        self._in_memory = subprocess.run(mount, capture_output=True).returncode == 0
        self._data.chmod(0o711)
        self.postgres = Postgres(self._data, binaries=ChrootBinaries(root), settings=SETTINGS)

    async def start(self) -> None:
        await self.postgres.start()

    async def stop(self) -> None:
        await self.postgres.stop()
        if self._in_memory:
            await asyncio.to_thread(subprocess.run, ["umount", str(self._data)], check=True)
        shutil.rmtree(self._data)
