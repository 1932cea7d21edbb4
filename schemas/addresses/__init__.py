"""The address grammar of each driver, so that the hub refuses a wrong address where it is written.

All functions are pure. `check(tag, settings)` of each driver's module raises AddressError for an
address that the driver does not know or that is out of range for the tag's data type.
`overlaps(tags, settings)` of `<driver>_overlaps.py` returns an error for each tag whose registers
or bytes lie across those of another (equal places and bits of a word are allowed: two views of
one register are usual; half of a float is a mistake).
`expand(tags, settings)` comes first: it makes tags of arrays (`arrays.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from schemas.addresses import function, modbus, modbus_overlaps, opcua, s7, s7_overlaps, sim
from schemas.addresses.arrays import expand
from schemas.config.devices import TagConfig
from schemas.errors import AddressError, ConfigError

__all__ = ["check_tags", "expand"]

_CHECKS: dict[str, Callable[[TagConfig, Any], object]] = {
    "modbus": modbus.check,
    "s7": s7.check,
    "opcua": opcua.check,
    "sim": sim.check,
    "function": function.check,
}
_OVERLAPS: dict[str, Callable[[Sequence[TagConfig], Any], list[ConfigError]]] = {
    "modbus": modbus_overlaps.overlaps,
    "s7": s7_overlaps.overlaps,
}


def check_tags(tags: Sequence[TagConfig], settings: Any) -> list[ConfigError]:
    """Every problem of these tags under these connection settings; paths are `tags.<i>.address`.

    A driver that is not ours (third party) is not checked here, but on the spoke.
    """
    check = _CHECKS.get(settings.driver)
    if check is None:
        return []
    found: list[ConfigError] = []
    good, positions = [], []
    for index, tag in enumerate(tags):
        try:
            check(tag, settings)
            good.append(tag)
            positions.append(index)
        except AddressError as error:
            path = f"tags.{index}.address"
            found.append(AddressError(f"{tag.name}: {error.message}", hint=error.hint, path=path))
    overlaps = _OVERLAPS.get(settings.driver)
    for problem in overlaps(good, settings) if overlaps else []:
        place = int(problem.path.split(".")[1])  # counts the good ones
        problem.path = f"tags.{positions[place]}.address"
        found.append(problem)
    return found
