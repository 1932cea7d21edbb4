"""Options for every NATS connection, the same at hub and spoke.

`max_reconnect_attempts=-1` everywhere: the default gives up for good after 60 tries. Errors of the
connection are logged at DEBUG, because the owner of the connection reports the outage once.
"""

from __future__ import annotations

import logging
from typing import Any

_log = logging.getLogger(__name__)


async def _quiet(error: Exception) -> None:
    _log.debug("NATS: %s", error, extra={"action": "nats.error"})


def options(name: str, inbox_prefix: str) -> dict[str, Any]:
    """Keyword arguments for `nats.connect`. Times in seconds."""
    return {
        "name": name,
        "inbox_prefix": inbox_prefix.encode(),
        "allow_reconnect": True,
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": 0.25,
        "connect_timeout": 3,
        "ping_interval": 10,
        "max_outstanding_pings": 2,
        "error_cb": _quiet,
    }
