"""The simulated plant: a bottling line with a filler, a conveyor and a CIP skid.

Each machine is a PLC with about 120 tags of all kinds. The first tag of each scan group counts the
scans (or, for OPC UA, the seconds), so that a lost or doubled value is a gap or a twin in SQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from schemas.kinds import DataType
from spoke.drivers.sim.signals import Curve, Signal, lag, ramp, square, steps, total, wave

FAST, NORMAL = "fast", "normal"
PERIODS_MS = {FAST: 200, NORMAL: 1000}
CYCLE_S = 60.0
SETPOINTS = {
    "Filler.SpeedSetpoint": (10_000.0, 40_000.0),
    "Line.SpeedSetpoint": (0.1, 0.8),
    ".Setpoint": (20.0, 95.0),
}
"""Names, or how they end, and what may be written."""
_REGISTERS = {
    DataType.INT16: 1,
    DataType.INT32: 2,
    DataType.FLOAT32: 2,
    DataType.INT64: 4,
    DataType.FLOAT64: 4,
}
"""16-bit words per value."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A PLC of the plant: which driver reads it and what it has."""

    name: str
    driver: str
    description: str
    signals: tuple[Signal, ...]

    def tags(self) -> list[dict[str, Any]]:
        """Its tags as the API takes them."""
        return [
            {
                "name": signal.name,
                "address": signal.address,
                "data_type": signal.data_type.value,
                "unit": signal.unit,
                "group": signal.group,
                "description": signal.description,
                **_more(signal),
            }
            for signal in self.signals
        ]

    def groups(self) -> list[dict[str, Any]]:
        used = dict.fromkeys(signal.group for signal in self.signals)
        return [{"name": name, "period_ms": PERIODS_MS[name]} for name in used]


def _more(signal: Signal) -> dict[str, Any]:
    """Setpoints can be written within limits; texts are stored when they change."""
    for ending, (low, high) in SETPOINTS.items():
        if signal.name.endswith(ending):
            return {"access": "rw", "write_low": low, "write_high": high}
    return {"deadband": 0.0} if signal.data_type is DataType.STRING else {}


def counter(address: str, group: str) -> Signal:
    return Signal(
        f"Scans.{group.capitalize()}",
        address,
        DataType.INT32,
        lambda _t: 0,
        group=group,
        description="Counts up by one with each scan of its group",
        counts_reads=True,
    )


class _Registers:
    """Gives out holding registers one after the other."""

    def __init__(self, start: int) -> None:
        self._next = start
        self._coil = start

    def __call__(self, kind: DataType, characters: int = 0) -> str:
        if kind is DataType.BOOL:
            self._coil += 1
            return f"CO:{self._coil - 1}"
        address = f"HR:{self._next}" + (f":{characters}" if characters else "")
        self._next += (characters + 1) // 2 if characters else _REGISTERS[kind]
        return address


