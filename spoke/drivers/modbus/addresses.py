"""The places of a device's tags; the grammar itself is in `schemas/addresses/modbus.py`."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.addresses.modbus import ModbusAddress, Table, parse
from schemas.config.devices import ManifestTag
from schemas.config.drivers import ModbusConfig
from schemas.errors import AddressError, SpindleError

__all__ = ["ModbusAddress", "Table", "locate", "parse"]


def locate(
    tags: Iterable[ManifestTag], settings: ModbusConfig
) -> tuple[dict[int, ModbusAddress], dict[int, SpindleError]]:
    """The place of each tag, and what is wrong with the others; both by tag id."""
    places: dict[int, ModbusAddress] = {}
    problems: dict[int, SpindleError] = {}
    for tag in tags:
        try:
            places[tag.id] = parse(tag.address, tag.data_type, settings)
        except AddressError as error:
            problems[tag.id] = error
    return places, problems
