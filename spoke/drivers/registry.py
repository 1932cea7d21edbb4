"""Finds drivers by entry point (`spindle.drivers`), ours and third parties'.

A driver is imported when the first device needs it: one broken package stops no other driver.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from schemas.errors import ConfigError
from spoke.drivers.base import DriverSpec

GROUP = "spindle.drivers"


@cache
def driver(name: str) -> DriverSpec:
    """The driver of this name. Raises ConfigError when it is missing or cannot be imported."""
    found = entry_points(group=GROUP, name=name)
    if not found:
        raise ConfigError(
            f"This gateway has no driver {name!r}.",
            hint="Install the package that brings it on the gateway, then restart the gateway.",
        )
    try:
        spec = next(iter(found)).load()
    except ImportError as error:
        raise ConfigError(
            f"The driver {name!r} cannot be loaded: {error}.",
            hint="Reinstall the gateway with its driver packages.",
        ) from error
    if not isinstance(spec, DriverSpec):
        raise ConfigError(f"The driver {name!r} exports no DriverSpec.")
    return spec
