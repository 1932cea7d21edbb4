"""Arrays: one address with a number of elements behind it, `HR:0[10]`, becomes a tag for each.

Modbus: `HR:0[10]`, `40001[10]@CDAB`, `HR:100:20[5]` (texts), `HR:10.0[32]` (bits), `CO:0[8]`.
S7: `DB1.DBD10[5]`, `DB1.10:REAL[5]`; `STRING[30]` is a length and no array, `STRING[30][5]` is one.
In OPC UA a bracket is part of a node id, and an element is a node of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from schemas.addresses import modbus, s7
from schemas.config.devices import TagConfig
from schemas.errors import AddressError
from schemas.kinds import DataType

MAX_ELEMENTS = 1000
MAX_NAME = 100
"""As `schemas.config.base.Name` has it."""

_Element = Callable[[str, DataType, int], str]
_ARRAYS: dict[str, tuple[_Element, Callable[[TagConfig, Any], object]]] = {
    "modbus": (modbus.element, modbus.check),
    "s7": (s7.element, s7.check),
}
"""By driver: the address of an element, and what checks it."""
_WITHOUT = frozenset({"sim"})
"""Drivers whose addresses never have a bracket."""
_FORM = re.compile(
    r"(?P<first>.*?)(?<!STRING)\[(?P<count>[^\[\]]*)\](?P<order>@\w*)?", re.IGNORECASE | re.DOTALL
)


def expand(tags: Sequence[TagConfig], settings: Any) -> list[TagConfig]:
    """The tags with every array replaced by its elements `Name[0]`, `Name[1]` and so on.

    Raises AddressError with the path `tags.<i>.address` for the first array that cannot be: not 1
    to 1000 elements, an address that is wrong or goes past the end, a driver without arrays.
    """
    expanded: list[TagConfig] = []
    for index, tag in enumerate(tags):
        try:
            expanded += elements(tag, settings)
        except AddressError as error:
            path = f"tags.{index}.address"
            raise AddressError(
                f"{tag.name}: {error.message}", hint=error.hint, path=path
            ) from error
    return expanded


def elements(tag: TagConfig, settings: Any) -> list[TagConfig]:
    """The tags of one array, or the tag itself when its address is no array.

    Raises AddressError, without a path.
    """
    if "[" not in tag.address or settings.driver not in _WITHOUT | _ARRAYS.keys():
        return [tag]
    match = _FORM.fullmatch(tag.address.strip())
    if match is None:
        return [tag]  # `STRING[30]`, or an address that its check refuses
    if settings.driver in _WITHOUT:
        raise AddressError(
            f"{tag.address!r}: the driver {settings.driver} has no arrays.",
            hint="Write one tag for each value, without the brackets.",
        )
    element, check = _ARRAYS[settings.driver]
    count = _count(tag, match["count"])
    first = match["first"] + (match["order"] or "")
    found = [
        tag.model_copy(
            update={"name": f"{tag.name}[{i}]", "address": element(first, tag.data_type, i)}
        )
        for i in range(count)
    ]
    check(found[0], settings)
    check(found[-1], settings)
    return found


def _count(tag: TagConfig, text: str) -> int:
    """The number of elements. Raises AddressError."""
    text = text.strip()
    count = int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0
    if not 1 <= count <= MAX_ELEMENTS:
        raise AddressError(
            f"{tag.address!r}: an array has 1 to {MAX_ELEMENTS} elements, not {text or 'nothing'}.",
            hint="Write the number of elements in the brackets, for example [10].",
        )
    if len(f"{tag.name}[{count - 1}]") > MAX_NAME:
        raise AddressError(
            f"The names of the elements would be longer than {MAX_NAME} characters.",
            hint=f"Shorten the name to {MAX_NAME - len(f'[{count - 1}]')} characters.",
        )
    return count
