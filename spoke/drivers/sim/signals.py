"""Signals of a simulated process: pure functions of time, used by every simulator.

A `Signal` has a name, a type and an address in its PLC; `value(t)` gives its value at t seconds
since the simulator started. A signal with `counts_reads` is different: the simulator adds one each
time that a client reads it, so that a lost or doubled scan shows in SQL as a gap or a twin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from schemas.kinds import DataType

Value = float | int | bool | str
Curve = Callable[[float], Value]


@dataclass(frozen=True, slots=True)
class Signal:
    name: str
    address: str
    data_type: DataType
    curve: Curve
    unit: str = ""
    group: str = "normal"
    description: str = ""
    counts_reads: bool = False

    def value(self, t: float) -> Value:
        return self.curve(t)


def wave(mean: float, swing: float, period_s: float, seed: int = 0) -> Curve:
    """A process value: a slow sine, a faster small one, repeatable noise of 2 % of the swing."""

    def curve(t: float) -> float:
        slow = math.sin(2 * math.pi * (t / period_s + seed * 0.137))
        fast = 0.15 * math.sin(2 * math.pi * (t / period_s * 7.3 + seed * 0.71))
        return round(mean + swing * (slow + fast + 0.02 * noise(t, seed)), 3)

    return curve


def lag(
    low: float, high: float, on: Callable[[float], bool], tau_s: float, cycle_s: float
) -> Curve:
    """A first-order lag that heats towards `high` while `on(t)` and falls to `low` otherwise."""

    def curve(t: float) -> float:
        level, step = low, max(cycle_s / 60, 0.05)
        start = math.floor(t / cycle_s) * cycle_s
        for i in range(int((t - start) / step)):
            target = high if on(start + i * step) else low
            level += (target - level) * min(1.0, step / tau_s)
        return round(level, 3)

    return curve


def ramp(low: float, high: float, period_s: float) -> Curve:
    """A saw tooth: a tank that fills and is emptied at once."""
    return lambda t: round(low + (high - low) * ((t / period_s) % 1.0), 3)


def total(rate_per_s: float, start: int = 0) -> Curve:
    """A counter that never falls: bottles, kWh x 100, starts."""
    return lambda t: start + int(t * rate_per_s)


def square(period_s: float, duty: float = 0.5, phase: float = 0.0) -> Callable[[float], bool]:
    return lambda t: ((t / period_s + phase) % 1.0) < duty


def steps(choices: Sequence[Value], period_s: float) -> Curve:
    """Goes through the choices: states, recipes, operators' names."""
    return lambda t: choices[int(t / period_s) % len(choices)]


def noise(t: float, seed: int) -> float:
    """A repeatable pseudo-random number in [-1, 1) for each tenth of a second."""
    x = math.sin(math.floor(t * 10) * 12.9898 + seed * 78.233) * 43758.5453
    return 2.0 * (x - math.floor(x)) - 1.0
