"""Settings of the hub: environment variables SPINDLE_HUB_*, secrets from files."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

GIB = 1024**3


class HubSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SPINDLE_HUB_", extra="ignore")

    dsn_file: Path
    """A file with the PostgreSQL URL, password included."""
    nats_url: str = "nats://127.0.0.1:4222"
    nats_credentials: Path
    """Credentials of this process, made by `spindle-nats init-hub`."""
    identity_file: Path | None = None
    """Seeds that sign gateways' credentials; only the web process needs them."""
    host: str = "127.0.0.1"
    """Address the web server listens on; loopback unless told otherwise."""
    port: int = Field(default=8080, ge=1, le=65535)
    public_url: str = ""
    """How browsers reach the hub, when that is not http://host:port; decides secure cookies."""
    leaf_url: str = "nats-leaf://127.0.0.1:7422"
    """How gateways reach the hub's nats-server; shown when a gateway is made."""
    mirror_max_bytes: int = Field(default=4 * GIB, ge=8 * 1024**2)
    """Disk per gateway at the hub. Not less than the gateway's own buffer, so that the mirror never
    forgets what the gateway still has."""
    mirror_max_age_h: int = Field(default=24 * 30, ge=1)
    commit_ms: int = Field(default=100, ge=0, le=10_000)
    """How long the ingest collects batches for one transaction."""
    retention_days: int = Field(default=0, ge=0)
    """Values older than this are dropped; 0 keeps them."""
    functions_folder: Path | None = None
    """Where packages are unpacked to be checked and tried, for nobody else to write; what is lost
    there is made again. Empty: a temporary folder while the hub runs."""
    log_level: str = "INFO"

    @cached_property
    def dsn(self) -> str:
        return self.dsn_file.read_text().strip()
