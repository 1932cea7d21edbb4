"""The simulated device: values without a PLC."""

from __future__ import annotations

from schemas.config.drivers import SimConfig
from spoke.drivers.base import Driver, DriverContext, DriverSpec


def _create(settings: SimConfig, context: DriverContext) -> Driver:
    from spoke.drivers.sim.driver import SimDriver

    return SimDriver(settings, context)


SPEC = DriverSpec("sim", "Simulated device", SimConfig, _create)
