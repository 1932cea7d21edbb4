"""An S7 type at a place of the CPU's memory, as an address of ours and a data type."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.addresses.s7_types import MAX_STRING, MAX_WSTRING, S7_TYPES, Form, text_bytes
from schemas.kinds import DataType


@dataclass(frozen=True, slots=True)
class Element:
    """One value of an elementary type. A bit has `size_bytes` 0."""

    size_bytes: int
    even: bool
    """In a block with standard access it begins at an even byte."""
    data_type: DataType
    suffix: str = ""
    """What an address must say where the letter of the size is not enough: `STRING[20]`."""
    unit: str = ""


_TEXTS = {Form.STRING: MAX_STRING, Form.WSTRING: MAX_WSTRING}
_UNITS = {"TIME": "ms", "S5TIME": "ms", "LTIME": "ns"}
_LETTERS = {1: "B", 2: "W", 4: "D"}
_NOT_IN_MEMORY = frozenset({"TIMER", "COUNTER"})


def element(name: str, length: int | None = None) -> Element | None:
    """The type of this name (`length` is that of STRING and WSTRING); None for an unknown one."""
    upper = name.upper()
    found = S7_TYPES.get(upper)
    if found is None or upper in _NOT_IN_MEMORY:
        return None
    if found.form in _TEXTS:
        characters = MAX_STRING if length is None else length
        if not 1 <= characters <= _TEXTS[found.form]:
            return None
        size = text_bytes(found.form, characters)
        return Element(size, True, DataType.STRING, f"{found.form}[{characters}]")
    if length is not None:
        return None
    suffix = "" if found.form is Form.PLAIN else found.form.value
    size = 0 if found.bits == 1 else found.size_bytes
    return Element(size, found.even, found.data_type, suffix, _UNITS.get(upper, ""))


def address(area: str, kind: Element, start_byte: int, bit: int = 0) -> str:
    """`DB5.DBD10`, `MW20`, `M0.3`, `DB5.10:STRING[20]`; `area` is `DB5`, `M`, `I` or `Q`."""
    if kind.size_bytes == 0:
        return bit_address(area, start_byte, bit)
    letter = "" if kind.suffix else _LETTERS.get(kind.size_bytes, "")
    if area.startswith("DB"):
        area = f"{area}.{'DB' if letter else ''}"
    return f"{area}{letter}{start_byte}{':' if kind.suffix else ''}{kind.suffix}"


def bit_address(area: str, start_byte: int, bit: int) -> str:
    return f"{area}.DBX{start_byte}.{bit}" if area.startswith("DB") else f"{area}{start_byte}.{bit}"
