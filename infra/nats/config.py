"""Configuration files of the hub's and a spoke's nats-server; the reasons are in docs/adr/0004."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from hub.fleet.identity import Identity
from schemas import subjects

_COMMON = """\
max_payload: 8MB
ping_interval: "10s"
ping_max: 2                          # notices a half-open link in < 30 s (default: 357 s)
feature_flags { js_ack_fc_v2: true } # acks that name the domain (nats.md, pitfall P1)
"""


@dataclass(frozen=True, slots=True)
class HubServer:
    """Settings of the hub's server. Sizes in bytes."""

    store: Path
    client_port: int
    leaf_port: int
    client_host: str = "127.0.0.1"
    leaf_host: str = "127.0.0.1"
    max_file_bytes: int = 4 * 1024**4
    """Each mirror reserves its SPINDLE_HUB_MIRROR_MAX_BYTES of it: 1,024 gateways of 4 GiB."""
    max_memory_bytes: int = 256 * 1024**2
    monitor_port: int = 0
    leaf_tls: str = ""

    def render(self, identity: Identity) -> str:
        monitor = f"http: 127.0.0.1:{self.monitor_port}\n" if self.monitor_port else ""
        return f"""\
server_name: {subjects.HUB_DOMAIN}
listen: {quoted(f"{self.client_host}:{self.client_port}")}
{monitor}{_COMMON}
jetstream {{
  store_dir: {quoted(str(self.store))}
  domain: {subjects.HUB_DOMAIN}
  max_mem: {self.max_memory_bytes}
  max_file: {self.max_file_bytes}
  sync_interval: always              # a mirror acknowledges to the spoke: it must be on disk
}}
leafnodes {{
  listen: {quoted(f"{self.leaf_host}:{self.leaf_port}")}
  no_advertise: true                 # spokes must not learn the hub's inner addresses
  isolate_leafnode_interest: true    # no interest from spoke to spoke
  compression: off                   # batches are compressed by the application
  authorization {{ timeout: 30 }}
{self.leaf_tls}}}
operator: {identity.operator_jwt()}
system_account: {identity.system_account}
resolver: MEMORY
resolver_preload {{
  {identity.system_account}: {identity.system_jwt()}
  {identity.plant_account}: {identity.plant_jwt()}
}}
"""


@dataclass(frozen=True, slots=True)
class SpokeServer:
    """Settings of a spoke's server. Sizes in bytes."""

    spoke: str
    store: Path
    port: int
    user: str
    password: str
    hub_url: str
    """For example nats-leaf://127.0.0.1:7422 or tls://hub.example:7422; empty for no hub yet."""
    credentials: Path
    max_file_bytes: int = 10 * 1024**3
    max_memory_bytes: int = 64 * 1024**2
    host: str = "127.0.0.1"
    monitor_port: int = 0

    def render(self) -> str:
        monitor = f"http: 127.0.0.1:{self.monitor_port}\n" if self.monitor_port else ""
        return f"""\
server_name: {self.spoke}
listen: {quoted(f"{self.host}:{self.port}")}
{monitor}{_COMMON}
jetstream {{
  store_dir: {quoted(str(self.store))}
  domain: {self.spoke}
  max_mem: {self.max_memory_bytes}
  max_file: {self.max_file_bytes}
  sync_interval: always              # an acknowledged batch is on disk; the default is 2 minutes
}}
accounts {{
  PLANT {{
    jetstream: enabled
    users: [ {{ user: {quoted(self.user)}, password: {quoted(self.password)} }} ]
  }}
}}
leafnodes {{
  reconnect: "2s"
  remotes: [ {self._remote()} ]
}}
"""

    def _remote(self) -> str:
        if not self.hub_url:
            return ""
        return (
            f"{{ url: {quoted(self.hub_url)}, account: PLANT, "
            f"credentials: {quoted(str(self.credentials))}, compression: off }}"
        )


def quoted(text: str) -> str:
    """A string of the server's configuration language."""
    return json.dumps(text)