class _DataBlock:
    """Gives out bytes of an S7 data block; words lie on even bytes, as in STEP 7."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._next = 0
        self._bit = 8

    def __call__(self, kind: DataType, characters: int = 0) -> str:
        if kind is DataType.BOOL:
            if self._bit > 7:
                self._bit, self._byte = 0, self._take(1)
            self._bit += 1
            return f"DB{self._number}.DBX{self._byte}.{self._bit - 1}"
        self._bit = 8
        self._next += self._next % 2
        if characters:
            return f"DB{self._number}.{self._take(characters + 2)}:{characters}"
        return f"DB{self._number}.{self._take(2 * _REGISTERS[kind])}"

    def _take(self, count: int) -> int:
        self._next += count
        return self._next - count


def running(t: float) -> bool:
    """The line runs 50 s of each minute; then it stops shortly, as lines do."""
    return (t % CYCLE_S) < 50


def _while_running(curve: Curve, at_rest: float = 0.0) -> Curve:
    return lambda t: curve(t) if running(t) else at_rest


def filler() -> Machine:
    """24 filling valves on a carousel; Modbus TCP."""
    fast, normal = _Registers(0), _Registers(1000)
    f4, i2, i4, i8, b1 = (
        DataType.FLOAT32,
        DataType.INT16,
        DataType.INT32,
        DataType.INT64,
        DataType.BOOL,
    )

    def signals() -> Iterator[Signal]:
        yield counter(fast(i4), FAST)
        speed = _while_running(wave(36000, 600, 45))
        yield Signal("Filler.Speed", fast(f4), f4, speed, "1/h", FAST, "Bottles per hour")
        yield Signal("Filler.BowlLevel", fast(f4), f4, wave(62, 6, 20, 1), "%", FAST)
        yield Signal("Filler.BowlPressure", fast(f4), f4, wave(2.8, 0.15, 12, 2), "bar", FAST)
        yield Signal("Filler.Running", fast(b1), b1, running, "", FAST)
        for n in range(1, 25):
            volume = _while_running(wave(500, 1.2, 7, n))
            yield Signal(f"Valve{n:02d}.Volume", fast(f4), f4, volume, "ml", FAST)
            turn = square(4.0, 0.4, n / 24)
            yield Signal(f"Valve{n:02d}.Open", fast(b1), b1, turn, "", FAST)
        yield counter(normal(i4), NORMAL)
        states = steps([1, 1, 1, 1, 1, 3], 10)
        yield Signal("Filler.State", normal(i2), i2, states, "", NORMAL, "1 run, 3 held")
        products = steps(["Still water 0.5 l", "Apple spritz 0.5 l"], 600)
        yield Signal("Filler.Product", normal(i2, 24), DataType.STRING, products, "", NORMAL)
        yield Signal("Filler.Bottles", normal(i8), i8, total(9.2, 182_000_000), "", NORMAL)
        yield Signal("Filler.Rejects", normal(i4), i4, total(0.013, 4021), "", NORMAL)
        yield Signal("Filler.ProductTemp", normal(f4), f4, wave(4.2, 0.3, 90, 3), "°C", NORMAL)
        yield Signal("Filler.CO2Pressure", normal(f4), f4, wave(5.1, 0.1, 75, 4), "bar", NORMAL)
        yield Signal("Filler.MotorTemp", normal(f4), f4, wave(58, 3, 300, 5), "°C", NORMAL)
        yield Signal("Filler.Power", normal(f4), f4, wave(21, 2.5, 50, 6), "kW", NORMAL)
        yield Signal("Filler.Energy", normal(i4), i4, total(0.006, 88_400), "kWh", NORMAL)
        for n in range(1, 25):
            times = _while_running(lambda t, n=n: 1480 + (int(t / 4) * 7 + n * 13) % 40)  # type: ignore[misc]
            yield Signal(f"Valve{n:02d}.FillTime", normal(i2), i2, times, "ms", NORMAL)
            cycles = total(0.383, 7_500_000 + n * 311)
            yield Signal(f"Valve{n:02d}.Cycles", normal(i4), i4, cycles, "", NORMAL)
        yield Signal("Filler.SpeedSetpoint", normal(f4), f4, lambda _t: 36_000.0, "1/h", NORMAL)

    return Machine("Filler", "modbus", "24-valve rotary filler", tuple(signals()))


def conveyor() -> Machine:
    """16 conveyor zones between filler and packer; Siemens S7."""
    fast, normal = _DataBlock(10), _DataBlock(20)
    f4, i2, i4, i8, b1 = (
        DataType.FLOAT32,
        DataType.INT16,
        DataType.INT32,
        DataType.INT64,
        DataType.BOOL,
    )

    def signals() -> Iterator[Signal]:
        yield counter(fast(i4), FAST)
        for n in range(1, 17):
            speed = _while_running(wave(0.52, 0.03, 30, n))
            yield Signal(f"Zone{n:02d}.Speed", fast(f4), f4, speed, "m/s", FAST)
            current = _while_running(wave(3.4, 0.6, 11, n), 0.1)
            yield Signal(f"Zone{n:02d}.Current", fast(f4), f4, current, "A", FAST)
        for n in range(1, 17):
            yield Signal(f"Zone{n:02d}.Running", fast(b1), b1, running, "", FAST)
            full = square(17 + n, 0.2, n / 16)
            yield Signal(f"Zone{n:02d}.Accumulated", fast(b1), b1, full, "", FAST)
        yield counter(normal(i4), NORMAL)
        yield Signal("Line.Shift", normal(i2), i2, steps([1, 2, 3], 28800), "", NORMAL)
        names = steps(["A. Novak", "M. Silva", "K. Brandt"], 1800)
        yield Signal("Line.Operator", normal(i2, 20), DataType.STRING, names, "", NORMAL)
        yield Signal("Line.BottlesIn", normal(i8), i8, total(9.2, 181_990_000), "", NORMAL)
        yield Signal("Line.BottlesOut", normal(i8), i8, total(9.19, 181_900_000), "", NORMAL)
        yield Signal("Line.Jams", normal(i4), i4, total(0.004, 612), "", NORMAL)
        for n in range(1, 17):
            yield Signal(
                f"Zone{n:02d}.MotorTemp", normal(f4), f4, wave(47, 4, 400, n), "°C", NORMAL
            )
            torque = _while_running(lambda t, n=n: 310 + (int(t) * 11 + n * 17) % 60)  # type: ignore[misc]
            yield Signal(f"Zone{n:02d}.Torque", normal(i2), i2, torque, "0.1 Nm", NORMAL)
            starts = total(1 / CYCLE_S, 40_000 + n)
            yield Signal(f"Zone{n:02d}.Starts", normal(i4), i4, starts, "", NORMAL)
        yield Signal("Line.SpeedSetpoint", normal(f4), f4, lambda _t: 0.52, "m/s", NORMAL)

    return Machine("Conveyor", "s7", "16 zones from filler to packer", tuple(signals()))


def cip() -> Machine:
    """A cleaning-in-place skid with four tanks; OPC UA."""
    f4, f8, i2, i4, i8, b1 = (
        DataType.FLOAT32,
        DataType.FLOAT64,
        DataType.INT16,
        DataType.INT32,
        DataType.INT64,
        DataType.BOOL,
    )

    def node(
        name: str, kind: DataType, curve: Curve, unit: str = "", *, counts: bool = False
    ) -> Signal:
        address = f"ns=2;s=CIP.{name}"
        return Signal(name, address, kind, curve, unit, NORMAL, counts_reads=counts)

    def signals() -> Iterator[Signal]:
        yield node("Scans.Normal", i4, lambda _t: 0, counts=True)
        phases = ["Pre-rinse", "Caustic", "Rinse", "Acid", "Rinse", "Disinfect", "Drain"]
        yield node("Phase", DataType.STRING, steps(phases, 30))
        yield node("PhaseNumber", i2, steps([1, 2, 3, 4, 3, 6, 7], 30))
        yield node("Recipe", DataType.STRING, steps(["Standard 7-step", "Short 4-step"], 900))
        yield node("CyclesTotal", i8, total(1 / 210, 12_044))
        yield node("ReturnFlow", f8, wave(18_400, 900, 25, 1), "l/h")
        yield node("ReturnConductivity", f8, wave(41.5, 22, 120, 2), "mS/cm")
        yield node("ReturnTurbidity", f4, wave(3.1, 1.4, 60, 3), "NTU")
        for n, medium in enumerate(("Caustic", "Acid", "Water", "Recovered"), start=1):
            tank = f"Tank{n}"
            heat = square(180, 0.5, n / 4)
            yield node(f"{tank}.Medium", DataType.STRING, lambda _t, m=medium: m)  # type: ignore[misc]
            yield node(f"{tank}.Level", f4, ramp(95, 20, 140 + 20 * n), "%")
            yield node(f"{tank}.Temperature", f8, lag(22, 82, heat, 60, 360), "°C")
            yield node(f"{tank}.Setpoint", f4, steps([80.0, 82.0], 600), "°C")
            yield node(f"{tank}.Conductivity", f4, wave(50 * n, 4, 200, n), "mS/cm")
            yield node(f"{tank}.Heating", b1, heat)
            yield node(f"{tank}.HeaterPower", f4, wave(36, 3, 45, n), "kW")
            yield node(f"{tank}.FillCount", i4, total(1 / 140, 3_000 + n))
            for valve in ("Inlet", "Outlet", "Return", "Drain"):
                phase = sum(map(ord, valve)) % 10 / 10
                yield node(f"{tank}.{valve}Open", b1, square(30, 0.4, phase))
                yield node(f"{tank}.{valve}Position", i2, steps([0, 0, 100, 100], 7.5), "%")
                yield node(f"{tank}.{valve}Cycles", i4, total(1 / 30, 90_000 + n))
        for n in range(1, 5):
            pump = f"Pump{n}"
            yield node(f"{pump}.Running", b1, square(90, 0.7, n / 4))
            yield node(f"{pump}.Speed", f4, wave(2_850, 40, 22, n), "1/min")
            yield node(f"{pump}.Current", f4, wave(11.8, 0.9, 16, n), "A")
            yield node(f"{pump}.Pressure", f8, wave(4.4, 0.3, 12, n), "bar")
            yield node(f"{pump}.Hours", i4, total(1 / 3600, 8_800 + n), "h")

    return Machine("CIP", "opcua", "Cleaning in place, four tanks", tuple(signals()))


MACHINES = {"modbus": filler, "s7": conveyor, "opcua": cip}
