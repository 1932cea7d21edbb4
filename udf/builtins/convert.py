"""Units of measurement, by pint."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, model_validator

from udf.base import Parameters
from udf.builtins.tagwise import Reading, Tagwise, Times, value_out
from udf.context import Context

_NAME = r"[^\W\d][\w]*?|[°%µμΩ]\w*?"
_POWER = re.compile(rf"({_NAME})(?:\^|\*\*)?(-?[1-9])(?!\w)")
_FORM = re.compile(rf"(?:1|(?:{_NAME})(?:(?:\^|\*\*)?-?[1-9])?(?!\w)|[()/·\s]|\*(?!\*))*\Z")
"""Names, one-digit powers, products and quotients: no arithmetic that could run for ever."""

Unit = Annotated[str, Field(min_length=1, max_length=60)]


class ConvertParameters(Parameters):
    from_unit: Annotated[Unit, Field(title="From unit")]
    """The unit of the input, for example `degC`, `bar`, `m3/h`, `kWh`, `%`."""
    to_unit: Annotated[Unit, Field(title="To unit")]
    """The unit of the result; it must measure the same thing."""

    @model_validator(mode="after")
    def _convertible(self) -> Self:
        line(self.from_unit, self.to_unit)
        return self


class Convert(Tagwise[ConvertParameters]):
    """A value in another unit: degC to degF, bar to psi, m3/h to l/s, kWh to MJ.

    Scale and offset are computed once, as exact fractions, so a temperature scale's zero point is
    right. Source: pint's unit registry (pint.readthedocs.io), which follows the SI and NIST SP 811.
    """

    name, version, title = "convert", "1.0.0", "Convert units"
    Params = ConvertParameters
    outputs = value_out("The value in the new unit.")

    def prepare(self, ctx: Context) -> None:
        self._scale, self._offset = line(ctx.params.from_unit, ctx.params.to_unit)

    def apply(self, reading: Reading, times: Times) -> Reading:
        values = np.multiply(reading.values, self._scale)
        if self._offset:
            np.add(values, self._offset, out=values)
        return Reading(values, reading.absent, reading.quality)


@cache
def line(from_unit: str, to_unit: str) -> tuple[float, float]:
    """(scale, offset) from one unit to the other. Raises ValueError, which names the unit."""
    import pint  # half a second of CPU that only this function needs

    source, target = _unit(from_unit), _unit(to_unit)
    try:
        zero, one, two = (
            _registry().Quantity(Fraction(number), source).to(target).magnitude
            for number in range(3)
        )
    except pint.DimensionalityError as error:
        raise ValueError(
            f"{from_unit!r} is {_measure(error.dim1)} and {to_unit!r} is {_measure(error.dim2)}: "
            "choose two units of the same quantity"
        ) from None  # pint cannot print its own error with fractions in it
    except (TypeError, pint.PintError) as error:
        raise ValueError(f"there is no straight line from {from_unit!r} to {to_unit!r}") from error
    if two - one != one - zero:
        raise ValueError(f"there is no straight line from {from_unit!r} to {to_unit!r}")
    return float(one - zero), float(zero)


def _unit(text: str) -> Any:
    import pint

    if not _FORM.match(text.strip()):
        raise ValueError(f"{text!r} is not a unit: write it like degC, m3/h or kg/(m2*s)")
    spelled = _POWER.sub(r"\1**\2", text.strip()).replace("·", "*")
    try:
        return _registry().parse_units("" if spelled == "1" else spelled)
    except (pint.PintError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f"the unit {text!r} is not known: units are written like degC, bar, m3/h, kWh, rpm, %"
        ) from error


def _measure(dimensions: Any) -> str:
    """`[length] / [time]` as people read it."""
    powers = [
        name if power == 1 else f"{name}^{float(power):g}"
        for name, power in dict(dimensions or {}).items()
    ]
    return " * ".join(powers) or "a plain number"


@cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(non_int_type=Fraction, cache_folder=None)
