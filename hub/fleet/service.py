"""`FleetService` is hub.services.Fleet: what people configure, and what the spokes say of it."""

from __future__ import annotations

from hub.fleet.devices import Devices
from hub.fleet.spokes import Spokes
from hub.fleet.tags import Tags


class FleetService(Spokes, Devices, Tags):
    """FleetService(store, presence, commands); its parts are in spokes.py, devices.py, tags.py.

    Every change is one transaction of rows, a new revision with the whole manifest, and an audit
    line; then the spoke gets a notice. Besides the Protocol it has `manifest`, the handshake.
    """
