"""OPC UA. asyncua is imported when the first device is created, not here."""

from __future__ import annotations

from schemas.config.drivers import OpcUaConfig
from spoke.drivers.base import Driver, DriverContext, DriverSpec


def _create(settings: OpcUaConfig, context: DriverContext) -> Driver:
    from spoke.drivers.opcua.driver import OpcUaDriver

    return OpcUaDriver(settings, context)


SPEC = DriverSpec(name="opcua", title="OPC UA", config=OpcUaConfig, create=_create)
