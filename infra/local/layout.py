"""Where the local stack keeps its files and which ports it takes."""

from __future__ import annotations

import fcntl
import os
import socket
from dataclasses import dataclass, fields
from pathlib import Path

from schemas.errors import StartError


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything listens on 127.0.0.1. Unusual numbers, so that a developer's own servers stay."""

    web: int = 8080
    postgres: int = 25432
    hub_nats: int = 24222
    hub_leaf: int = 27422
    spoke_nats: int = 24223
    modbus: int = 25020
    s7: int = 25102
    opcua: int = 24840

    @staticmethod
    def free() -> Ports:
        """Ports that are free now, for tests."""
        sockets = [socket.socket() for _ in fields(Ports)]
        try:
            for item in sockets:
                item.bind(("127.0.0.1", 0))
            return Ports(*(item.getsockname()[1] for item in sockets))
        finally:
            for item in sockets:
                item.close()

    def check(self) -> None:
        """Raises StartError for the first port that another program has."""
        for field in fields(self):
            port = getattr(self, field.name)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    option = "make run PORT=8081" if field.name == "web" else "--port-base"
                    raise StartError(
                        f"Port {port} ({field.name.replace('_', ' ')}) is in use by another "
                        "program.",
                        hint=f"End that program (`ss -ltnp 'sport = :{port}'` names it), or "
                        f"choose another port with {option}.",
                    ) from error

    @staticmethod
    def from_base(web: int, base: int | None) -> Ports:
        """The defaults, or consecutive ports from `base` for everything but the web server."""
        if base is None:
            return Ports(web=web)
        return Ports(web, *range(base, base + len(fields(Ports)) - 1))


class Folder:
    """The data directory; one stack at a time works in it."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._lock: int | None = None

    def take(self) -> None:
        """Make it and lock it. Raises StartError when it cannot be used."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.root / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise StartError(
                f"The data directory {self.root} cannot be used: {error.strerror}.",
                hint="Choose another one with DATA=..., or correct its owner.",
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartError(
                f"Another Spindle already runs in {self.root}.",
                hint="Stop it with Ctrl-C, or choose another data directory with DATA=...",
            ) from error

    def log(self, name: str) -> Path:
        return self.root / "log" / f"{name}.log"

    def path(self, name: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
