"""The Modbus TCP driver."""

from __future__ import annotations

from schemas.config.drivers import ModbusConfig
from spoke.clock import Clock
from spoke.drivers.base import Driver, DriverSpec


def _create(settings: ModbusConfig, clock: Clock) -> Driver:
    from spoke.drivers.modbus.driver import ModbusDriver

    return ModbusDriver(settings, clock, depth=settings.depth)


SPEC = DriverSpec("modbus", "Modbus TCP", ModbusConfig, _create)
