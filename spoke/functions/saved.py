"""What a use keeps on the gateway's disk: its state and the stream position that belongs to it."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from schemas.config.functions import FunctionConfig
from udf.state import pack, unpack

_log = logging.getLogger(__name__)
_FORMAT = 1
_SUM_BYTES = 16


@dataclass(slots=True)
class Saved:
    """`state` and `aligner` are as they were right after the message `position`."""

    identity: str
    """Function, major version and inputs: for another identity the state means nothing."""
    epoch: str = ""
    position: int = 0
    emitted: int = 0
    """Up to here the outputs are in the stream; a replay is silent."""
    state: bytes | None = None
    aligner: dict[str, Any] | None = None
    skipped: list[list[int]] = field(default_factory=list)
    """Positions (after, up to) whose rows made a fault: they pass, also in a replay."""
    again: list[int] = field(default_factory=list)
    """Positions (after, up to) whose rows are tried a second time after a crash."""
    faults: list[dict[str, Any]] = field(default_factory=list)
    """The last ones, as maps of schemas.functions.Fault."""
    faults_ever: int = 0
    stopped: bool = False
    version: str = ""
    generation: int = 0
    fresh: bool = False
    """Of another function, major version or inputs: it begins where the outputs end."""
    alarms: dict[str, bool] = field(default_factory=dict)

    def between(self, position: int) -> int | None:
        """Where the next read has to end, so that a replay cuts where the first run did."""
        pairs = [*self.skipped, self.again]
        edges = [self.emitted, *(edge for pair in pairs for edge in pair)]
        later = [edge for edge in edges if edge > position]
        return min(later) if later else None

    def skips(self, position: int) -> bool:
        return any(after < position <= until for after, until in self.skipped)


def identity(config: FunctionConfig) -> str:
    """What must stay for a state to be of use."""
    ports = sorted((name, list(tags)) for name, tags in config.inputs.items())
    return f"{config.function} {config.major} {ports}"


def resume(path: Path, config: FunctionConfig) -> Saved:
    """What an earlier run left for this use. Of another function, major version or inputs only the
    place in the stream stays; another version or a start by a person takes back a stop."""
    found, mine = load(path), identity(config)
    if found is None:
        return Saved(mine, version=config.version, generation=config.generation)
    if found.identity != mine:
        return Saved(
            mine,
            epoch=found.epoch,
            position=found.position,
            emitted=found.emitted,
            version=config.version,
            generation=config.generation,
            fresh=True,
        )
    if (found.generation, found.version) != (config.generation, config.version):
        found.generation, found.version = config.generation, config.version
        found.stopped, found.faults = False, []
    return found


def load(path: Path) -> Saved | None:
    """None when there is none, or when it cannot be read (then the log says so)."""
    try:
        found = unpack(_whole(path.read_bytes()))
        return Saved(**found["saved"]) if found["format"] == _FORMAT else None
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        _log.error(
            "The saved state %s is not readable (%s); the function starts anew",
            path.name,
            error,
            extra={"action": "function.state"},
        )
        return None


def save(path: Path, saved: Saved) -> None:
    """Whole or not at all, and on disk when this returns. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    body = pack({"format": _FORMAT, "saved": asdict(saved)})
    with temporary.open("wb") as file:
        file.write(_sum(body))
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def keep(path: Path, saved: Saved) -> None:
    """`save`, and the log says when that is not possible."""
    try:
        save(path, saved)
    except (OSError, TypeError) as error:
        _log.error(
            "%s cannot be kept (%s); after a restart its use works through more rows",
            path.name,
            error,
            extra={"action": "function.state"},
        )


def _whole(data: bytes) -> bytes:
    """Without its checksum. Raises ValueError for a damaged file."""
    body = data[_SUM_BYTES:]
    if data[:_SUM_BYTES] != _sum(body):
        raise ValueError("it is damaged")
    return body


def _sum(body: bytes) -> bytes:
    """In front of a file: a card that goes bad must not end the function host."""
    return hashlib.blake2b(body, digest_size=_SUM_BYTES).digest()
