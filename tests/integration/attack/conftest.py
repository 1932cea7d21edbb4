"""The gateway of tests/integration/spoke, to be attacked."""

from __future__ import annotations

from tests.integration.spoke.conftest import client, hub, server, settings, spoke, stream

__all__ = ["client", "hub", "server", "settings", "spoke", "stream"]
