"""Settings of a spoke: environment variables SPINDLE_SPOKE_*, secrets from files."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.subjects import SPOKE_NAME

GIB = 1024**3


def _spoke_name(name: str) -> str:
    if not SPOKE_NAME.match(name):
        raise ValueError("use 1 to 32 lower-case letters, digits and dashes")
    return name


class SpokeSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SPINDLE_SPOKE_", extra="ignore")

    name: Annotated[str, AfterValidator(_spoke_name)]
    """The gateway's name, as it was created in the hub."""
    data_dir: Path = Path("/var/lib/spindle/spoke")
    """Manifest cache and spool; must survive a restart."""
    nats_url: str = "nats://127.0.0.1:4222"
    """The spoke's own nats-server, never the hub's."""
    nats_user: str = "agent"
    nats_password_file: Path | None = None
    workers: int = Field(default=0, ge=0, le=64)
    """Acquisition processes; 0 is one per core."""
    batch_ms: int = Field(default=250, ge=10, le=10_000)
    batch_bytes: int = Field(default=256 * 1024, ge=1024, le=4 * 1024**2)
    window_bytes: int = Field(default=8 * 1024**2, ge=64 * 1024)
    """Batches sent and not yet acknowledged, per worker; beyond it scans are skipped, counted."""
    stream_max_bytes: int = Field(default=4 * GIB, ge=8 * 1024**2)
    stream_max_age_h: int = Field(default=24 * 30, ge=1)
    discard_new: bool = False
    """When the buffer is full: false drops the oldest data, true stops acquisition."""
    link_window_bytes: int = Field(default=192 * 1024, ge=16 * 1024)
    """Telemetry on its way to the hub at a time; more fills a fast link, less keeps commands quick
    on a slow one."""
    log_level: str = "INFO"

    @cached_property
    def worker_count(self) -> int:
        return self.workers or os.cpu_count() or 1

    @cached_property
    def nats_password(self) -> str:
        return self.nats_password_file.read_text().strip() if self.nats_password_file else ""

    @property
    def spool_dir(self) -> Path:
        return self.data_dir / "spool"

    @property
    def drivers_dir(self) -> Path:
        """What drivers keep, for example the gateway's OPC UA certificate and its key."""
        return self.data_dir / "drivers"

    @property
    def functions_dir(self) -> Path:
        """Packages of functions, and the states of their uses."""
        return self.data_dir / "functions"

    @property
    def manifest_file(self) -> Path:
        return self.data_dir / "manifest.json"
