"""The manifest on the spoke: checked whole, kept on disk, never half applied."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from schemas.config.base import explain
from schemas.config.devices import Manifest, ManifestDevice
from schemas.errors import ConfigError, ConfigErrors

_log = logging.getLogger(__name__)


def parse(found: dict[str, Any], spoke: str) -> Manifest:
    """Raises ConfigErrors with every problem and its path; an unknown field is one of them."""
    try:
        manifest = Manifest.model_validate(found)
    except ValidationError as error:
        raise ConfigErrors(explain(error)) from error
    if manifest.spoke != spoke:
        message = f"This manifest is for the gateway {manifest.spoke!r}, not for {spoke!r}."
        raise ConfigErrors([ConfigError(message, path="spoke")])
    return manifest


def load(path: Path, spoke: str) -> Manifest | None:
    """The manifest of the last run, so that a spoke boots without the hub; None without one."""
    try:
        return parse(json.loads(path.read_text()), spoke)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError, OSError, ConfigErrors) as error:
        _log.error(
            "The cached manifest is not readable (%s); waiting for the hub's",
            error,
            extra={"action": "manifest.cache"},
        )
        return None


def save(path: Path, manifest: Manifest) -> None:
    """Write it whole or not at all, readable by the owner only: it holds device passwords."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(manifest.model_dump_json())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def share(devices: Sequence[ManifestDevice], workers: int) -> list[list[dict[str, Any]]]:
    """The devices of each worker as JSON maps. A device keeps its worker while others change.

    Devices that share a connection are together, where the first of them would be.
    """
    first: dict[str, int] = {}
    for device in sorted(devices, key=lambda item: item.id):
        first.setdefault(_link(device), device.id)
    shares: list[list[dict[str, Any]]] = [[] for _ in range(workers)]
    for device in devices:
        shares[first[_link(device)] % workers].append(device.model_dump(mode="json"))
    return shares


def _link(device: ManifestDevice) -> str:
    return device.connection.link or f"device {device.id}"
