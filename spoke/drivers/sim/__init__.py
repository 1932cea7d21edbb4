"""The simulated device: values without a PLC."""

from __future__ import annotations

from schemas.config.drivers import SimConfig
from spoke.clock import Clock
from spoke.drivers.base import Driver, DriverSpec


def _create(settings: SimConfig, clock: Clock) -> Driver:
    from spoke.drivers.sim.driver import SimDriver

    return SimDriver(settings, clock)


SPEC = DriverSpec("sim", "Simulated device", SimConfig, _create)
