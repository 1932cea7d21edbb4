"""A device without a PLC: its signals are functions of the clock, so a restart does not bend them.

This driver makes a Python object per value; it is for a first look, not for a load test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from schemas.addresses.sim import parse
from schemas.config.devices import ManifestTag
from schemas.config.drivers import SimConfig
from schemas.errors import AddressError, SpindleError, UnreachableError
from schemas.frames import Frame
from schemas.kinds import DataType, Kind, blank
from schemas.quality import Quality
from spoke.drivers.base import Column, DriverContext, GroupLayout, scan_frame
from spoke.drivers.sim import signals
from spoke.drivers.sim.signals import Curve, Value

_STATES = ("stopped", "starting", "running", "holding", "stopping")
_SEED_STRIDE = 1009  # a prime, so that device seed and tag seed do not fall together
_BITS = {"i1": 7, "u1": 8, "i2": 15, "u2": 16, "i4": 31, "u4": 32, "i8": 63}


class SimDriver:
    """Implements `spoke.drivers.base.Driver`."""

    def __init__(self, settings: SimConfig, context: DriverContext) -> None:
        self._settings, self._clock = settings, context.clock
        self._curves: dict[int, Curve] = {}
        self._problems: dict[int, SpindleError] = {}
        self._connected = False

    @property
    def problems(self) -> Mapping[int, SpindleError]:
        return self._problems

    async def connect(self, groups: Sequence[GroupLayout]) -> None:
        """Make the curves. Raises nothing; a wrong address goes to `problems`."""
        for group in groups:
            for tag in group.tags:
                try:
                    self._curves[tag.id] = _curve(tag, self._settings.seed)
                except AddressError as error:
                    self._problems[tag.id] = error
        self._connected = True

    async def read(self, group: GroupLayout) -> list[Frame]:
        """One scan. Raises UnreachableError when it is not connected."""
        if not self._connected:
            raise UnreachableError("The simulated device is not connected.")
        time_ns = self._clock.time_ns()
        return [self._frame(column, time_ns) for column in group.columns]

    async def close(self) -> None:
        self._connected = False

    def _frame(self, column: Column, time_ns: int) -> Frame:
        values = blank(column.wire, (len(column.tags),))
        t = time_ns / 1e9
        missing = []
        for i, tag in enumerate(column.tags):
            curve = self._curves.get(tag.id)
            if curve is None:
                missing.append(i)
            else:
                values[i] = _fit(curve(t), column.wire)
        if not missing:
            return scan_frame(column, values, time_ns)
        quality = np.full(len(values), Quality.GOOD, dtype=np.uint8)
        quality[missing] = Quality.BAD_CONFIG_ERROR
        return scan_frame(column, values, time_ns, quality)


def _curve(tag: ManifestTag, device_seed: int) -> Curve:
    """The tag's signal over t, seconds since 1970. Raises AddressError."""
    name, tag_seed = parse(tag.address)
    seed = (device_seed * _SEED_STRIDE + tag_seed) % 100_000
    make = _BOOLS if tag.data_type.kind is Kind.BOOL else _CURVES
    if tag.data_type is DataType.STRING and name == "state":
        return signals.steps(_STATES, 5.0 + seed % 7)
    return make[name](seed)


def _shifted(curve: Curve, shift_s: float) -> Curve:
    return lambda t: curve(t + shift_s)


def _above(curve: Curve) -> Curve:
    """A number as a bool: is it over the middle of the range?"""
    return lambda t: float(curve(t)) > 50.0


_CURVES: dict[str, Callable[[int], Curve]] = {
    "wave": lambda seed: signals.wave(50.0, 25.0, 60.0, seed),
    "ramp": lambda seed: _shifted(signals.ramp(0.0, 100.0, 30.0), seed * 3.7),
    "counter": lambda seed: signals.total(1.0 + seed % 10),
    "square": lambda seed: lambda t: int(signals.square(10.0, phase=seed * 0.137)(t)),
    "state": lambda seed: signals.steps(range(len(_STATES)), 5.0 + seed % 7),
}
_BOOLS: dict[str, Callable[[int], Curve]] = {
    "wave": lambda seed: _above(signals.wave(50.0, 25.0, 60.0, seed)),
    "ramp": lambda seed: _above(_shifted(signals.ramp(0.0, 100.0, 30.0), seed * 3.7)),
    "counter": lambda seed: lambda t: int(t * (1.0 + seed % 10)) % 2 == 1,
    "square": lambda seed: signals.square(10.0, phase=seed * 0.137),
    "state": lambda seed: signals.steps((False, True), 5.0 + seed % 7),
}


def _fit(value: Value, wire: str) -> Value:
    """The value as the column takes it: integers wrap around, texts are written out."""
    if wire == "O":
        return str(value)
    if wire == "|b1" or wire[1] == "f":
        return value
    assert not isinstance(value, str)
    return math.floor(value) % (1 << _BITS[wire[1:]])
