"""OPC UA. asyncua is imported when the first device is created, not here."""

from __future__ import annotations

from schemas.config.drivers import OpcUaConfig
from spoke.clock import Clock
from spoke.drivers.base import Driver, DriverSpec


def _create(settings: OpcUaConfig, clock: Clock) -> Driver:
    from spoke.drivers.opcua.driver import OpcUaDriver

    return OpcUaDriver(settings, clock)


SPEC = DriverSpec(name="opcua", title="OPC UA", config=OpcUaConfig, create=_create)
