"""Siemens S7: S7-300, S7-400, S7-1200, S7-1500 and compatible CPUs over ISO on TCP."""

from __future__ import annotations

from schemas.config.drivers import S7Config
from spoke.drivers.base import Driver, DriverContext, DriverSpec


def _create(settings: S7Config, context: DriverContext) -> Driver:
    from spoke.drivers.s7.driver import S7Driver  # brings python-snap7, only when needed

    return S7Driver(settings, context)


SPEC = DriverSpec(name="s7", title="Siemens S7", config=S7Config, create=_create)
