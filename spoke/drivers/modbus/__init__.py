"""The Modbus driver."""

from __future__ import annotations

from schemas.config.drivers import ModbusConfig
from spoke.drivers.base import Driver, DriverContext, DriverSpec


def _create(settings: ModbusConfig, context: DriverContext) -> Driver:
    from spoke.drivers.modbus.driver import ModbusDriver

    return ModbusDriver(settings, context)


SPEC = DriverSpec("modbus", "Modbus", ModbusConfig, _create)
